package virt

import (
	"testing"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// snapshotsOf reads a VM alone.
func snapshotsOf(t *testing.T, c *Conn, uuid string) *model.VM {
	t.Helper()
	vm, err := c.VM(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// take makes a snapshot as another program would, but for the hint that the
// connection is given, since the test driver has no files to watch.
func take(t *testing.T, c *Conn, uuid, xml string) {
	t.Helper()
	err := c.onSnapshots(t.Context(), uuid, func(dom *libvirt.Domain) error {
		s, err := dom.CreateSnapshotXML(xml, 0)
		if err != nil {
			return err
		}
		return s.Free()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotsAreReadWithTheirVM(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	vm := only(t, c)
	take(t, c, vm.UUID, `<domainsnapshot><name>first</name><description>a &amp; b</description></domainsnapshot>`)
	take(t, c, vm.UUID, `<domainsnapshot><name>second</name></domainsnapshot>`)
	awaitEvent(t, c, "snapshots", func(e inventory.Event) bool { return e.Kind == inventory.VMEvent && e.ID == vm.UUID })
	for how, got := range map[string]*model.VM{"alone": snapshotsOf(t, c, vm.UUID), "in a list": only(t, c)} {
		first, second := got.Snapshot(model.SnapshotPath(vm.UUID, "first")), got.Snapshot(model.SnapshotPath(vm.UUID, "second"))
		if len(got.Snapshots) != 2 || first == nil || second == nil {
			t.Fatalf("read %s, the snapshots are %v", how, got.Snapshots)
		}
		if first.Description != "a & b" || first.CreatedAt.IsZero() || first.VMState != model.VMRunning || first.Current {
			t.Errorf("read %s, the first is %+v", how, first)
		}
		if second.Parent != first.Path() || !second.Current || len(first.Children) != 1 {
			t.Errorf("read %s, the second is %+v", how, second)
		}
	}
	if err := c.DeleteSnapshot(t.Context(), vm.UUID, "first", true); err != nil {
		t.Fatal(err)
	}
	if left := snapshotsOf(t, c, vm.UUID).Snapshots; len(left) != 0 {
		t.Errorf("left are %v", left)
	}
	if err := c.DeleteSnapshot(t.Context(), vm.UUID, "first", false); !errs.Is(err, errs.NotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestASnapshotIsDescribedAndGoneBackTo(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	vm := only(t, c)
	const text = "<&> \"'\nünï 🐧"
	take(t, c, vm.UUID, `<domainsnapshot><name>s</name></domainsnapshot>`)
	if err := c.SetSnapshotDescription(t.Context(), vm.UUID, "s", text); err != nil {
		t.Fatal(err)
	}
	s := snapshotsOf(t, c, vm.UUID).Snapshot(model.SnapshotPath(vm.UUID, "s"))
	if s == nil || s.Description != text || !s.Current {
		t.Errorf("described, it is %+v", s)
	}
	if err := c.PowerOff(t.Context(), vm.UUID); err != nil {
		t.Fatal(err)
	}
	if err := c.RevertSnapshot(t.Context(), vm.UUID, "s", false, true); err != nil {
		t.Fatal(err)
	}
	if after := snapshotsOf(t, c, vm.UUID); after.State != model.VMRunning {
		t.Errorf("reverted, the VM is %s", after.State)
	}
}
