//go:build system

package system_test

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

func snapshotOf(vm dbus.ObjectPath, name string) dbus.ObjectPath {
	return dbus.ObjectPath(model.Path(vm) + "/snapshots/" + model.Path(model.EscapeName(name)))
}

// snapshotsOf is the names of the snapshots of a VM that the tree shows.
func snapshotsOf(c *client, vm dbus.ObjectPath) []string {
	c.t.Helper()
	names := []string{}
	for _, interfaces := range managed(c) {
		if s, ok := interfaces["org.kvmmanager.Snapshot"]; ok && s["VM"].Value() == vm {
			names = append(names, s["Name"].Value().(string))
		}
	}
	slices.Sort(names)
	return names
}

// TestSnapshots of a copy of tiny: with its memory and without, by the service
// and by virsh.
func TestSnapshots(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	before := strings.Fields(virsh(t, "vol-list", "default"))
	vm := cloneOf(root, "kept", wait())
	t.Cleanup(func() { _, _ = tryVirsh("vol-delete", "--pool", "default", "kept.qcow2") })
	as(t, "bob").refused(needsPassword, vm, "VM.CreateSnapshot", "his", none())

	t.Log("off, it has no memory")
	root.refused("InvalidState", vm, "VM.CreateSnapshot", "off", with("memory", true))
	const text = "<&> \"'\nünï 🐧"
	off := result(root, vm, "CreateSnapshot", "off", with("wait", true, "description", text))["snapshot"].Value().(dbus.ObjectPath)
	if off != snapshotOf(vm, "off") || root.get(off, "Snapshot.Description") != text || root.get(off, "Snapshot.VMState") != "shut-off" {
		t.Errorf("%s is described %q", off, root.get(off, "Snapshot.Description"))
	}
	root.refused("AlreadyExists", vm, "VM.CreateSnapshot", "off", none())
	as(t, "bob").refused(needsPassword, off, "Snapshot.Revert", none())

	t.Log("running, it has")
	root.must(vm, "VM.Start", wait())
	guest := consoleOf(root, vm)
	guest.expect("tiny: ready")
	guest.run("kept=yes; echo set-$((6 * 7))", "set-42")
	const name = "live"
	root.must(vm, "VM.CreateSnapshot", name, wait())
	live := snapshotOf(vm, name)
	if root.get(live, "Snapshot.VMState") != "running" || root.get(live, "Snapshot.Parent") != off || root.get(live, "Snapshot.Current") != true {
		t.Errorf("it is %v, below %v", root.get(live, "Snapshot.VMState"), root.get(live, "Snapshot.Parent"))
	}
	if got := decode(t, imageOf(t, root, live, "Snapshot.GetScreenshot"), "image/png").Bounds(); got.Dx() < 320 {
		t.Errorf("the picture of the guest is %v", got)
	}
	root.refused("NotFound", off, "Snapshot.GetScreenshot", none())
	as(t, "bob").refused(needsPassword, live, "Snapshot.GetScreenshot", none())
	root.refused("NotSupported", vm, "VM.CreateSnapshot", "two words", with("kind", "internal"))
	root.refused("NotSupported", vm, "VM.CreateSnapshot", "disks", with("memory", false, "kind", "internal"))

	t.Log("one of another tool is there, too")
	virsh(t, "snapshot-create-as", "kept", "theirs")
	eventually(t, "theirs is shown", func() bool {
		return slices.Equal(snapshotsOf(root, vm), []string{name, "off", "theirs"})
	})
	theirs := snapshotOf(vm, "theirs")
	root.must(theirs, "Snapshot.SetDescription", text, none())
	if got := virsh(t, "snapshot-dumpxml", "kept", "theirs"); !strings.Contains(got, "🐧") || root.get(theirs, "Snapshot.Description") != text {
		t.Errorf("described, it is %s", got)
	}

	t.Log("the guest goes on where it was")
	guest.run("kept=no; echo lost-$((6 * 7))", "lost-42")
	root.must(vm, "VM.PowerOff", wait())
	root.must(live, "Snapshot.Revert", wait())
	if state := root.get(vm, "VM.State"); state != "running" || root.get(live, "Snapshot.Current") != true {
		t.Fatalf("the VM is %v", state)
	}
	consoleOf(root, vm).run("echo is-$kept", "is-yes")
	root.must(off, "Snapshot.Revert", wait())
	if state := virsh(t, "domstate", "kept"); state != "shut off" {
		t.Errorf("back at the first it is %s", state)
	}

	t.Log("deleted with what is below, it leaves nothing")
	root.must(off, "Snapshot.Delete", with("children", true, "wait", true))
	if left := virsh(t, "snapshot-list", "--name", "kept"); strings.TrimSpace(left) != "" || len(snapshotsOf(root, vm)) != 0 {
		t.Errorf("left are %q and %v", left, snapshotsOf(root, vm))
	}
	result(root, vm, "Delete", with("wait", true, "delete-storage", []string{"*"}))
	if after := strings.Fields(virsh(t, "vol-list", "default")); !slices.Equal(after, before) {
		t.Errorf("the volumes are %v, and were %v", after, before)
	}
	uuid := strings.ReplaceAll(path.Base(string(vm)), "_", "-")
	if _, err := os.Stat("/var/lib/kvmmanager/pictures/local/" + uuid); !os.IsNotExist(err) {
		t.Errorf("pictures of a VM that is gone: %v", err)
	}
}

// TestAnExternalSnapshot of a VM that runs: the guest goes on in a new image.
func TestAnExternalSnapshot(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	vm := cloneOf(root, "outside", wait())
	t.Cleanup(func() {
		for _, volume := range volumesOf(t, "outside") {
			run(t, "rm", "--", "/var/lib/libvirt/images/"+volume)
		}
		virsh(t, "pool-refresh", "default")
	})
	define(t, strings.NewReplacer("<disk type='volume'", "<disk type='file'", "<source pool='default' volume='outside.qcow2'/>", "<source file='/var/lib/libvirt/images/outside.qcow2'/>").
		Replace(virsh(t, "dumpxml", "--inactive", "outside")))
	root.must(vm, "VM.Start", wait())
	guest := consoleOf(root, vm)
	guest.expect("tiny: ready")
	const name = "läuft & <läuft>"
	root.must(vm, "VM.CreateSnapshot", name, wait())
	s := snapshotOf(vm, name)
	if root.get(s, "Snapshot.Kind") != "external" || root.get(s, "Snapshot.VMState") != "running" || len(volumesOf(t, "outside")) != 3 {
		t.Errorf("it is %v and %v with %v", root.get(s, "Snapshot.Kind"), root.get(s, "Snapshot.VMState"), volumesOf(t, "outside"))
	}
	guest.run("echo on-$((6 * 7))", "on-42")
	root.must(s, "Snapshot.Delete", wait())
	if left := volumesOf(t, "outside"); !slices.Equal(left, []string{"outside.qcow2"}) {
		t.Errorf("left are %v", left)
	}
	guest.run("echo still-$((6 * 7))", "still-42")
}

// TestWhatAVMIsMadeOfStays whoever has put layers over it, whether the pool knows
// of them and whether the VM runs.
func TestWhatAVMIsMadeOfStays(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	vm := cloneOf(root, "layers", wait())
	t.Cleanup(func() {
		_, _ = tryVirsh("destroy", "layers")
		for _, volume := range volumesOf(t, "layers") {
			run(t, "rm", "--", "/var/lib/libvirt/images/"+volume)
		}
		virsh(t, "pool-refresh", "default")
	})
	define(t, strings.NewReplacer("<disk type='volume'", "<disk type='file'", "<source pool='default' volume='layers.qcow2'/>", "<source file='/var/lib/libvirt/images/layers.qcow2'/>").
		Replace(virsh(t, "dumpxml", "--inactive", "layers")))
	stay := func(when string, names ...string) {
		t.Helper()
		t.Log(when)
		for _, name := range names {
			v := volumeIn(defaultPool(t), name)
			root.refused("DeviceInUse", v, "StorageVolume.Delete", wait())
			root.refused("DeviceInUse", v, "StorageVolume.Wipe", wait())
			root.refused("DeviceInUse", v, "StorageVolume.Resize", uint64(1<<30), wait())
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	root.must(vm, "VM.Start", wait())
	root.must(vm, "VM.CreateSnapshot", "one", with("memory", false, "kind", "external", "wait", true))
	for _, name := range []string{"layers.qcow2", "layers.one"} {
		if got := root.get(volumeIn(defaultPool(t), name), "StorageVolume.UsedBy"); !equal(got, []dbus.ObjectPath{vm}) {
			t.Errorf("%s is used by %v", name, got)
		}
	}
	root.refused("DeviceInUse", defaultPool(t), "StoragePool.Stop", none())
	stay("running, with a snapshot of the service's", "layers.qcow2", "layers.one")
	virsh(t, "snapshot-create-as", "layers", "two", "--disk-only")
	stay("running, with one that the pool knows nothing of", "layers.qcow2", "layers.one")
	root.must(vm, "VM.PowerOff", wait())
	stay("off", "layers.qcow2", "layers.one")
	for _, name := range []string{"two", "one"} {
		virsh(t, "snapshot-delete", "layers", name, "--metadata")
	}
	stay("off, when only the images tell", "layers.qcow2", "layers.one")

	t.Log("deleted, the VM takes its own")
	result(root, vm, "Delete", with("wait", true, "delete-storage", []string{"*"}))
	root.must(volumeIn(defaultPool(t), "layers.one"), "StorageVolume.Delete", wait())
	root.must(volumeIn(defaultPool(t), "layers.qcow2"), "StorageVolume.Delete", wait())
}
