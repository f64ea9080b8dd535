package store

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// The keys of what is said about a network in one text, as the service calls
// them.
const (
	modeKey       = "mode"
	addressesKey  = "addresses"
	rangesKey     = "dhcp-ranges"
	dnsHostsKey   = "dns-hosts"
	forwardersKey = "dns-forwarders"
	vlansKey      = "vlans"
	mtuKey        = "mtu"
)

// NetworkChangeForm is what can be changed about a network, nothing of modes
// that this program does not know. A list is one text, with commas between its
// parts.
func (w Words) NetworkChangeForm(n *model.Network) Form {
	entry := func(key, label string) Field { return Field{Key: key, Label: label, Kind: FieldText} }
	vlans := entry(vlansKey, mark("VLANs, such as 10, 20"))
	var fields []Field
	switch setup := n.Setup(); {
	case n.Mode == model.NetworkBridge:
		fields = []Field{entry("bridge", mark("Bridge of the Host")), vlans}
	case n.Mode == model.NetworkMacvtap:
		fields = []Field{entry("host-device", mark("Interface of the Host")), choice("macvtap-mode", mark("Guests Reach Each Other"), []Choice{
			{"bridge", mark("Directly")}, {"vepa", mark("Through a switch outside")}, {"private", mark("Not at all")}, {"passthrough", mark("One guest has the interface")},
		}), vlans}
	case setup.Managed():
		dns := map[string]string{"dns": "true"}
		fields = []Field{
			choice(modeKey, mark("Mode"), networkChoices(model.NetworkNAT, model.NetworkRouted, model.NetworkOpen, model.NetworkIsolated)),
			entry(addressesKey, mark("Addresses of the Host, such as 10.1.0.1/24")),
			entry(rangesKey, mark("Addresses for Guests, such as 10.1.0.2 – 10.1.0.99")),
			entry("domain", mark("DNS Domain")),
			{Key: "dns", Label: mark("Answer Questions for Names"), Kind: FieldSwitch},
			{Key: dnsHostsKey, Label: mark("Further Names, such as 10.1.0.5 nas nas.lab"), Kind: FieldText, When: dns},
			{Key: forwardersKey, Label: mark("DNS Servers to Ask, empty for the host's"), Kind: FieldText, When: dns},
			{Key: "nat-ipv6", Label: mark("IPv6 With the Host's Address, Too"), Kind: FieldSwitch, When: map[string]string{modeKey: model.NetworkNAT}},
			entry("host-device", mark("Interface of the Host for All Packets")),
			{Key: mtuKey, Label: mark("Largest Packet in Bytes, 0 for the usual"), Kind: FieldNumber, Most: 65535},
			entry("tftp-root", mark("Folder of the Host to Boot From")), entry("boot-file", mark("File to Boot")),
		}
	}
	return Form{Title: n.Name, Fields: w.translated(fields)}
}

// networkChoices is modes with their names.
func networkChoices(modes ...string) []Choice {
	list := make([]Choice, len(modes))
	for i, mode := range modes {
		list[i] = Choice{mode, networkModes[mode]}
	}
	return list
}

// NetworkValues is what a network is, as a form says it.
func NetworkValues(n *model.Network) Values {
	var addresses, ranges, hosts, vlans []string
	for _, a := range n.Addresses {
		addresses = append(addresses, fmt.Sprintf("%s/%d", a.Address, a.Prefix))
	}
	for _, r := range n.DHCPRanges {
		ranges = append(ranges, rangeText(r))
	}
	for _, h := range n.DNSHosts {
		hosts = append(hosts, strings.Join(append([]string{h.Address}, h.Names...), " "))
	}
	for _, id := range n.VLANs {
		vlans = append(vlans, strconv.FormatUint(uint64(id), 10))
	}
	join := func(parts []string) string { return strings.Join(parts, ", ") }
	return Values{
		modeKey: n.Mode, addressesKey: join(addresses), rangesKey: join(ranges), dnsHostsKey: join(hosts), vlansKey: join(vlans),
		forwardersKey: join(n.DNSForwarders), "domain": n.Domain, "dns": onOff(n.DNS), "nat-ipv6": onOff(n.NATIPv6), "bridge": n.Bridge,
		"host-device": n.HostDevice, "macvtap-mode": n.MacvtapMode, "tftp-root": n.TFTPRoot, "boot-file": n.BootFile,
		mtuKey: strconv.FormatUint(uint64(n.MTU), 10),
	}
}

func rangeText(r model.DHCPRange) string { return r.Start + " – " + r.End }

// NetworkChanges is what a network becomes by a form, as the service takes it.
// The error is a sentence for people.
func (w Words) NetworkChanges(f *Form, before, now Values, n *model.Network) (map[string]any, error) {
	setup, given := n.Setup(), model.Keys{}
	for i := range f.Fields {
		field := &f.Fields[i]
		if key := field.Key; field.Shown(now) && now[key] != before[key] {
			given[key] = true
			if err := w.readSetting(&setup, key, now[key]); err != nil {
				return nil, err
			}
		}
	}
	return setup.Values(given), sentence(model.ValidateNetworkSetup(&setup, given))
}

// sentence is an error of the model as one for people.
func sentence(err error) error {
	if err == nil {
		return nil
	}
	return errs.New(errs.InvalidArgument, "%s", err)
}

// readSetting puts what a field says into a setup.
func (w Words) readSetting(s *model.NetworkSetup, key, text string) (err error) {
	on := text == "true"
	switch key {
	case modeKey:
		s.Mode = text
	case "bridge":
		s.Bridge = text
	case "host-device":
		s.HostDevice = text
	case "macvtap-mode":
		s.MacvtapMode = text
	case "domain":
		s.Domain = text
	case "tftp-root":
		s.TFTPRoot = text
	case "boot-file":
		s.BootFile = text
	case "dns":
		s.DNS = &on
	case "nat-ipv6":
		s.NATIPv6 = &on
	case mtuKey:
		mtu, _ := strconv.ParseUint(text, 10, 32)
		s.MTU = uint32(mtu)
	case addressesKey:
		s.Addresses, err = listOf(text, w.networkAddress)
	case rangesKey:
		s.DHCPRanges, err = listOf(text, w.dhcpRange)
	case dnsHostsKey:
		s.DNSHosts, err = listOf(text, w.dnsHost)
	case forwardersKey:
		s.DNSForwarders, err = listOf(text, func(part string) (string, error) { return part, nil })
	case vlansKey:
		s.VLANs, err = listOf(text, w.vlan)
	}
	return err
}

// listOf reads the parts of a text. A list without any is not nil.
func listOf[T any](text string, read func(string) (T, error)) ([]T, error) {
	list := []T{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		value, err := read(part)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

func (w Words) unreadable(format, text string) error {
	return errs.New(errs.InvalidArgument, "%s", fmt.Sprintf(w.text(format), text))
}

func (w Words) networkAddress(text string) (model.NetworkAddress, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return model.NetworkAddress{}, w.unreadable(mark("“%s” is not an address with its network. Write it as 10.1.0.1/24 or fd00:1::1/64."), text)
	}
	return model.NetworkAddress{Address: prefix.Addr().String(), Prefix: uint32(prefix.Bits())}, nil
}

func (w Words) dhcpRange(text string) (model.DHCPRange, error) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" -–—", r) })
	if len(parts) != 2 {
		return model.DHCPRange{}, w.unreadable(mark("“%s” is not a range of addresses. Write it as 10.1.0.2 – 10.1.0.99."), text)
	}
	return model.DHCPRange{Start: parts[0], End: parts[1]}, nil
}

func (w Words) dnsHost(text string) (model.DNSHost, error) {
	parts := strings.Fields(text)
	if len(parts) < 2 {
		return model.DNSHost{}, w.unreadable(mark("“%s” is not an address with its names. Write it as 10.1.0.5 nas nas.lab."), text)
	}
	return model.DNSHost{Address: parts[0], Names: parts[1:]}, nil
}

func (w Words) vlan(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, w.unreadable(mark("“%s” is not the number of a VLAN."), text)
	}
	return uint32(id), nil
}

// settingNames is what the settings of a network are called in a sentence.
var settingNames = map[string]string{
	modeKey: mark("Mode"), "bridge": mark("Bridge of the host"), "host-device": mark("Interface of the host"), "macvtap-mode": mark("How guests reach each other"),
	"nat-ipv6": mark("IPv6 with the host's address"), mtuKey: mark("Largest packet"), vlansKey: mark("VLANs"), addressesKey: mark("Addresses of the host"),
	rangesKey: mark("Addresses for guests"), "dhcp-hosts": mark("Reserved addresses"), "dns": mark("Answers to questions for names"), "domain": mark("DNS domain"),
	dnsHostsKey: mark("Further names"), forwardersKey: mark("DNS servers"), "tftp-root": mark("Folder to boot from"), "boot-file": mark("File to boot"),
}

// settingOf is the keys of settings by the names of their properties.
var settingOf = map[string]string{
	"Mode": modeKey, "Bridge": "bridge", "HostDevice": "host-device", "MacvtapMode": "macvtap-mode", "NATIPv6": "nat-ipv6", "MTU": mtuKey, "VLANs": vlansKey,
	"Addresses": addressesKey, "DHCPRanges": rangesKey, "DHCPHosts": "dhcp-hosts", "DNS": "dns", "Domain": "domain", "DNSHosts": dnsHostsKey,
	"DNSForwarders": forwardersKey, "TFTPRoot": "tftp-root", "BootFile": "boot-file",
}

// settings is these settings in words.
func (w Words) settings(keys []string) string {
	var names []string
	for _, key := range keys {
		names = append(names, lookUp(w, settingNames, key))
	}
	return strings.Join(names, ", ")
}

// NetworkPending is what the next start of a network changes.
func (w Words) NetworkPending(n *model.Network) string {
	var keys []string
	for _, property := range n.PendingChanges {
		keys = append(keys, cmp.Or(settingOf[property], property))
	}
	return w.settings(keys)
}

// NetworkWhen says what becomes of a change of a network.
func (w Words) NetworkWhen(applied client.NetworkApplied, n *model.Network) string {
	switch {
	case !n.Active:
		return w.text(mark("Takes effect when the network is started"))
	case len(applied.NextStart) == 0:
		return w.text(mark("Takes effect now"))
	case len(applied.Now) == 0:
		return w.text(mark("Takes effect when the network was stopped and is started again"))
	default:
		return fmt.Sprintf(w.text(mark("Takes effect now, but this only when the network was stopped and is started again: %s")), w.settings(applied.NextStart))
	}
}
