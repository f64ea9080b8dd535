package store_test

import (
	"slices"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// english is the words of the program itself.
var english store.Words

var here = &model.Host{ID: "local", State: model.Connected}

func TestWhatCanBeDoneWithANetworkDependsOnStateAndRights(t *testing.T) {
	t.Parallel()
	denied := map[string]client.Permission{"org.kvmmanager.network.manage": client.Denied}
	on, off, transient := &model.Network{Active: true, Persistent: true}, &model.Network{Persistent: true}, &model.Network{Active: true}
	for _, test := range []struct {
		what        string
		action      store.NetworkAction
		network     *model.Network
		host        *model.Host
		permissions map[string]client.Permission
		can         bool
	}{
		{"an inactive one starts", store.StartNetwork, off, here, nil, true},
		{"an active one does not start", store.StartNetwork, on, here, nil, false},
		{"an active one stops", store.StopNetwork, on, here, nil, true},
		{"an inactive one does not stop", store.StopNetwork, off, here, nil, false},
		{"an active one is deleted", store.DeleteNetwork, on, here, nil, true},
		{"an inactive one is deleted", store.DeleteNetwork, off, here, nil, true},
		{"a stored one starts with its host", store.AutostartNet, on, here, nil, true},
		{"one that is not stored does not", store.AutostartNet, transient, here, nil, false},
		{"without the right nothing", store.StartNetwork, off, here, denied, false},
		{"on a host that is away nothing", store.StartNetwork, off, &model.Host{State: model.Disconnected}, nil, false},
		{"on no host nothing", store.StartNetwork, off, nil, nil, false},
	} {
		if why := english.WhyNotNetwork(test.action, test.network, test.host, test.permissions); (why == "") != test.can {
			t.Errorf("%s: %q", test.what, why)
		}
	}
	if english.WhyNoNewNetwork(here, nil) != "" || english.WhyNoNewNetwork(here, denied) == "" {
		t.Error("not everybody with the right makes networks")
	}
}

func TestNetworksOfOneHostComeByName(t *testing.T) {
	t.Parallel()
	all := map[model.Path]*model.Network{}
	for i, name := range []string{"net10", "Net2", "default"} {
		all[model.Path(rune('a'+i))] = &model.Network{Name: name, Host: here.Path()}
	}
	all["other"] = &model.Network{Name: "a", Host: "/elsewhere"}
	var names []string
	for _, n := range store.SortNetworks(all, here.Path()) {
		names = append(names, n.Name)
	}
	if !slices.Equal(names, []string{"default", "Net2", "net10"}) {
		t.Errorf("they come as %v", names)
	}
}

func TestANetworkInWords(t *testing.T) {
	t.Parallel()
	n := &model.Network{
		Mode: "nat", Active: true, Bridge: "virbr0", Domain: "lan",
		Addresses:  []model.NetworkAddress{{Address: "192.168.122.1", Prefix: 24}, {Address: "fd00::1", Prefix: 64}, {Address: "nonsense", Prefix: 8}},
		DHCPRanges: []model.DHCPRange{{Start: "192.168.122.2", End: "192.168.122.254"}},
	}
	if got := english.NetworkSummary(n); got != "Active · NAT · 192.168.122.0/24 · fd00::/64" {
		t.Errorf("in one line: %s", got)
	}
	if got := english.NetworkSummary(&model.Network{Mode: "hostdev"}); got != "Inactive · hostdev" {
		t.Errorf("of a mode that is not known: %s", got)
	}
	facts := english.NetworkFacts(n)
	for _, want := range []store.Fact{
		{"State", "Active"},
		{"Bridge of the host", "virbr0"},
		{"Addresses for guests", "192.168.122.2 – 192.168.122.254"},
		{"DNS domain", "lan"},
	} {
		if !slices.Contains(facts, want) {
			t.Errorf("%v is not in %v", want, facts)
		}
	}
}
