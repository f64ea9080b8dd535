package model

import "reflect"

// NetworkSetup is what a caller asks for a new network, or to change of one.
// What is left out is chosen for a new network and stays as it is in another; a
// list that was given is not nil, even if it is empty.
type NetworkSetup struct {
	Name          string           `wire:"name"`
	Mode          string           `wire:"mode"`
	Bridge        string           `wire:"bridge"`
	HostDevice    string           `wire:"host-device"`
	MacvtapMode   string           `wire:"macvtap-mode"`
	NATIPv6       *bool            `wire:"nat-ipv6"`
	MTU           uint32           `wire:"mtu"`
	VLANs         []uint32         `wire:"vlans"`
	Addresses     []NetworkAddress `wire:"addresses"`
	DHCPRanges    []DHCPRange      `wire:"dhcp-ranges"`
	DHCPHosts     []DHCPHost       `wire:"dhcp-hosts"`
	DNS           *bool            `wire:"dns"`
	Domain        string           `wire:"domain"`
	DNSHosts      []DNSHost        `wire:"dns-hosts"`
	DNSForwarders []string         `wire:"dns-forwarders"`
	TFTPRoot      string           `wire:"tftp-root"`
	BootFile      string           `wire:"boot-file"`
	Autostart     bool             `wire:"autostart"`
	Start         *bool            `wire:"start"`
}

// Setup is what a network is, as somebody would ask for it.
func (n *Network) Setup() NetworkSetup {
	return NetworkSetup{
		Name: n.Name, Mode: n.Mode, Bridge: n.Bridge, HostDevice: n.HostDevice, MacvtapMode: n.MacvtapMode,
		NATIPv6: &n.NATIPv6, MTU: n.MTU, VLANs: n.VLANs, Addresses: n.Addresses, DHCPRanges: n.DHCPRanges,
		DHCPHosts: n.DHCPHosts, DNS: &n.DNS, Domain: n.Domain, DNSHosts: n.DNSHosts, DNSForwarders: n.DNSForwarders,
		TFTPRoot: n.TFTPRoot, BootFile: n.BootFile, Autostart: n.Autostart,
	}
}

// Managed says whether libvirt makes the bridge of a network of this mode, and
// gives addresses to its guests.
func (s *NetworkSetup) Managed() bool {
	switch s.Mode {
	case NetworkNAT, NetworkRouted, NetworkOpen, NetworkIsolated:
		return true
	}
	return false
}

// Keys is a set of keys of a setup; nil is all of them.
type Keys map[string]bool

// Any says whether one of the keys is in the set.
func (k Keys) Any(keys ...string) bool {
	for _, key := range keys {
		if k == nil || k[key] {
			return true
		}
	}
	return false
}

// Take replaces what is given in the changes.
func (s *NetworkSetup) Take(changes *NetworkSetup, given Keys) {
	from, to := reflect.ValueOf(changes).Elem(), reflect.ValueOf(s).Elem()
	for i := range from.NumField() {
		if given.Any(from.Type().Field(i).Tag.Get("wire")) {
			to.Field(i).Set(from.Field(i))
		}
	}
}

// Values is what is set of these keys, by them.
func (s *NetworkSetup) Values(given Keys) map[string]any {
	values := map[string]any{}
	from := reflect.ValueOf(s).Elem()
	for i := range from.NumField() {
		key, field := from.Type().Field(i).Tag.Get("wire"), from.Field(i)
		if given.Any(key) && (field.Kind() != reflect.Pointer || !field.IsNil()) {
			values[key] = reflect.Indirect(field).Interface()
		}
	}
	return values
}
