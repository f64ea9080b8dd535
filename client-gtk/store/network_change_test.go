package store_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// lan is a network with one of everything.
func lan() *model.Network {
	return &model.Network{
		Name: "lan", Mode: "nat", Active: true, Persistent: true, DNS: true, Domain: "lan", MTU: 1400,
		Addresses:     []model.NetworkAddress{{Address: "10.1.0.1", Prefix: 24, Family: "ipv4"}},
		DHCPRanges:    []model.DHCPRange{{Start: "10.1.0.2", End: "10.1.0.99"}},
		DHCPHosts:     []model.DHCPHost{{MAC: "52:54:00:00:00:01", Name: "web", Address: "10.1.0.10"}},
		DNSHosts:      []model.DNSHost{{Address: "10.1.0.5", Names: []string{"nas", "nas.lab"}}},
		DNSForwarders: []string{"9.9.9.9"},
	}
}

// rewritten is what a network becomes when a person writes something else.
func rewritten(n *model.Network, written store.Values) (map[string]any, error) {
	form, before := english.NetworkChangeForm(n), store.NetworkValues(n)
	now := store.Values{}
	for key, value := range before {
		now[key] = value
	}
	for key, value := range written {
		now[key] = value
	}
	return english.NetworkChanges(&form, before, now, n)
}

func TestANetworkIsChangedAsWritten(t *testing.T) {
	t.Parallel()
	bridge := &model.Network{Name: "b", Mode: "bridge", Bridge: "br0"}
	for _, test := range []struct {
		what    string
		network *model.Network
		written store.Values
		want    map[string]any
	}{
		{"by nothing", lan(), nil, map[string]any{}},
		{"in its ranges", lan(), store.Values{"dhcp-ranges": "10.1.0.2-10.1.0.50, 10.1.0.60 – 10.1.0.70"}, map[string]any{
			"dhcp-ranges": []model.DHCPRange{{Start: "10.1.0.2", End: "10.1.0.50"}, {Start: "10.1.0.60", End: "10.1.0.70"}},
		}},
		{"to have no ranges", lan(), store.Values{"dhcp-ranges": " "}, map[string]any{"dhcp-ranges": []model.DHCPRange{}}},
		{"in its addresses", lan(), store.Values{"addresses": "10.1.0.1/24, fd00:1::1/64"}, map[string]any{
			"addresses": []model.NetworkAddress{{Address: "10.1.0.1", Prefix: 24}, {Address: "fd00:1::1", Prefix: 64}},
		}},
		{"in what it answers", lan(), store.Values{"domain": "", "dns-hosts": "10.1.0.6 tv", "dns-forwarders": "1.1.1.1, 2001:db8::1"}, map[string]any{
			"domain": "", "dns-hosts": []model.DNSHost{{Address: "10.1.0.6", Names: []string{"tv"}}}, "dns-forwarders": []string{"1.1.1.1", "2001:db8::1"},
		}},
		{"in its switches", lan(), store.Values{"nat-ipv6": "true"}, map[string]any{"nat-ipv6": true}},
		{"to answer nothing", lan(), store.Values{"dns": "", "dns-hosts": "not looked at"}, map[string]any{"dns": false}},
		{"to have the usual packets", lan(), store.Values{"mtu": "0"}, map[string]any{"mtu": uint32(0)}},
		{"to be routed", lan(), store.Values{"mode": "routed", "host-device": "eth0"}, map[string]any{"mode": "routed", "host-device": "eth0"}},
		{"in its VLANs", bridge, store.Values{"vlans": "10, 20"}, map[string]any{"vlans": []uint32{10, 20}}},
	} {
		if got, err := rewritten(test.network, test.written); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n%v, not\n%v: %v", test.what, got, test.want, err)
		}
	}
}

func TestWhatANetworkCannotBecomeIsSaid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		written store.Values
		says    string
	}{
		{store.Values{"addresses": "10.1.0.1"}, "“10.1.0.1” is not an address with its network."},
		{store.Values{"dhcp-ranges": "10.1.0.2"}, "“10.1.0.2” is not a range of addresses."},
		{store.Values{"dhcp-ranges": "10.2.0.2 - 10.2.0.9"}, "is in no subnet of the network"},
		{store.Values{"dns-hosts": "10.1.0.5"}, "“10.1.0.5” is not an address with its names."},
		{store.Values{"dns-forwarders": "dns.example"}, "is not the IP address of a DNS server"},
		{store.Values{"mtu": "10"}, "The MTU must be between"},
	} {
		if changes, err := rewritten(lan(), test.written); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v becomes %v: %v", test.written, changes, err)
		}
	}
	bridge := &model.Network{Name: "b", Mode: "bridge", Bridge: "br0"}
	if _, err := rewritten(bridge, store.Values{"vlans": "ten"}); err == nil {
		t.Error("a word is a VLAN")
	}
}

func TestWhenAChangeOfANetworkTakesEffectIsSaid(t *testing.T) {
	t.Parallel()
	now, later := client.NetworkApplied{Now: []string{"dhcp-ranges"}}, client.NetworkApplied{NextStart: []string{"domain", "mtu"}}
	both := client.NetworkApplied{Now: now.Now, NextStart: later.NextStart}
	for _, test := range []struct {
		what    string
		applied client.NetworkApplied
		network *model.Network
		want    string
	}{
		{"of one that is off", later, &model.Network{}, "Takes effect when the network is started"},
		{"at once", now, lan(), "Takes effect now"},
		{"later", later, lan(), "Takes effect when the network was stopped and is started again"},
		{"in part", both, lan(), "Takes effect now, but this only when the network was stopped and is started again: DNS domain, Largest packet"},
	} {
		if got := english.NetworkWhen(test.applied, test.network); got != test.want {
			t.Errorf("%s: %s", test.what, got)
		}
	}
	waiting := lan()
	waiting.PendingChanges = []string{"Domain", "Else"}
	if !slices.Contains(english.NetworkFacts(waiting), store.Fact{Name: "Changes at the next start", Value: "DNS domain, Else"}) {
		t.Errorf("what waits is not said: %v", english.NetworkFacts(waiting))
	}
}

func TestOnlyModesThatAreKnownCanBeChanged(t *testing.T) {
	t.Parallel()
	for mode, can := range map[string]bool{"nat": true, "isolated": true, "bridge": true, "macvtap": true, "hostdev": false} {
		if why := english.WhyNotNetwork(store.ChangeNetwork, &model.Network{Mode: mode}, here, nil); (why == "") != can {
			t.Errorf("%s: %q", mode, why)
		}
	}
}
