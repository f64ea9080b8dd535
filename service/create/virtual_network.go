package create

import (
	"net/netip"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Network chooses what a new network leaves out, and refuses one that makes no
// sense or collides with others of its host.
func Network(s *model.NetworkSetup, others []*model.Network) error {
	if s.Mode == "" {
		s.Mode = model.NetworkNAT
	}
	if s.Managed() && s.Addresses == nil {
		if err := freeSubnet(s, others); err != nil {
			return err
		}
	}
	NormalizeNetwork(s)
	if s.DHCPRanges == nil {
		s.DHCPRanges = usualRanges(s.Addresses)
	}
	if s.NATIPv6 == nil && s.Mode == model.NetworkNAT {
		on := slices.ContainsFunc(s.Addresses, isIPv6)
		s.NATIPv6 = &on
	}
	if err := model.ValidateNetworkSetup(s, nil); err != nil {
		return errs.New(errs.InvalidArgument, "%s", err)
	}
	if i := slices.IndexFunc(others, func(n *model.Network) bool { return n.Name == s.Name }); i >= 0 {
		return errs.New(errs.AlreadyExists, "There is already a network called “%s”.", s.Name)
	}
	return NetworkConflict(s, others, nil)
}

// NetworkConflict refuses addresses and a bridge that another network has. It
// looks at the given keys.
func NetworkConflict(s *model.NetworkSetup, others []*model.Network, given model.Keys) error {
	for _, other := range others {
		setup := other.Setup()
		if given.Any("bridge") && s.Managed() && setup.Managed() && s.Bridge != "" && s.Bridge == other.Bridge {
			return errs.New(errs.AlreadyExists, "The network “%s” has the bridge “%s”. Choose another name, or none.", other.Name, s.Bridge)
		}
		if !given.Any("addresses") {
			continue
		}
		for i := range s.Addresses {
			mine, _ := s.Addresses[i].Subnet()
			if theirs, overlap := overlapping(mine, other); overlap {
				return errs.New(errs.AlreadyExists, "The network “%s” has the addresses %s already. Give the new one others than %s.",
					other.Name, theirs, mine)
			}
		}
	}
	return nil
}

func overlapping(subnet netip.Prefix, n *model.Network) (netip.Prefix, bool) {
	for i := range n.Addresses {
		if theirs, ok := n.Addresses[i].Subnet(); ok && theirs.Overlaps(subnet) {
			return theirs, true
		}
	}
	return netip.Prefix{}, false
}

func isIPv6(a model.NetworkAddress) bool {
	addr, err := netip.ParseAddr(a.Address)
	return err == nil && addr.Is6()
}

// freeSubnet gives a network the first of the private subnets from
// 192.168.100.0/24 on that no other has.
func freeSubnet(s *model.NetworkSetup, others []*model.Network) error {
	for third := byte(100); third < 255; third++ {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, third, 0}), 24)
		taken := slices.ContainsFunc(others, func(n *model.Network) bool {
			_, overlap := overlapping(subnet, n)
			return overlap
		})
		if !taken {
			s.Addresses = []model.NetworkAddress{{Address: subnet.Addr().Next().String(), Prefix: 24}}
			return nil
		}
	}
	return errs.New(errs.InvalidArgument, "No usual range of addresses is free. Give the network addresses.")
}

// usualRanges leases the rest of the first IPv4 subnet. Guests choose their own
// IPv6 addresses.
func usualRanges(addresses []model.NetworkAddress) []model.DHCPRange {
	for i := range addresses {
		subnet, ok := addresses[i].Subnet()
		if !ok || subnet.Addr().Is6() || subnet.Bits() > 30 {
			continue
		}
		host, _ := netip.ParseAddr(addresses[i].Address)
		first, last := subnet.Addr().Next(), model.LastAddress(subnet).Prev()
		before, after := addressRange{first, host.Prev()}, addressRange{host.Next(), last}
		if before.size() > after.size() {
			after = before
		}
		if after.size() > 0 {
			return []model.DHCPRange{after.shortened()}
		}
	}
	return nil
}

// addressRange is IPv4 addresses from the first to the last.
type addressRange struct{ first, last netip.Addr }

// size can be zero: the last address is before the first one then.
func (r addressRange) size() int64 { return int64(number(r.last)) - int64(number(r.first)) + 1 }

// shortened is what libvirt takes of a range: it must not cross a multiple of
// 65536.
func (r addressRange) shortened() model.DHCPRange {
	end := r.last
	bytes := r.first.As4()
	bytes[2], bytes[3] = 255, 255
	if block := netip.AddrFrom4(bytes); block.Less(end) {
		end = block
	}
	return model.DHCPRange{Start: r.first.String(), End: end.String()}
}

func number(addr netip.Addr) uint32 {
	b := addr.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
