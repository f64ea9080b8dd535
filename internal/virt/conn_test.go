package virt

import (
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

func TestTheTestDriversDefaultHostIsRead(t *testing.T) {
	t.Parallel()
	c := connect(t, "test:///default")
	host, err := c.Host(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if host.HypervisorName != "TEST" || host.CPUs == 0 || host.MemoryTotal == 0 || host.Hostname == "" || host.LibvirtVersion == "" {
		t.Errorf("the host is incomplete: %+v", host)
	}
	if _, err := c.Capabilities(t.Context()); err != nil {
		t.Error(err)
	}
	checks, err := c.CheckHealth(t.Context())
	if err != nil || len(checks) != 5 {
		t.Errorf("health: %v, %v", checks, err)
	}
}

func TestObjectsAreListedAndReadAlike(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 20))
	vms, err := c.VMs(t.Context())
	if err != nil || len(vms) != 20 {
		t.Fatalf("%d VMs, %v", len(vms), err)
	}
	for _, listed := range vms {
		vm, err := c.VM(t.Context(), listed.UUID)
		if err != nil {
			t.Fatal(err)
		}
		if vm.Name != listed.Name || vm.State != listed.State || vm.StateReason != listed.StateReason ||
			vm.ID != listed.ID || vm.ConfigVersion != listed.ConfigVersion || vm.Autostart != listed.Autostart {
			t.Errorf("listed as %+v but read as %+v", listed, vm)
		}
		if vm.VCPUs != 2 || vm.Memory != 64<<20 || vm.State != model.VMRunning || !vm.Persistent {
			t.Errorf("read wrong: %+v", vm)
		}
	}
	networks, err := c.Networks(t.Context())
	if err != nil || len(networks) != 1 || networks[0].Name != "default" || !networks[0].Active {
		t.Errorf("networks: %+v, %v", networks, err)
	}
	pools, err := c.Pools(t.Context())
	if err != nil || len(pools) != 1 || pools[0].Name != "images" || pools[0].State != model.PoolRunning {
		t.Errorf("pools: %+v, %v", pools, err)
	}
	if n, err := c.Network(t.Context(), networks[0].UUID); err != nil || n.UUID != networks[0].UUID {
		t.Errorf("network: %+v, %v", n, err)
	}
	if p, err := c.Pool(t.Context(), pools[0].UUID); err != nil || p.Capacity != pools[0].Capacity {
		t.Errorf("pool: %+v, %v", p, err)
	}
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	const nobody = "99999999-9999-4999-8999-999999999999"
	for name, call := range map[string]func() error{
		"VM":      func() error { _, err := c.VM(t.Context(), nobody); return err },
		"network": func() error { _, err := c.Network(t.Context(), nobody); return err },
		"pool":    func() error { _, err := c.Pool(t.Context(), nobody); return err },
		"start":   func() error { return c.Start(t.Context(), nobody, false) },
		"delete":  func() error { return c.Delete(t.Context(), nobody) },
		"XML":     func() error { _, err := c.XML(t.Context(), nobody, true, false); return err },
	} {
		if err := call(); !errs.Is(err, errs.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnreachableHypervisorIsDisconnected(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"test:///does/not/exist.xml", "qemu+unix:///system?socket=/does/not/exist", "nonsense://", "qemu+tcp://127.0.0.1:1/system"} {
		if _, err := New(discard()).Open(t.Context(), uri); !errs.Is(err, errs.Disconnected) {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

func TestAClosedConnectionSaysSo(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	c.Close()
	if _, ok := <-c.Events(); ok {
		t.Error("an event came after Close")
	}
	if err := c.Err(); err != nil {
		t.Errorf("Close is no error: %v", err)
	}
	if _, err := c.VMs(t.Context()); !errs.Is(err, errs.Disconnected) {
		t.Errorf("a read: %v", err)
	}
	if err := c.Start(t.Context(), "00000000-0000-4000-8000-000000000000", false); !errs.Is(err, errs.Disconnected) {
		t.Errorf("an operation: %v", err)
	}
	c.Close() // again
}

func TestAnotherConnectionsChangesAreAnnounced(t *testing.T) {
	t.Parallel()
	// Connections to the default host share its state.
	mine, theirs := connect(t, "test:///default"), connect(t, "test:///default")
	const uuid = "5a5a5a5a-0000-4000-8000-000000000001"
	got, err := theirs.DefineXML(t.Context(), vmXML("announced", uuid), "")
	if err != nil || got != uuid {
		t.Fatalf("defined %q: %v", got, err)
	}
	is := func(e inventory.Event) bool { return e.Kind == inventory.VMEvent && e.ID == uuid }
	awaitEvent(t, mine, "defined", is)
	if err := theirs.Start(t.Context(), uuid, false); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, mine, "started", is)
	if err := theirs.PowerOff(t.Context(), uuid); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, mine, "stopped", is)
	if err := theirs.Delete(t.Context(), uuid); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, mine, "deleted", is)
	if _, err := mine.VM(t.Context(), uuid); !errs.Is(err, errs.NotFound) {
		t.Errorf("after its deletion: %v", err)
	}
}
