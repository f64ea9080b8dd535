package model

import (
	"net/netip"
	"slices"
	"strings"
)

// networkRanges are the addresses that a virtual network can have without
// taking those of others: private ones, those for tests and those for
// documentation (RFC 1918, 2544, 4193, 5737, 6598, 3849, 9637).
var networkRanges = prefixes(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
	"fc00::/7", "2001:db8::/32", "3fff::/20",
)

// The shortest prefixes that a network can have: with a shorter one it would take
// in the networks of whole sites.
const (
	minPrefix4 = 16
	minPrefix6 = 48
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, text := range list {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// CheckNetworkRanges says why the addresses of a network belong to others: the
// host would look for those in the network, and not where they are.
func (s *NetworkSetup) CheckNetworkRanges() error {
	for i := range s.Addresses {
		subnet, ok := s.Addresses[i].Subnet()
		if !ok {
			continue // it has been said
		}
		least := minPrefix4
		if subnet.Addr().Is6() {
			least = minPrefix6
		}
		inside := func(p netip.Prefix) bool { return p.Contains(subnet.Addr()) && p.Bits() <= subnet.Bits() }
		switch {
		case subnet.Bits() < least:
			return invalid("%s is too large for a virtual network: its prefix must have at least %d bits.", subnet, least)
		case !slices.ContainsFunc(networkRanges, inside):
			return invalid("%s are public addresses, which the host could no longer reach elsewhere. Choose a private subnet, such as 192.168.150.0/24 or fd00:150::/64.", subnet)
		}
	}
	return nil
}

// hostRanges are addresses from which no medium is read: those of the host
// itself and its link, those where clouds keep the secrets of their machines, and
// what is no address of one machine.
var hostRanges = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"100.100.100.200/32", "168.63.129.16/32", "192.0.0.0/24", // metadata of Alibaba, Azure and Oracle
	"::/127", "fe80::/10", "fec0::/10", "ff00::/8",
	"fd00:ec2::/32", "fd20:ce::254/128", // metadata of Amazon and Google
)

// embedded are ranges of IPv6 with an IPv4 address in them, and where it begins,
// in bytes (RFC 4291, 6052, 3056, 8215, 2765).
var embedded = []struct {
	in netip.Prefix
	at int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// forHostOnly reports whether an address is one of hostRanges, however it is
// written.
func forHostOnly(ip netip.Addr) bool {
	if slices.ContainsFunc(hostRanges, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return true
	}
	for _, e := range embedded {
		if bytes := ip.AsSlice(); e.in.Contains(ip) {
			inner, _ := netip.AddrFromSlice(bytes[e.at : e.at+4])
			return forHostOnly(inner)
		}
	}
	return false
}

// hostNames are names of this host in every place, and names under which clouds
// keep metadata, with those below them.
var hostNames = []string{
	"localhost", "localdomain", "localhost4", "localhost6", "localdomain4", "localdomain6", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters",
	"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal",
}

const hostItself = "No medium is read from “%s”, which is the host itself or a service of its own. Use the address of a server in the network."

// CheckOwnName refuses the address of a medium on the host with this name, which
// often resolves to a loopback address there. An empty address is none.
func CheckOwnName(address, hostname string) error {
	if address == "" || hostname == "" {
		return nil
	}
	a, err := ParseMediumAddress(address)
	if err != nil {
		return err
	}
	short, _, _ := strings.Cut(hostname, ".")
	if strings.EqualFold(a.Host, hostname) || strings.EqualFold(a.Host, short) {
		return invalid(hostItself, Printable(a.Host))
	}
	return nil
}

// CheckWebHost says why no medium is read from a server with this name or
// address. A name that resolves to such an address is not known here.
func CheckWebHost(host string) error {
	refused := invalid(hostItself, Printable(host))
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" || forHostOnly(ip) {
			return refused
		}
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	for _, own := range hostNames {
		if name == own || strings.HasSuffix(name, "."+own) {
			return refused
		}
	}
	// What ends with a number is an IPv4 address in another spelling (hexadecimal,
	// octal, fewer parts), or none at all.
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "" {
		return invalid("“%s” cannot be the name of a server. Write an IP address as four numbers from 0 to 255, such as 192.0.2.1.", Printable(host))
	}
	return nil
}
