package virt

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
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
	if err := c.DeleteNetwork(t.Context(), n.UUID, false); err != nil {
		t.Error(err)
	}
	if _, err := c.Network(t.Context(), n.UUID); !errs.Is(err, errs.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
	if err := c.DeleteNetwork(t.Context(), n.UUID, false); !errs.Is(err, errs.NotFound) {
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

// TestTheHostsInterfacesAreLookedAt: the host has eth1, and no other.
func TestTheHostsInterfacesAreLookedAt(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
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
		setup.Name = name
		_, err := c.CreateNetwork(t.Context(), setup)
		if kind, _ := errs.Of(err); err != nil && kind != test.want || err == nil && test.want != "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func keys(list ...string) inventory.NetworkChange {
	how := inventory.NetworkChange{Given: model.Keys{}}
	for _, key := range list {
		how.Given[key] = true
	}
	return how
}

// configured changes a network and reads it.
func configured(t *testing.T, c *Conn, uuid string, changes model.NetworkSetup, how inventory.NetworkChange) (inventory.NetworkChanged, *model.Network) {
	t.Helper()
	did, err := c.ConfigureNetwork(t.Context(), uuid, changes, how)
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.Network(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	return did, n
}

// The test driver stores changes of a running network, and shows them at once.

func TestANetworkThatIsOffIsChanged(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	setup := lab()
	setup.Start = new(bool)
	n := created(t, c, setup)
	changes := model.NetworkSetup{Domain: "b.test", DHCPRanges: []model.DHCPRange{{Start: "10.1.2.50", End: "10.1.2.59"}}, DNSHosts: nil}
	how := keys("domain", "dhcp-ranges", "dns-hosts")
	how.DryRun = true
	did, after := configured(t, c, n.UUID, changes, how)
	if len(did.Now) != 0 || len(did.NextStart) != 3 || after.Domain != "lab.test" {
		t.Errorf("a dry run: got %+v, %+v", did, after)
	}
	how.DryRun = false
	did, after = configured(t, c, n.UUID, changes, how)
	if len(did.Now) != 0 || len(did.NextStart) != 3 || after.Domain != "b.test" || len(after.DNSHosts) != 0 ||
		after.DHCPRanges[0].Start != "10.1.2.50" || len(after.DHCPHosts) != 1 || after.Bridge != "virbr7" {
		t.Errorf("got %+v, %+v", did, after)
	}
}

func TestWhatMakesNoSenseChangesNothing(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	n := created(t, c, lab())
	for name, test := range map[string]struct {
		changes model.NetworkSetup
		key     string
		want    errs.Kind
	}{
		"a range outside":        {model.NetworkSetup{DHCPRanges: []model.DHCPRange{{Start: "10.9.0.1", End: "10.9.0.2"}}}, "dhcp-ranges", errs.InvalidArgument},
		"addresses without DHCP": {model.NetworkSetup{Addresses: []model.NetworkAddress{{Address: "10.9.0.1", Prefix: 24}}}, "addresses", errs.InvalidArgument},
		"VLANs":                  {model.NetworkSetup{VLANs: []uint32{1}}, "vlans", errs.InvalidArgument},
		"a missing interface":    {model.NetworkSetup{HostDevice: "no-such"}, "host-device", errs.NotFound},
	} {
		if _, err := c.ConfigureNetwork(t.Context(), n.UUID, test.changes, keys(test.key)); !errs.Is(err, test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if after, err := c.Network(t.Context(), n.UUID); err != nil || len(after.DHCPRanges) != 1 || after.HostDevice != "" {
		t.Errorf("got %+v, %v", after, err)
	}
}

func TestFixedLeasesComeAndGo(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	n := created(t, c, lab())
	two := model.DHCPHost{MAC: "52:54:00:00:00:02", Name: "two", Address: "10.1.2.11"}
	for _, step := range []struct {
		name string
		do   func() error
		want errs.Kind
		then int
	}{
		{"another", func() error { return c.AddDHCPHost(t.Context(), n.UUID, two) }, "", 2},
		{"the same", func() error { return c.AddDHCPHost(t.Context(), n.UUID, two) }, errs.AlreadyExists, 2},
		{"its address", func() error {
			return c.AddDHCPHost(t.Context(), n.UUID, model.DHCPHost{MAC: "52:54:00:00:00:03", Address: two.Address})
		}, errs.AlreadyExists, 2},
		{"one outside", func() error {
			return c.AddDHCPHost(t.Context(), n.UUID, model.DHCPHost{MAC: "52:54:00:00:00:03", Address: "10.9.9.9"})
		}, errs.InvalidArgument, 2},
		{"one that is not there", func() error { return c.RemoveDHCPHost(t.Context(), n.UUID, model.DHCPHost{MAC: "52:54:00:00:00:03"}) }, errs.NotFound, 2},
		{"all of them", func() error { return c.RemoveDHCPHost(t.Context(), n.UUID, model.DHCPHost{}) }, errs.InvalidArgument, 2},
		{"one by its address", func() error { return c.RemoveDHCPHost(t.Context(), n.UUID, model.DHCPHost{Address: two.Address}) }, "", 1},
	} {
		err := step.do()
		if kind, _ := errs.Of(err); err == nil && step.want != "" || err != nil && kind != step.want {
			t.Errorf("%s: got %v", step.name, err)
		}
		if after, err := c.Network(t.Context(), n.UUID); err != nil || len(after.DHCPHosts) != step.then {
			t.Errorf("after %s: got %+v, %v", step.name, after, err)
		}
	}
}

func TestLeasesAreListed(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	setup := lab()
	setup.Start = new(bool)
	n := created(t, c, setup)
	if leases, err := c.Leases(t.Context(), n.UUID); err != nil || leases != nil {
		t.Errorf("of a network that is off: %v, %v", leases, err)
	}
	if _, err := c.Leases(t.Context(), "33333333-0000-4000-8000-000000000000"); !errs.Is(err, errs.NotFound) {
		t.Errorf("of no network: %v", err)
	}
}

func TestANetworkThatAVMHasAtItsNextBootStays(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	n := created(t, c, lab())
	vm := only(t, c) // which runs
	card := "<devices><interface type='network'><source network='lab &amp; &lt;co&gt;'/></interface></devices></domain>"
	if _, err := c.DefineXML(t.Context(), strings.Replace(vmXML(vm.Name, vm.UUID), "</domain>", card, 1), vm.UUID); err != nil {
		t.Fatal(err)
	}
	if now := only(t, c); len(now.Interfaces) != 0 {
		t.Errorf("it has %v now", now.Interfaces)
	}
	if err := c.DeleteNetwork(t.Context(), n.UUID, false); !errs.Is(err, errs.DeviceInUse) || !strings.Contains(err.Error(), vm.Name) {
		t.Errorf("got %v", err)
	}
	if after, err := c.Network(t.Context(), n.UUID); err != nil || !after.Active {
		t.Errorf("it is %+v (%v)", after, err)
	}
	if err := c.DeleteNetwork(t.Context(), n.UUID, true); err != nil {
		t.Error(err)
	}
}
