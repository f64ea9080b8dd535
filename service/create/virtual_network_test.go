package create

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

func TestWhatANetworkLeavesOutIsChosen(t *testing.T) {
	t.Parallel()
	others := []*model.Network{{Name: "lan", Mode: "nat", Addresses: []model.NetworkAddress{{Address: "192.168.100.1", Prefix: 23}}}}
	s := model.NetworkSetup{Name: "lab"}
	if err := Network(&s, others); err != nil {
		t.Fatal(err)
	}
	if s.Mode != model.NetworkNAT || s.Addresses[0] != (model.NetworkAddress{Address: "192.168.102.1", Prefix: 24, Family: "ipv4"}) ||
		s.DHCPRanges[0] != (model.DHCPRange{Start: "192.168.102.2", End: "192.168.102.254"}) || *s.NATIPv6 {
		t.Errorf("got %+v", s)
	}
	s = model.NetworkSetup{Name: "both", Addresses: []model.NetworkAddress{{Address: "fd00::1"}, {Address: "10.0.255.254", Prefix: 8}}}
	if err := Network(&s, others); err != nil {
		t.Fatal(err)
	}
	if s.Addresses[0].Prefix != 64 || !*s.NATIPv6 || s.DHCPRanges[0] != (model.DHCPRange{Start: "10.0.255.255", End: "10.0.255.255"}) {
		t.Errorf("got %+v", s)
	}
}

func TestTheUsualRangeIsTheLargerPart(t *testing.T) {
	t.Parallel()
	for address, want := range map[model.NetworkAddress]model.DHCPRange{
		{Address: "10.0.0.1", Prefix: 24}:   {Start: "10.0.0.2", End: "10.0.0.254"},
		{Address: "10.0.0.254", Prefix: 24}: {Start: "10.0.0.1", End: "10.0.0.253"},
		{Address: "10.0.0.2", Prefix: 30}:   {Start: "10.0.0.1", End: "10.0.0.1"},
		{Address: "10.0.0.1", Prefix: 8}:    {Start: "10.0.0.2", End: "10.0.255.255"},
	} {
		if got := usualRanges([]model.NetworkAddress{address}); len(got) != 1 || got[0] != want {
			t.Errorf("%v: got %v, want %v", address, got, want)
		}
	}
	if got := usualRanges([]model.NetworkAddress{{Address: "fd00::1", Prefix: 64}}); got != nil {
		t.Errorf("IPv6 gets %v", got)
	}
}

func TestAnEmptyListIsForNone(t *testing.T) {
	t.Parallel()
	s := model.NetworkSetup{Name: "lab", Addresses: []model.NetworkAddress{}}
	if err := Network(&s, nil); err != nil || len(s.Addresses) != 0 || len(s.DHCPRanges) != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	s = model.NetworkSetup{Name: "lab", DHCPRanges: []model.DHCPRange{}}
	if err := Network(&s, nil); err != nil || len(s.Addresses) != 1 || len(s.DHCPRanges) != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestWhatOthersHaveIsRefused(t *testing.T) {
	t.Parallel()
	others := []*model.Network{
		{Name: "lan", Mode: "nat", Bridge: "virbr0", Addresses: []model.NetworkAddress{{Address: "10.1.0.1", Prefix: 16}}},
		{Name: "out", Mode: "bridge", Bridge: "br0"},
	}
	for name, test := range map[string]struct {
		setup model.NetworkSetup
		kind  errs.Kind
		says  string
	}{
		"the name":     {model.NetworkSetup{Name: "lan"}, errs.AlreadyExists, "“lan”"},
		"the bridge":   {model.NetworkSetup{Name: "x", Bridge: "virbr0"}, errs.AlreadyExists, "“virbr0”"},
		"an address":   {model.NetworkSetup{Name: "x", Addresses: []model.NetworkAddress{{Address: "10.1.2.1"}}}, errs.AlreadyExists, "10.1.0.0/16"},
		"wrong things": {model.NetworkSetup{Name: "x", Mode: "y"}, errs.InvalidArgument, "mode"},
	} {
		err := Network(&test.setup, others)
		if !errs.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// Several networks can be in the bridge that the host has.
	if err := Network(&model.NetworkSetup{Name: "x", Mode: "bridge", Bridge: "br0"}, others); err != nil {
		t.Error(err)
	}
}

func TestAddressesGetTheFormThatLibvirtTells(t *testing.T) {
	t.Parallel()
	s := model.NetworkSetup{
		Addresses:  []model.NetworkAddress{{Address: "FD00:0:0::1"}, {Address: "nonsense"}},
		DHCPRanges: []model.DHCPRange{{Start: "FD00::0010", End: "x"}},
		DHCPHosts:  []model.DHCPHost{{MAC: "52:54:00:AB:CD:EF", Address: "FD00::00ff"}},
		DNSHosts:   []model.DNSHost{{Address: "FD00::A"}},
	}
	NormalizeNetwork(&s)
	if s.Addresses[0] != (model.NetworkAddress{Address: "fd00::1", Prefix: 64, Family: "ipv6"}) || s.Addresses[1].Address != "nonsense" ||
		s.DHCPRanges[0] != (model.DHCPRange{Start: "fd00::10", End: "x"}) || s.DNSHosts[0].Address != "fd00::a" ||
		s.DHCPHosts[0] != (model.DHCPHost{MAC: "52:54:00:ab:cd:ef", Address: "fd00::ff"}) {
		t.Errorf("got %+v", s)
	}
}
