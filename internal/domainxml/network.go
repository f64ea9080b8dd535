package domainxml

import (
	"net/netip"
	"strings"

	"org.kvmmanager/internal/model"
)

// ParseNetwork makes a network of libvirt's XML. Active, Persistent, Autostart,
// Host and VMs are the caller's.
func ParseNetwork(xml string) (*model.Network, error) {
	n, err := parse(xml, "network")
	if err != nil {
		return nil, err
	}
	net := &model.Network{
		UUID:   strings.ToLower(n.find("uuid").content()),
		Name:   n.find("name").content(),
		Mode:   networkMode(n),
		Bridge: n.find("bridge").attr("name"),
		Domain: n.find("domain").attr("name"),
	}
	for ip := range n.all("ip") {
		addIP(net, ip)
	}
	return net, nil
}

// networkMode names what libvirt's forward element means: none is an isolated
// network, and four of its modes are macvtap, one of them unless a bridge of
// the host is named.
func networkMode(n *node) string {
	forward := n.find("forward")
	if forward == nil {
		return "isolated"
	}
	switch mode := forward.attr("mode"); mode {
	case "", "nat":
		return "nat"
	case "route":
		return "routed"
	case "bridge":
		if n.find("bridge").attr("name") != "" {
			return "bridge"
		}
		return "macvtap"
	case "private", "vepa", "passthrough":
		return "macvtap"
	default:
		return mode
	}
}

func addIP(net *model.Network, ip *node) {
	if a, ok := networkAddress(ip); ok {
		net.Addresses = append(net.Addresses, a)
	}
	for r := range ip.find("dhcp").all("range") {
		net.DHCPRanges = append(net.DHCPRanges, model.DHCPRange{Start: r.attr("start"), End: r.attr("end")})
	}
	for h := range ip.find("dhcp").all("host") {
		net.DHCPHosts = append(net.DHCPHosts, model.DHCPHost{
			MAC: strings.ToLower(h.attr("mac")), Name: h.attr("name"), Address: h.attr("ip"), ID: h.attr("id"),
		})
	}
}

func networkAddress(ip *node) (model.NetworkAddress, bool) {
	addr, err := netip.ParseAddr(ip.attr("address"))
	if err != nil {
		return model.NetworkAddress{}, false
	}
	family := "ipv4"
	if addr.Is6() {
		family = "ipv6"
	}
	return model.NetworkAddress{Address: ip.attr("address"), Prefix: prefix(ip, addr), Family: family}, true
}

// prefix is the given one, or what the mask says, or libvirt's default: 64, and
// the class of an IPv4 address.
func prefix(ip *node, addr netip.Addr) uint32 {
	if p := number(ip.attr("prefix")); p > 0 {
		return p
	}
	if mask, err := netip.ParseAddr(ip.attr("netmask")); err == nil && mask.Is4() {
		return maskBits(mask)
	}
	if addr.Is6() {
		return 64
	}
	switch first := addr.As4()[0]; {
	case first < 128:
		return 8
	case first < 192:
		return 16
	default:
		return 24
	}
}

func maskBits(mask netip.Addr) uint32 {
	var n uint32
	for _, b := range mask.As4() {
		for ; b&0x80 != 0; b <<= 1 {
			n++
		}
	}
	return n
}
