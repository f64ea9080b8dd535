package domainxml

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"org.kvmmanager/internal/model"
)

// NewNetwork is the definition of a new network. libvirt chooses its UUID and,
// if none is given, the name of its bridge.
func NewNetwork(s *model.NetworkSetup) (string, error) {
	n := &node{name: "network"}
	n.put("name", s.Name)
	setNetwork(n, s, nil)
	var b strings.Builder
	err := n.write(&b, "\n")
	return b.String(), err
}

// ChangeNetwork changes a stored definition into one with what is given. What the
// setup says nothing of, and what this program does not know, stays as it is.
func ChangeNetwork(doc string, s *model.NetworkSetup, given model.Keys) (string, error) {
	n, err := parseRaw(doc, "network")
	if err != nil {
		return "", err
	}
	n.unset("connections") // of a running one: it is no setting
	setNetwork(n, s, given)
	return n.document()
}

// setNetwork has one function for each part that can be set.
func setNetwork(n *node, s *model.NetworkSetup, given model.Keys) {
	for _, part := range []struct {
		set  func(*node, *model.NetworkSetup)
		keys string
	}{
		{setForward, "mode host-device macvtap-mode nat-ipv6"},
		{setBridge, "mode bridge"},
		{setMTU, "mtu"},
		{setVLANs, "vlans"},
		{setDomain, "domain"},
		{setDNS, "dns dns-hosts dns-forwarders"},
		{setIPs, "addresses dhcp-ranges dhcp-hosts tftp-root boot-file"},
	} {
		if given.Any(strings.Fields(part.keys)...) {
			part.set(n, s)
		}
	}
}

// forwardModes is what libvirt calls the modes.
var forwardModes = map[string]string{
	model.NetworkNAT: "nat", model.NetworkRouted: "route", model.NetworkOpen: "open", model.NetworkBridge: "bridge",
}

func setForward(n *node, s *model.NetworkSetup) {
	mode := forwardModes[s.Mode]
	if s.Mode == model.NetworkMacvtap {
		if mode = s.MacvtapMode; mode == "" {
			mode = "bridge"
		}
	}
	if mode == "" {
		n.drop("forward")
		return
	}
	there := n.has("forward")
	f := n.child("forward")
	if old := f.attr("mode"); old != mode && !(there && old == "" && mode == "nat") { // which is the default
		f.attrs, f.children = nil, nil
		f.set("mode", mode)
	}
	setForwardDevice(f, s)
	setNATIPv6(f, s.NATIPv6 != nil && *s.NATIPv6)
}

// setForwardDevice leaves a pool of interfaces alone that begins with the one
// that is wanted.
func setForwardDevice(f *node, s *model.NetworkSetup) {
	if s.HostDevice == forwardDevice(f) {
		return
	}
	f.unset("dev")
	f.drop("interface")
	if s.HostDevice == "" {
		return
	}
	if s.Mode != model.NetworkMacvtap {
		f.set("dev", s.HostDevice)
	}
	f.children = append(f.children, newNode("interface", "dev", s.HostDevice))
}

func forwardDevice(f *node) string {
	if dev := f.attr("dev"); dev != "" {
		return dev
	}
	return f.find("interface").attr("dev")
}

func setNATIPv6(f *node, on bool) {
	if on {
		f.child("nat").set("ipv6", "yes")
		return
	}
	if nat := f.find("nat"); nat != nil {
		nat.unset("ipv6")
		f.dropEmpty("nat")
	}
}

// setBridge leaves what belongs to libvirt's own bridges out of the definition
// where the bridge is the host's.
func setBridge(n *node, s *model.NetworkSetup) {
	switch {
	case s.Managed() && s.Bridge == "":
		return // libvirt gives it a name
	case s.Managed():
		n.child("bridge").set("name", s.Bridge)
	case s.Bridge == "":
		n.drop("mac")
		n.drop("bridge")
	default:
		n.drop("mac")
		bridge := n.child("bridge")
		bridge.set("name", s.Bridge)
		bridge.unset("stp", "delay", "zone")
	}
}

func setMTU(n *node, s *model.NetworkSetup) {
	if s.MTU == 0 {
		n.drop("mtu")
		return
	}
	n.child("mtu").set("size", decimal(s.MTU))
}

// setVLANs tags what comes from a guest, or with several numbers lets the guest
// do so. A tag that stays keeps what else is said of it.
func setVLANs(n *node, s *model.NetworkSetup) {
	if len(s.VLANs) == 0 {
		n.drop("vlan")
		return
	}
	vlan := n.child("vlan")
	vlan.unset("trunk")
	if len(s.VLANs) > 1 {
		vlan.set("trunk", "yes")
	}
	ids := make([]*node, len(s.VLANs))
	for i, id := range s.VLANs {
		ids[i] = newNode("tag", "id", decimal(id))
	}
	vlan.replaceAll("tag", ids, "id")
}

func setDomain(n *node, s *model.NetworkSetup) {
	if s.Domain == "" {
		n.drop("domain")
		return
	}
	n.child("domain").set("name", s.Domain)
}

// setDNS keeps TXT and SRV records, and servers for certain domains.
func setDNS(n *node, s *model.NetworkSetup) {
	d := n.child("dns")
	switch {
	case s.DNS != nil && !*s.DNS && s.Managed():
		d.set("enable", "no")
	case d.attr("enable") == "no":
		d.unset("enable")
	}
	var servers, hosts []*node
	for f := range d.all("forwarder") {
		if f.attr("domain") != "" {
			servers = append(servers, f)
		}
	}
	for _, server := range s.DNSForwarders {
		servers = append(servers, newNode("forwarder", "addr", server))
	}
	d.replaceAll("forwarder", servers, "domain", "addr")
	for _, h := range s.DNSHosts {
		host := newNode("host", "ip", h.Address)
		for _, name := range h.Names {
			host.children = append(host.children, &node{name: "hostname", text: name})
		}
		hosts = append(hosts, host)
	}
	d.replaceAll("host", hosts, "ip")
	n.dropEmpty("dns")
}

func setIPs(n *node, s *model.NetworkSetup) {
	var ips []*node
	root := s.TFTPRoot
	for _, a := range s.Addresses {
		subnet, ok := a.Subnet()
		if !ok {
			continue // validated before
		}
		ip := newNode("ip", "address", a.Address)
		for old := range n.all("ip") {
			if old.attr("address") == a.Address {
				ip = old
			}
		}
		setPrefix(ip, subnet)
		// Files are served at the first IPv4 address.
		if subnet.Addr().Is4() && root != "" {
			ip.child("tftp").set("root", root)
			root = ""
		} else {
			ip.drop("tftp")
		}
		setDHCP(ip, s, subnet)
		ips = append(ips, ip)
	}
	n.drop("ip")
	n.children = append(n.children, ips...)
}

// setPrefix leaves a mask alone that says the same.
func setPrefix(ip *node, subnet netip.Prefix) {
	if mask, err := netip.ParseAddr(ip.attr("netmask")); err == nil && mask.Is4() && int(maskBits(mask)) == subnet.Bits() {
		return
	}
	ip.unset("netmask")
	ip.set("prefix", strconv.Itoa(subnet.Bits()))
	if subnet.Addr().Is6() {
		ip.set("family", "ipv6")
	}
}

// setDHCP sets what is leased in a subnet. What stays keeps its lease time.
func setDHCP(ip *node, s *model.NetworkSetup, subnet netip.Prefix) {
	in := func(text string) bool {
		addr, err := netip.ParseAddr(text)
		return err == nil && subnet.Contains(addr)
	}
	var ranges, hosts []*node
	for _, r := range s.DHCPRanges {
		if in(r.Start) {
			ranges = append(ranges, newNode("range", "start", r.Start, "end", r.End))
		}
	}
	for _, h := range s.DHCPHosts {
		if in(h.Address) {
			hosts = append(hosts, newNode("host", "id", h.ID, "mac", h.MAC, "name", h.Name, "ip", h.Address))
		}
	}
	if len(ranges)+len(hosts) == 0 {
		ip.drop("dhcp")
		return
	}
	d := ip.child("dhcp")
	d.replaceAll("range", ranges, "start", "end")
	d.replaceAll("host", hosts, "mac", "ip")
	if s.BootFile != "" && subnet.Addr().Is4() {
		d.child("bootp").set("file", s.BootFile)
	} else {
		d.drop("bootp")
	}
}

// newNode is an element with attributes, in pairs of name and value. Those without a
// value are left out.
func newNode(name string, attrs ...string) *node {
	n := &node{name: name}
	for i := 0; i < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			n.set(attrs[i], attrs[i+1])
		}
	}
	return n
}

// replaceAll replaces the children with a name by those of a list. A child that is
// there already, as told by these attributes, keeps whatever else it says.
func (n *node) replaceAll(name string, list []*node, by ...string) {
	var had []*node
	at := len(n.children)
	for i, c := range n.children {
		if c.name == name && c.space == "" {
			had, at = append(had, c), min(at, i)
		}
	}
	same := func(a, b *node) bool {
		return !slices.ContainsFunc(by, func(attr string) bool { return !strings.EqualFold(a.attr(attr), b.attr(attr)) })
	}
	all := make([]*node, len(list))
	for i, c := range list {
		all[i] = c
		j := slices.IndexFunc(had, func(old *node) bool { return same(old, c) })
		if j < 0 || had[j] == c {
			continue
		}
		all[i] = had[j]
		all[i].unset("id", "name") // of leases, which are not told by them
		for _, a := range c.attrs {
			all[i].set(a.Name.Local, a.Value)
		}
		if len(c.children) > 0 {
			all[i].children = c.children
		}
		had = slices.Delete(had, j, j+1)
	}
	n.drop(name)
	n.children = slices.Insert(n.children, at, all...)
}

// dropEmpty removes a child that says nothing.
func (n *node) dropEmpty(name string) {
	if c := n.find(name); c != nil && len(c.attrs)+len(c.children) == 0 && c.content() == "" {
		n.drop(name)
	}
}

func decimal(v uint32) string { return strconv.FormatUint(uint64(v), 10) }
