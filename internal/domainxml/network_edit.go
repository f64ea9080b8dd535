package domainxml

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// NewNetwork is the definition of a new network. libvirt chooses its UUID and,
// if none is given, the name of its bridge.
func NewNetwork(s *model.NetworkSetup) (string, error) {
	n := libvirtxml.Network{Name: s.Name}
	setNetwork(&n, s, nil)
	return marshalNetwork(&n)
}

// ChangeNetwork changes a stored definition into one with what is given. What
// the setup says nothing of stays as it is.
func ChangeNetwork(doc string, s *model.NetworkSetup, given model.Keys) (string, error) {
	var n libvirtxml.Network
	if err := n.Unmarshal(doc); err != nil {
		return "", fmt.Errorf("cannot read <network>: %w", err)
	}
	same, err := survives(doc, &n)
	if err != nil {
		return "", err
	}
	if !same {
		return "", errs.New(errs.NotSupported, "This network has settings that KVM Manager does not know. Change it with virsh net-edit.")
	}
	setNetwork(&n, s, given)
	return marshalNetwork(&n)
}

// survives says whether nothing of a document is lost when it is written again.
func survives(doc string, n *libvirtxml.Network) (bool, error) {
	again, err := marshalNetwork(n)
	if err != nil {
		return false, err
	}
	before, err := parse(doc, "network")
	if err != nil {
		return false, err
	}
	after, err := parse(again, "network")
	if err != nil {
		return false, err
	}
	before.unset("connections") // of a running one: it is no setting
	return before.fingerprint() == after.fingerprint(), nil
}

// fingerprint is the same for elements that differ in the order of their parts
// only.
func (n *node) fingerprint() string {
	parts := make([]string, 0, len(n.attrs)+len(n.children))
	for _, a := range n.attrs {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			parts = append(parts, fmt.Sprintf("%q=%q", a.Name.Local, a.Value))
		}
	}
	for _, c := range n.children {
		parts = append(parts, c.fingerprint())
	}
	slices.Sort(parts)
	return fmt.Sprintf("<%s %q %q %s>", n.space, n.name, n.content(), strings.Join(parts, " "))
}

func marshalNetwork(n *libvirtxml.Network) (string, error) {
	text, err := n.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write <network>: %w", err)
	}
	return text, nil
}

// setNetwork has one function for each part that can be set.
func setNetwork(n *libvirtxml.Network, s *model.NetworkSetup, given model.Keys) {
	for _, part := range []struct {
		set  func(*libvirtxml.Network, *model.NetworkSetup)
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

func setForward(n *libvirtxml.Network, s *model.NetworkSetup) {
	mode := forwardModes[s.Mode]
	if s.Mode == model.NetworkMacvtap {
		if mode = s.MacvtapMode; mode == "" {
			mode = "bridge"
		}
	}
	if mode == "" {
		n.Forward = nil
		return
	}
	if n.Forward == nil || n.Forward.Mode != mode {
		n.Forward = &libvirtxml.NetworkForward{Mode: mode}
	}
	setForwardDevice(n.Forward, s)
	setNATIPv6(n.Forward, s.NATIPv6 != nil && *s.NATIPv6)
}

// setForwardDevice leaves a pool of interfaces alone that begins with the one
// that is wanted.
func setForwardDevice(f *libvirtxml.NetworkForward, s *model.NetworkSetup) {
	if s.HostDevice == forwardDevice(f) {
		return
	}
	f.Dev, f.Interfaces = "", nil
	if s.HostDevice == "" {
		return
	}
	if s.Mode != model.NetworkMacvtap {
		f.Dev = s.HostDevice
	}
	f.Interfaces = []libvirtxml.NetworkForwardInterface{{Dev: s.HostDevice}}
}

func forwardDevice(f *libvirtxml.NetworkForward) string {
	if f.Dev == "" && len(f.Interfaces) > 0 {
		return f.Interfaces[0].Dev
	}
	return f.Dev
}

func setNATIPv6(f *libvirtxml.NetworkForward, on bool) {
	switch {
	case on && f.NAT == nil:
		f.NAT = &libvirtxml.NetworkForwardNAT{IPv6: "yes"}
	case on:
		f.NAT.IPv6 = "yes"
	case f.NAT != nil && len(f.NAT.Addresses) == 0 && len(f.NAT.Ports) == 0:
		f.NAT = nil
	case f.NAT != nil:
		f.NAT.IPv6 = ""
	}
}

func setBridge(n *libvirtxml.Network, s *model.NetworkSetup) {
	switch {
	case s.Managed() && s.Bridge == "":
		return // libvirt gives it a name
	case s.Managed() && n.Bridge != nil:
		n.Bridge.Name = s.Bridge
	case s.Managed():
		n.Bridge = &libvirtxml.NetworkBridge{Name: s.Bridge}
	default:
		n.MAC, n.Bridge = nil, nil // they are the host's
		if s.Bridge != "" {
			n.Bridge = &libvirtxml.NetworkBridge{Name: s.Bridge}
		}
	}
}

func setMTU(n *libvirtxml.Network, s *model.NetworkSetup) {
	n.MTU = nil
	if s.MTU != 0 {
		n.MTU = &libvirtxml.NetworkMTU{Size: uint(s.MTU)}
	}
}

// setVLANs tags what comes from a guest, or with several numbers lets the guest
// do so.
func setVLANs(n *libvirtxml.Network, s *model.NetworkSetup) {
	n.VLAN = nil
	if len(s.VLANs) == 0 {
		return
	}
	n.VLAN = &libvirtxml.NetworkVLAN{}
	if len(s.VLANs) > 1 {
		n.VLAN.Trunk = "yes"
	}
	for _, id := range s.VLANs {
		n.VLAN.Tags = append(n.VLAN.Tags, libvirtxml.NetworkVLANTag{ID: uint(id)})
	}
}

func setDomain(n *libvirtxml.Network, s *model.NetworkSetup) {
	switch {
	case s.Domain == "":
		n.Domain = nil
	case n.Domain == nil:
		n.Domain = &libvirtxml.NetworkDomain{Name: s.Domain}
	default:
		n.Domain.Name = s.Domain
	}
}

// setDNS keeps TXT and SRV records, and servers for certain domains.
func setDNS(n *libvirtxml.Network, s *model.NetworkSetup) {
	if n.DNS == nil {
		n.DNS = &libvirtxml.NetworkDNS{}
	}
	d := n.DNS
	switch {
	case s.DNS != nil && !*s.DNS && s.Managed():
		d.Enable = "no"
	case d.Enable == "no":
		d.Enable = ""
	}
	d.Forwarders = slices.DeleteFunc(d.Forwarders, func(f libvirtxml.NetworkDNSForwarder) bool { return f.Domain == "" })
	for _, server := range s.DNSForwarders {
		d.Forwarders = append(d.Forwarders, libvirtxml.NetworkDNSForwarder{Addr: server})
	}
	d.Host = nil
	for _, h := range s.DNSHosts {
		d.Host = append(d.Host, dnsHost(h))
	}
	if d.Enable == "" && d.ForwardPlainNames == "" && len(d.Forwarders)+len(d.TXTs)+len(d.Host)+len(d.SRVs) == 0 {
		n.DNS = nil
	}
}

func dnsHost(h model.DNSHost) libvirtxml.NetworkDNSHost {
	out := libvirtxml.NetworkDNSHost{IP: h.Address}
	for _, name := range h.Names {
		out.Hostnames = append(out.Hostnames, libvirtxml.NetworkDNSHostHostname{Hostname: name})
	}
	return out
}

func setIPs(n *libvirtxml.Network, s *model.NetworkSetup) {
	old := n.IPs
	n.IPs = nil
	for _, a := range s.Addresses {
		subnet, ok := a.Subnet()
		if !ok {
			continue // validated before
		}
		ip := libvirtxml.NetworkIP{Address: a.Address}
		if i := slices.IndexFunc(old, func(o libvirtxml.NetworkIP) bool { return o.Address == a.Address }); i >= 0 {
			ip = old[i]
		}
		setPrefix(&ip, subnet)
		ip.DHCP = dhcpOf(&ip, s, subnet)
		n.IPs = append(n.IPs, ip)
	}
	setTFTP(n.IPs, s.TFTPRoot)
}

// setPrefix leaves a mask alone that says the same.
func setPrefix(ip *libvirtxml.NetworkIP, subnet netip.Prefix) {
	if mask, err := netip.ParseAddr(ip.Netmask); err == nil && mask.Is4() && int(maskBits(mask)) == subnet.Bits() {
		return
	}
	ip.Netmask, ip.Prefix = "", uint(subnet.Bits())
	if subnet.Addr().Is6() {
		ip.Family = "ipv6"
	}
}

// dhcpOf is what is leased in a subnet. What stays keeps its lease time.
func dhcpOf(ip *libvirtxml.NetworkIP, s *model.NetworkSetup, subnet netip.Prefix) *libvirtxml.NetworkDHCP {
	old := ip.DHCP
	if old == nil {
		old = &libvirtxml.NetworkDHCP{}
	}
	in := func(text string) bool {
		addr, err := netip.ParseAddr(text)
		return err == nil && subnet.Contains(addr)
	}
	d := &libvirtxml.NetworkDHCP{}
	for _, r := range s.DHCPRanges {
		if in(r.Start) {
			d.Ranges = append(d.Ranges, dhcpRange(r, old.Ranges))
		}
	}
	for _, h := range s.DHCPHosts {
		if in(h.Address) {
			d.Hosts = append(d.Hosts, dhcpHost(h, old.Hosts))
		}
	}
	if s.BootFile != "" && subnet.Addr().Is4() && len(d.Ranges)+len(d.Hosts) > 0 {
		boot := libvirtxml.NetworkBootp{File: s.BootFile}
		if len(old.Bootp) > 0 {
			boot.Server = old.Bootp[0].Server
		}
		d.Bootp = []libvirtxml.NetworkBootp{boot}
	}
	if len(d.Ranges)+len(d.Hosts) == 0 {
		return nil
	}
	return d
}

func dhcpRange(r model.DHCPRange, old []libvirtxml.NetworkDHCPRange) libvirtxml.NetworkDHCPRange {
	for _, o := range old {
		if o.Start == r.Start && o.End == r.End {
			return o
		}
	}
	return libvirtxml.NetworkDHCPRange{Start: r.Start, End: r.End}
}

func dhcpHost(h model.DHCPHost, old []libvirtxml.NetworkDHCPHost) libvirtxml.NetworkDHCPHost {
	host := libvirtxml.NetworkDHCPHost{MAC: h.MAC, Name: h.Name, IP: h.Address, ID: h.ID}
	for _, o := range old {
		if strings.EqualFold(o.MAC, h.MAC) && o.IP == h.Address {
			host.Lease = o.Lease
		}
	}
	return host
}

// setTFTP has the files served at the first IPv4 address.
func setTFTP(ips []libvirtxml.NetworkIP, root string) {
	for i := range ips {
		ips[i].TFTP = nil
		if addr, err := netip.ParseAddr(ips[i].Address); err == nil && addr.Is4() && root != "" {
			ips[i].TFTP, root = &libvirtxml.NetworkTFTP{Root: root}, ""
		}
	}
}
