package virt

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// lab is a complete setup.
func lab() model.NetworkSetup {
	return model.NetworkSetup{
		Name: "lab & <co>", Mode: model.NetworkNAT, Bridge: "virbr7", Domain: "lab.test",
		Addresses:  []model.NetworkAddress{{Address: "10.1.2.1", Prefix: 24}},
		DHCPRanges: []model.DHCPRange{{Start: "10.1.2.100", End: "10.1.2.199"}},
		DHCPHosts:  []model.DHCPHost{{MAC: "52:54:00:00:00:01", Name: "one", Address: "10.1.2.10"}},
		DNSHosts:   []model.DNSHost{{Address: "10.1.2.1", Names: []string{"gate"}}},
	}
}

// created makes a network and reads it.
func created(t *testing.T, c *Conn, setup model.NetworkSetup) *model.Network {
	t.Helper()
	uuid, err := c.CreateNetwork(t.Context(), setup)
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.Network(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestANetworkIsMadeStartedStoppedAndDeleted(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	setup := lab()
	setup.Autostart = true
	n := created(t, c, setup)
	if !n.Active || !n.Persistent || !n.Autostart || n.Name != setup.Name || n.PendingChanges != nil || len(n.DHCPHosts) != 1 {
		t.Errorf("got %+v", n)
	}
	if _, err := c.CreateNetwork(t.Context(), setup); !errs.Is(err, errs.AlreadyExists) || !strings.Contains(err.Error(), setup.Name) {
		t.Errorf("once more: %v", err)
	}
	if err := c.SetNetworkAutostart(t.Context(), n.UUID, false); err != nil {
		t.Error(err)
	}
	if err := c.StopNetwork(t.Context(), n.UUID); err != nil {
		t.Error(err)
	}
	if after, err := c.Network(t.Context(), n.UUID); err != nil || after.Active || after.Autostart {
		t.Errorf("got %+v, %v", after, err)
	}
	if err := c.StartNetwork(t.Context(), n.UUID); err != nil {
		t.Error(err)
	}
	if err := c.DeleteNetwork(t.Context(), n.UUID); err != nil {
		t.Error(err)
	}
	if _, err := c.Network(t.Context(), n.UUID); !errs.Is(err, errs.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
	if err := c.DeleteNetwork(t.Context(), n.UUID); !errs.Is(err, errs.NotFound) {
		t.Errorf("deleted once more: %v", err)
	}
}

func TestANetworkIsNotStartedIfItShallNotBe(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	setup := lab()
	setup.Start = new(bool)
	if n := created(t, c, setup); n.Active {
		t.Error("it is active")
	}
}

// TestTheHostsInterfacesAreLookedAt: the test driver has eth1, and no other.
func TestTheHostsInterfacesAreLookedAt(t *testing.T) {
	t.Parallel()
	c := connect(t, "test:///default")
	for name, test := range map[string]struct {
		change func(*model.NetworkSetup)
		want   errs.Kind
	}{
		"a bridge that is taken":        {func(s *model.NetworkSetup) { s.Bridge = "eth1" }, errs.AlreadyExists},
		"a bridge that is missing":      {func(s *model.NetworkSetup) { *s = model.NetworkSetup{Name: "b", Mode: "bridge", Bridge: "br9"} }, errs.NotFound},
		"an interface that is missing":  {func(s *model.NetworkSetup) { *s = model.NetworkSetup{Name: "m", Mode: "macvtap", HostDevice: "eth9"} }, errs.NotFound},
		"a way out that is missing":     {func(s *model.NetworkSetup) { s.HostDevice = "eth9" }, errs.NotFound},
		"an interface that is there":    {func(s *model.NetworkSetup) { *s = model.NetworkSetup{Name: "m", Mode: "macvtap", HostDevice: "eth1"} }, ""},
		"a bridge of a name of its own": {func(*model.NetworkSetup) {}, ""},
	} {
		setup := lab()
		test.change(&setup)
		_, err := c.CreateNetwork(t.Context(), setup)
		if kind, _ := errs.Of(err); err != nil && kind != test.want || err == nil && test.want != "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
