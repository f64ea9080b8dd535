package store_test

import (
	"reflect"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestANetworkIsAskedForAsWritten(t *testing.T) {
	t.Parallel()
	address := func(address string, prefix uint32) model.NetworkAddress {
		return model.NetworkAddress{Address: address, Prefix: prefix}
	}
	for _, test := range []struct {
		what string
		form store.NetworkForm
		want model.NetworkSetup
	}{
		{
			"with everything chosen by the service",
			store.NetworkForm{Name: "n", Mode: "nat", DHCP: true, Autostart: true},
			model.NetworkSetup{Name: "n", Mode: "nat", Autostart: true},
		},
		{
			"with subnets, of which the host has the first address",
			store.NetworkForm{Name: "n", Mode: "routed", IPv4: "10.1.0.0/24", IPv6: " fd00:1::/64", DHCP: true, Domain: "lab"},
			model.NetworkSetup{Name: "n", Mode: "routed", Domain: "lab", Addresses: []model.NetworkAddress{address("10.1.0.1", 24), address("fd00:1::1", 64)}},
		},
		{
			"with an address of the host and a range",
			store.NetworkForm{Name: "n", Mode: "open", IPv4: "10.1.0.254/24", DHCP: true, First: "10.1.0.10", Last: "10.1.0.20"},
			model.NetworkSetup{
				Name: "n", Mode: "open", Addresses: []model.NetworkAddress{address("10.1.0.254", 24)},
				DHCPRanges: []model.DHCPRange{{Start: "10.1.0.10", End: "10.1.0.20"}},
			},
		},
		{
			"without addresses",
			store.NetworkForm{Name: "n", Mode: "isolated"},
			model.NetworkSetup{Name: "n", Mode: "isolated", Addresses: []model.NetworkAddress{}, DHCPRanges: []model.DHCPRange{}},
		},
		{
			"on a bridge",
			store.NetworkForm{Name: "n", Mode: "bridge", Link: "br0", IPv4: "10.1.0.0/24"},
			model.NetworkSetup{Name: "n", Mode: "bridge", Bridge: "br0"},
		},
		{
			"on an interface",
			store.NetworkForm{Name: "n", Mode: "macvtap", Link: "eth0"},
			model.NetworkSetup{Name: "n", Mode: "macvtap", HostDevice: "eth0"},
		},
	} {
		if got, err := test.form.Setup(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n%+v, not\n%+v: %v", test.what, got, test.want, err)
		}
	}
}

func TestWhatIsNoNetworkIsSaid(t *testing.T) {
	t.Parallel()
	for what, form := range map[string]store.NetworkForm{
		"no name":                {Mode: "nat"},
		"no subnet":              {Name: "n", Mode: "nat", IPv4: "10.1.0.0"},
		"a range somewhere else": {Name: "n", Mode: "nat", IPv4: "10.1.0.0/24", DHCP: true, First: "10.2.0.1", Last: "10.2.0.9"},
		"no bridge":              {Name: "n", Mode: "bridge"},
	} {
		if setup, err := form.Setup(); err == nil {
			t.Errorf("%s is a network: %+v", what, setup)
		}
	}
}
