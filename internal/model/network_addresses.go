package model

import (
	"net/netip"
	"slices"
)

// Subnet is the addresses that an address of the host stands for; false if it
// is none.
func (a *NetworkAddress) Subnet() (netip.Prefix, bool) {
	addr, err := netip.ParseAddr(a.Address)
	if err != nil {
		return netip.Prefix{}, false
	}
	prefix, err := addr.Prefix(int(a.Prefix))
	return prefix, err == nil
}

func (a *NetworkAddress) is4() bool {
	addr, err := netip.ParseAddr(a.Address)
	return err == nil && addr.Is4()
}

func (s *NetworkSetup) validateAddresses() error {
	if len(s.Addresses) > MaxNetworkAddresses {
		return invalid("There are too many addresses: %d are allowed.", MaxNetworkAddresses)
	}
	var subnets []netip.Prefix
	for i := range s.Addresses {
		a := &s.Addresses[i]
		if err := a.validate(); err != nil {
			return err
		}
		subnet, _ := a.Subnet()
		if j := slices.IndexFunc(subnets, subnet.Overlaps); j >= 0 {
			return invalid("The subnets %s and %s of the network overlap.", subnets[j], subnet)
		}
		subnets = append(subnets, subnet)
	}
	return nil
}

func (a *NetworkAddress) validate() error {
	addr, err := netip.ParseAddr(a.Address)
	switch {
	case err != nil || addr.Zone() != "" || addr.Is4In6():
		return invalid("“%s” is not an IP address.", Printable(a.Address))
	case !addr.IsGlobalUnicast():
		return invalid("%s cannot be the host's address in a network.", addr)
	case a.Family != "" && a.Family != family(addr):
		return invalid("%s is not an address of the family “%s”.", addr, Printable(a.Family))
	case a.Prefix < 1 || int(a.Prefix) > addr.BitLen()-2:
		return invalid("The prefix of %s must be between 1 and %d bits long.", addr, addr.BitLen()-2)
	}
	subnet, _ := a.Subnet()
	if !usable(subnet, addr) {
		return invalid("%s is the first or last address of %s, which cannot be the host's.", addr, subnet)
	}
	return nil
}

// family is how the API calls an address's family.
func family(addr netip.Addr) string {
	if addr.Is4() {
		return "ipv4"
	}
	return "ipv6"
}

// usable says whether an address of a subnet can be that of a machine.
func usable(subnet netip.Prefix, addr netip.Addr) bool {
	return subnet.Contains(addr) && addr != subnet.Masked().Addr() && (addr.Is6() || addr != LastAddress(subnet))
}

// LastAddress is the last address of a subnet, which in IPv4 is the one for all.
func LastAddress(subnet netip.Prefix) netip.Addr {
	bytes := subnet.Masked().Addr().AsSlice()
	for bit := subnet.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// subnetOf is the subnet of the network that an address is in.
func (s *NetworkSetup) subnetOf(addr netip.Addr) (netip.Prefix, bool) {
	for i := range s.Addresses {
		if subnet, ok := s.Addresses[i].Subnet(); ok && subnet.Contains(addr) {
			return subnet, true
		}
	}
	return netip.Prefix{}, false
}

// isHost says whether this is the host's own address.
func (s *NetworkSetup) isHost(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Addresses, func(a NetworkAddress) bool {
		own, err := netip.ParseAddr(a.Address)
		return err == nil && own == addr
	})
}

type addressRange struct{ first, last netip.Addr }

func (s *NetworkSetup) validateRanges() error {
	if len(s.DHCPRanges) > MaxDHCPRanges {
		return invalid("There are too many DHCP ranges: %d are allowed.", MaxDHCPRanges)
	}
	var ranges []addressRange
	for _, given := range s.DHCPRanges {
		r, err := s.parseRange(given)
		if err != nil {
			return err
		}
		for _, other := range ranges {
			if r.first.Compare(other.last) <= 0 && other.first.Compare(r.last) <= 0 {
				return invalid("The DHCP ranges %s – %s and %s – %s overlap.", other.first, other.last, r.first, r.last)
			}
		}
		ranges = append(ranges, r)
	}
	return nil
}

func (s *NetworkSetup) parseRange(given DHCPRange) (addressRange, error) {
	var r addressRange
	for _, end := range []struct {
		text string
		into *netip.Addr
	}{{given.Start, &r.first}, {given.End, &r.last}} {
		addr, err := netip.ParseAddr(end.text)
		if err != nil || addr.Zone() != "" || addr.Is4In6() {
			return r, invalid("“%s” is not an IP address.", Printable(end.text))
		}
		*end.into = addr
	}
	subnet, there := s.subnetOf(r.first)
	switch {
	case r.last.Less(r.first):
		return r, invalid("The DHCP range %s – %s ends before it begins.", r.first, r.last)
	case !there:
		return r, invalid("The DHCP range %s – %s is in no subnet of the network.", r.first, r.last)
	case !subnet.Contains(r.last):
		return r, invalid("The DHCP range %s – %s goes beyond the subnet %s.", r.first, r.last, subnet)
	case !usable(subnet, r.first) || !usable(subnet, r.last):
		return r, invalid("The DHCP range %s – %s has the first or last address of %s, which cannot be a guest's.", r.first, r.last, subnet)
	case tooFar(r.first, r.last):
		return r, invalid("The DHCP range %s – %s is too large: its addresses must have all but the last 16 bits in common.", r.first, r.last)
	case r.first.Is6() && subnet.Bits() < 64:
		return r, invalid("DHCP for IPv6 needs a subnet with a prefix of 64 bits or more, not %s.", subnet)
	}
	return r, nil
}

// tooFar says whether a range is larger than libvirt takes: all but the last 16
// bits of its addresses must be the same.
func tooFar(first, last netip.Addr) bool {
	a, b := first.AsSlice(), last.AsSlice()
	return !slices.Equal(a[:len(a)-2], b[:len(b)-2])
}

// validateOneDHCP refuses what dnsmasq under libvirt cannot: leases in two
// subnets of a family.
func (s *NetworkSetup) validateOneDHCP() error {
	in := map[string]netip.Prefix{}
	leased := make([]string, 0, len(s.DHCPRanges)+len(s.DHCPHosts))
	for _, r := range s.DHCPRanges {
		leased = append(leased, r.Start)
	}
	for _, h := range s.DHCPHosts {
		leased = append(leased, h.Address)
	}
	for _, text := range leased {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			continue // it has been said, or is not ours to judge
		}
		subnet, there := s.subnetOf(addr)
		before, known := in[family(addr)]
		if there && known && before != subnet {
			return invalid("A network leases the addresses of one subnet of each family only, not of %s and %s.", before, subnet)
		}
		if there {
			in[family(addr)] = subnet
		}
	}
	return nil
}
