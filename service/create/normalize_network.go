package create

import (
	"net/netip"
	"strings"

	"org.kvmmanager/internal/model"
)

// NormalizeNetwork gives addresses the form in which libvirt tells them, and
// prefixes that are left out the usual lengths: 24 bits, and for IPv6 64. What
// is no address stays as it is, and is refused later.
func NormalizeNetwork(s *model.NetworkSetup) {
	for i := range s.Addresses {
		a := &s.Addresses[i]
		addr, err := netip.ParseAddr(a.Address)
		if err != nil {
			continue
		}
		family, length := "ipv4", uint32(24)
		if addr.Is6() {
			family, length = "ipv6", 64
		}
		a.Address = addr.String()
		if a.Prefix == 0 {
			a.Prefix = length
		}
		if a.Family == "" {
			a.Family = family
		}
	}
	for i := range s.DHCPRanges {
		r := &s.DHCPRanges[i]
		r.Start, r.End = usualAddress(r.Start), usualAddress(r.End)
	}
	for i := range s.DHCPHosts {
		s.DHCPHosts[i] = NormalizeDHCPHost(s.DHCPHosts[i])
	}
	for i := range s.DNSHosts {
		s.DNSHosts[i].Address = usualAddress(s.DNSHosts[i].Address)
	}
}

// NormalizeDHCPHost does the same for a fixed lease.
func NormalizeDHCPHost(h model.DHCPHost) model.DHCPHost {
	h.MAC, h.Address = strings.ToLower(h.MAC), usualAddress(h.Address)
	return h
}

func usualAddress(text string) string {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.String()
	}
	return text
}
