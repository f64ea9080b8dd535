package domainxml

import (
	"net/netip"
	"reflect"
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
		UUID:    strings.ToLower(n.find("uuid").content()),
		Name:    n.find("name").verbatim(),
		Mode:    networkMode(n),
		Bridge:  n.find("bridge").attr("name"),
		NATIPv6: n.find("forward", "nat").yes("ipv6"),
		MTU:     number(n.find("mtu").attr("size")),
		Domain:  n.find("domain").attr("name"),
	}
	if net.HostDevice = n.find("forward").attr("dev"); net.HostDevice == "" {
		net.HostDevice = n.find("forward", "interface").attr("dev")
	}
	if net.Mode == model.NetworkMacvtap {
		net.MacvtapMode = n.find("forward").attr("mode")
	}
	for tag := range n.find("vlan").all("tag") {
		net.VLANs = append(net.VLANs, number(tag.attr("id")))
	}
	for ip := range n.all("ip") {
		addIP(net, ip)
	}
	addDNS(net, n.find("dns"))
	return net, nil
}

// addDNS leaves out servers that are asked about certain domains only.
func addDNS(net *model.Network, dns *node) {
	setup := net.Setup()
	net.DNS = setup.Managed() && dns.attr("enable") != "no"
	for f := range dns.all("forwarder") {
		if f.attr("domain") == "" {
			net.DNSForwarders = append(net.DNSForwarders, f.attr("addr"))
		}
	}
	for h := range dns.all("host") {
		host := model.DNSHost{Address: h.attr("ip")}
		for name := range h.all("hostname") {
			host.Names = append(host.Names, name.content())
		}
		net.DNSHosts = append(net.DNSHosts, host)
	}
}

// PendingNetworkChanges names the properties that the stored definition of a
// running network has otherwise than the one in effect.
func PendingNetworkChanges(live, stored *model.Network) []string {
	var names []string
	for _, p := range []struct {
		name         string
		live, stored any
	}{
		{"Mode", live.Mode, stored.Mode},
		{"Bridge", live.Bridge, stored.Bridge},
		{"HostDevice", live.HostDevice, stored.HostDevice},
		{"MacvtapMode", live.MacvtapMode, stored.MacvtapMode},
		{"NATIPv6", live.NATIPv6, stored.NATIPv6},
		{"MTU", live.MTU, stored.MTU},
		{"VLANs", live.VLANs, stored.VLANs},
		{"DNS", live.DNS, stored.DNS},
		{"Domain", live.Domain, stored.Domain},
		{"DNSHosts", live.DNSHosts, stored.DNSHosts},
		{"DNSForwarders", live.DNSForwarders, stored.DNSForwarders},
		{"Addresses", live.Addresses, stored.Addresses},
		{"DHCPRanges", live.DHCPRanges, stored.DHCPRanges},
		{"DHCPHosts", live.DHCPHosts, stored.DHCPHosts},
		{"TFTPRoot", live.TFTPRoot, stored.TFTPRoot},
		{"BootFile", live.BootFile, stored.BootFile},
	} {
		if !reflect.DeepEqual(p.live, p.stored) {
			names = append(names, p.name)
		}
	}
	return names
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
	if root := ip.find("tftp").attr("root"); root != "" {
		net.TFTPRoot = root
	}
	if file := ip.find("dhcp", "bootp").attr("file"); file != "" {
		net.BootFile = file
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

// InterfaceOfDevice is the name of the network interface that a node device is;
// empty if it is none.
func InterfaceOfDevice(xml string) string {
	n, err := parse(xml, "device")
	if err != nil {
		return ""
	}
	return n.find("capability", "interface").content()
}
