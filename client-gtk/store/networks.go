package store

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// NetworkAction is something that a person can do with a network.
type NetworkAction string

// What can be done with a network.
const (
	StartNetwork   NetworkAction = "start"
	StopNetwork    NetworkAction = "stop"
	AutostartNet   NetworkAction = "autostart"
	DeleteNetwork  NetworkAction = "delete"
	ChangeNetwork  NetworkAction = "change"
	ReserveAddress NetworkAction = "reserve"
)

const rightNetwork = "org.kvmmanager.network.manage"

var (
	notAllowed = mark("You are not allowed to do this. An administrator can allow it with a polkit rule.")
	noHost     = mark("The host is not connected")
	notStored  = mark("It has no stored configuration, and disappears when it stops")
	networkOn  = mark("The network is active")
	networkOff = mark("The network is not active")
	otherMode  = mark("Only libvirt's own tools change networks of this mode")
	noSubnet   = mark("The network has no addresses")
)

// WhyNotNetwork is why somebody with these permissions on a network cannot do
// something with it now; empty when they can.
func (w Words) WhyNotNetwork(a NetworkAction, n *model.Network, host *model.Host, permissions map[string]client.Permission) string {
	why := whyNotHost(host, permissions[rightNetwork])
	switch {
	case why != "":
	case a == StartNetwork && n.Active:
		why = networkOn
	case a == StopNetwork && !n.Active:
		why = networkOff
	case a == AutostartNet && !n.Persistent:
		why = notStored
	case a == ChangeNetwork && len(w.NetworkChangeForm(n).Fields) == 0:
		why = otherMode
	case a == ReserveAddress && len(n.Addresses) == 0:
		why = noSubnet
	}
	return w.text(why)
}

// WhyNoNewNetwork is why somebody cannot make a network on a host.
func (w Words) WhyNoNewNetwork(host *model.Host, permissions map[string]client.Permission) string {
	return w.text(whyNotHost(host, permissions[rightNetwork]))
}

// whyNotHost is what forbids everything on a host.
func whyNotHost(host *model.Host, right client.Permission) string {
	switch {
	case host == nil, host.State != model.Connected:
		return noHost
	case right == client.Denied:
		return notAllowed
	default:
		return ""
	}
}

// SortNetworks is those of one host, by name.
func SortNetworks(all map[model.Path]*model.Network, host model.Path) []*model.Network {
	return sortedOf(all, host, func(n *model.Network) (model.Path, string) { return n.Host, n.Name })
}

// sortedOf is the things of one host in the order of people.
func sortedOf[T any](all map[model.Path]*T, host model.Path, of func(*T) (model.Path, string)) []*T {
	var list []*T
	for _, thing := range all {
		if at, _ := of(thing); at == host {
			list = append(list, thing)
		}
	}
	slices.SortFunc(list, func(a, b *T) int {
		_, nameA := of(a)
		_, nameB := of(b)
		return cmp.Or(cmp.Compare(naturalKey(nameA), naturalKey(nameB)), cmp.Compare(nameA, nameB))
	})
	return list
}

var networkModes = map[string]string{
	"nat": mark("NAT"), "routed": mark("Routed"), "open": mark("Open"), "isolated": mark("Isolated"), "bridge": mark("Bridge"), "macvtap": mark("Direct"),
}

// NetworkMode is how VMs in a network reach the world. One that is not known
// here stays as it is.
func (w Words) NetworkMode(mode string) string { return lookUp(w, networkModes, mode) }

// NetworkState is whether a network runs.
func (w Words) NetworkState(n *model.Network) string {
	if n.Active {
		return w.text(mark("Active"))
	}
	return w.text(mark("Inactive"))
}

// Subnets is the subnets of a network, as 192.168.122.0/24.
func Subnets(n *model.Network) []string {
	var list []string
	for _, a := range n.Addresses {
		address, err := netip.ParseAddr(a.Address)
		if err != nil {
			continue
		}
		if prefix, err := address.Prefix(int(a.Prefix)); err == nil {
			list = append(list, prefix.String())
		}
	}
	return list
}

// NetworkSummary is a network in one line.
func (w Words) NetworkSummary(n *model.Network) string {
	parts := append([]string{w.NetworkState(n), w.NetworkMode(n.Mode)}, Subnets(n)...)
	return strings.Join(parts, " · ")
}

// NetworkFacts is what to know of a network, in rows.
func (w Words) NetworkFacts(n *model.Network) []Fact {
	var addresses, ranges []string
	for _, a := range n.Addresses {
		addresses = append(addresses, fmt.Sprintf("%s/%d", a.Address, a.Prefix))
	}
	for _, r := range n.DHCPRanges {
		ranges = append(ranges, rangeText(r))
	}
	facts := w.facts()
	facts.add(mark("State"), w.NetworkState(n))
	facts.add(mark("Mode"), w.ModeDescription(n.Mode))
	facts.add(mark("Bridge of the host"), n.Bridge)
	facts.add(mark("Addresses of the host"), strings.Join(addresses, "\n"))
	facts.add(mark("Addresses for guests"), strings.Join(ranges, "\n"))
	facts.add(mark("DNS domain"), n.Domain)
	facts.add(mark("Changes at the next start"), w.NetworkPending(n))
	return facts.list
}

var modeDescriptions = map[string]string{
	"nat":      mark("NAT: guests reach the world with the host's address"),
	"routed":   mark("Routed: guests reach the world with addresses of their own"),
	"open":     mark("Open: routed, and the host's firewall is left alone"),
	"isolated": mark("Isolated: guests reach the host and each other only"),
	"bridge":   mark("Bridge: guests are neighbors of the host, through a bridge that it has"),
	"macvtap":  mark("Direct: guests are neighbors of the host, on one of its interfaces"),
}

// ModeDescription explains how VMs in a network reach the world.
func (w Words) ModeDescription(mode string) string { return lookUp(w, modeDescriptions, mode) }
