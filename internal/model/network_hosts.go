package model

import (
	"net/netip"
	"regexp"
	"strings"
)

var (
	clientID = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){0,127}$`)
	dnsLabel = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?$`)
)

func (s *NetworkSetup) validateDHCPHosts() error {
	if len(s.DHCPHosts) > MaxDHCPHosts {
		return invalid("There are too many fixed addresses: %d are allowed.", MaxDHCPHosts)
	}
	seen := map[string]bool{}
	for i := range s.DHCPHosts {
		h := &s.DHCPHosts[i]
		if err := s.ValidateDHCPHost(h); err != nil {
			return err
		}
		for what, value := range map[string]string{
			"MAC address": strings.ToLower(h.MAC), "name": strings.ToLower(h.Name), "address": h.Address, "client id": strings.ToLower(h.ID),
		} {
			if value != "" && seen[what+value] {
				return invalid("Two guests cannot have the same %s, %s.", what, value)
			}
			seen[what+value] = true
		}
	}
	return nil
}

// ValidateDHCPHost says why a network cannot have a fixed lease.
func (s *NetworkSetup) ValidateDHCPHost(h *DHCPHost) error {
	if err := h.Validate(); err != nil {
		return err
	}
	addr, _ := netip.ParseAddr(h.Address)
	subnet, there := s.subnetOf(addr)
	switch {
	case !there:
		return invalid("The address %s is in no subnet of the network.", addr)
	case !usable(subnet, addr):
		return invalid("%s is the first or last address of %s, which cannot be a guest's.", addr, subnet)
	case s.isHost(addr):
		return invalid("%s is the host's own address in the network.", addr)
	case addr.Is6() && subnet.Bits() < 64:
		return invalid("DHCP for IPv6 needs a subnet with a prefix of 64 bits or more, not %s.", subnet)
	}
	return nil
}

// Validate says what is wrong with a fixed lease, whatever network it is for.
func (h *DHCPHost) Validate() error {
	addr, err := netip.ParseAddr(h.Address)
	switch {
	case h.Address == "":
		return invalid("A guest with a fixed address needs an address.")
	case err != nil || addr.Zone() != "" || addr.Is4In6():
		return invalid("“%s” is not an IP address.", Printable(h.Address))
	case h.MAC != "" && !validMAC(h.MAC):
		return invalid("The MAC address must look like 52:54:00:12:34:56.")
	case h.ID != "" && !clientID.MatchString(h.ID):
		return invalid("The client id must be hexadecimal numbers with colons between them, such as 00:01:02:03.")
	case addr.Is4() && h.MAC == "" && h.Name == "" && h.ID == "":
		return invalid("A guest with a fixed address is known by its MAC address. Give mac.")
	case addr.Is6() && h.MAC != "":
		return invalid("DHCP for IPv6 does not know guests by their MAC address. Give name or id.")
	case addr.Is6() && h.Name == "" && h.ID == "":
		return invalid("DHCP for IPv6 knows guests by their name or client id. Give name or id.")
	}
	return ValidateHostName(h.Name)
}

// Collides says what two fixed leases have in common that only one can have;
// empty if there is nothing.
func (h *DHCPHost) Collides(other *DHCPHost) string {
	for _, part := range []struct{ what, mine, theirs string }{
		{"MAC address", h.MAC, other.MAC}, {"address", h.Address, other.Address}, {"name", h.Name, other.Name}, {"client id", h.ID, other.ID},
	} {
		if part.mine != "" && strings.EqualFold(part.mine, part.theirs) {
			return part.what
		}
	}
	return ""
}

// Fits says whether a fixed lease has everything that is given here.
func (h *DHCPHost) Fits(given *DHCPHost) bool {
	for _, part := range [][2]string{{h.MAC, given.MAC}, {h.Address, given.Address}, {h.Name, given.Name}, {h.ID, given.ID}} {
		if part[1] != "" && !strings.EqualFold(part[0], part[1]) {
			return false
		}
	}
	return true
}

// validMAC refuses what is no address of one interface.
func validMAC(mac string) bool {
	return macAddress.MatchString(mac) && strings.ContainsAny(mac[1:2], "02468aceACE") && strings.Trim(mac, "0:") != ""
}

func (s *NetworkSetup) validateDNSHosts() error {
	if len(s.DNSHosts) > MaxDNSHosts {
		return invalid("There are too many DNS entries: %d are allowed.", MaxDNSHosts)
	}
	seen := map[string]bool{}
	for i := range s.DNSHosts {
		h := &s.DNSHosts[i]
		if err := h.validate(); err != nil {
			return err
		}
		for _, key := range append([]string{h.Address}, h.Names...) {
			if seen[strings.ToLower(key)] {
				return invalid("The DNS entries have %s twice. Give each address once, with all its names.", key)
			}
			seen[strings.ToLower(key)] = true
		}
	}
	return nil
}

func (h *DNSHost) validate() error {
	addr, err := netip.ParseAddr(h.Address)
	switch {
	case err != nil || addr.Zone() != "" || addr.Is4In6():
		return invalid("“%s” is not an IP address.", Printable(h.Address))
	case len(h.Names) == 0:
		return invalid("The DNS entry for %s has no name.", addr)
	case len(h.Names) > MaxDNSNames:
		return invalid("The DNS entry for %s has too many names: %d are allowed.", addr, MaxDNSNames)
	}
	for _, name := range h.Names {
		if !validDNSName(name) {
			return invalid("“%s” cannot be a name in the DNS: it can have only letters, digits, dashes and underscores, and dots between them.", Printable(name))
		}
	}
	return nil
}

func validDNSName(name string) bool {
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	for _, label := range strings.Split(name, ".") {
		if len(label) > maxHostNamePart || !dnsLabel.MatchString(label) {
			return false
		}
	}
	return true
}
