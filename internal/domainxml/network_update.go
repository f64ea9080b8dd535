package domainxml

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/model"
)

// NetworkSection is a part of a running network that libvirt can change.
type NetworkSection uint8

// The sections. A change of one is to add or remove an element.
const (
	DHCPRangeSection NetworkSection = iota + 1
	DHCPHostSection
	DNSHostSection
)

// NetworkUpdate is one step of a change of a running network.
type NetworkUpdate struct {
	Section NetworkSection
	Add     bool // else remove
	Parent  int  // the address that it belongs to, by its place in the definition
	XML     string
}

// sections is what can be changed at once, by the keys of a setup.
var sections = map[string]struct {
	possible func(live *model.Network, want *model.NetworkSetup) bool
	steps    func(live *model.Network, want *model.NetworkSetup) ([]NetworkUpdate, error)
}{
	"dhcp-ranges": {rangesPossible, rangeSteps},
	"dhcp-hosts":  {hostsPossible, hostSteps},
	"dns-hosts":   {func(live *model.Network, _ *model.NetworkSetup) bool { return live.DNS }, dnsSteps},
}

// SplitNetworkChange says which of the given keys a running network can have at
// once, and which at its next start only.
func SplitNetworkChange(live *model.Network, want *model.NetworkSetup, given model.Keys) (now, later []string) {
	is := live.Setup()
	for _, key := range slices.Sorted(maps.Keys(given)) {
		section, known := sections[key]
		if known && is.Managed() && section.possible(live, want) || sameSetting(&is, want, key) {
			now = append(now, key)
		} else {
			later = append(later, key)
		}
	}
	return now, later
}

// sameSetting compares one key of two setups.
func sameSetting(a, b *model.NetworkSetup, key string) bool {
	va, vb := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range va.NumField() {
		if va.Type().Field(i).Tag.Get("wire") != key {
			continue
		}
		fa, fb := va.Field(i), vb.Field(i)
		if fa.Kind() == reflect.Slice && fa.Len() == 0 && fb.Len() == 0 {
			return true
		}
		return reflect.DeepEqual(fa.Interface(), fb.Interface())
	}
	return false
}

// NetworkUpdates is the steps that make a running network have these keys as
// wanted, removals first: what is added may take their place.
func NetworkUpdates(live *model.Network, want *model.NetworkSetup, now []string) ([]NetworkUpdate, error) {
	var remove, add []NetworkUpdate
	for _, key := range now {
		section, known := sections[key]
		if !known {
			continue
		}
		steps, err := section.steps(live, want)
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			if step.Add {
				add = append(add, step)
			} else {
				remove = append(remove, step)
			}
		}
	}
	return append(remove, add...), nil
}

// parentOf is the place of the address whose subnet this is in; -1 for none.
func parentOf(live *model.Network, text string) int {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(live.Addresses, func(a model.NetworkAddress) bool {
		subnet, ok := a.Subnet()
		return ok && subnet.Contains(addr)
	})
}

func rangesPossible(live *model.Network, want *model.NetworkSetup) bool {
	return !slices.ContainsFunc(want.DHCPRanges, func(r model.DHCPRange) bool {
		return parentOf(live, r.Start) < 0 || parentOf(live, r.End) != parentOf(live, r.Start)
	})
}

func hostsPossible(live *model.Network, want *model.NetworkSetup) bool {
	return !slices.ContainsFunc(want.DHCPHosts, func(h model.DHCPHost) bool { return parentOf(live, h.Address) < 0 })
}

func rangeSteps(live *model.Network, want *model.NetworkSetup) ([]NetworkUpdate, error) {
	return stepsOf(DHCPRangeSection, live.DHCPRanges, want.DHCPRanges, func(r model.DHCPRange) (any, int) {
		return &libvirtxml.NetworkDHCPRange{Start: r.Start, End: r.End}, parentOf(live, r.Start)
	})
}

func hostSteps(live *model.Network, want *model.NetworkSetup) ([]NetworkUpdate, error) {
	return stepsOf(DHCPHostSection, live.DHCPHosts, want.DHCPHosts, func(h model.DHCPHost) (any, int) {
		return &libvirtxml.NetworkDHCPHost{MAC: h.MAC, Name: h.Name, IP: h.Address, ID: h.ID}, parentOf(live, h.Address)
	})
}

func dnsSteps(live *model.Network, want *model.NetworkSetup) ([]NetworkUpdate, error) {
	return stepsOf(DNSHostSection, live.DNSHosts, want.DNSHosts, func(h model.DNSHost) (any, int) {
		host := libvirtxml.NetworkDNSHost{IP: h.Address}
		for _, name := range h.Names {
			host.Hostnames = append(host.Hostnames, libvirtxml.NetworkDNSHostHostname{Hostname: name})
		}
		return &host, -1
	})
}

// stepsOf removes what is not wanted any more, and adds what is missing.
func stepsOf[T any](section NetworkSection, have, want []T, element func(T) (any, int)) ([]NetworkUpdate, error) {
	var steps []NetworkUpdate
	for _, side := range []struct {
		of, without []T
		add         bool
	}{{have, want, false}, {want, have, true}} {
		for _, v := range side.of {
			if slices.ContainsFunc(side.without, func(o T) bool { return reflect.DeepEqual(o, v) }) {
				continue
			}
			e, parent := element(v)
			text, err := xml.Marshal(e)
			if err != nil {
				return nil, fmt.Errorf("cannot write a part of <network>: %w", err)
			}
			steps = append(steps, NetworkUpdate{Section: section, Add: side.add, Parent: parent, XML: string(text)})
		}
	}
	return steps, nil
}
