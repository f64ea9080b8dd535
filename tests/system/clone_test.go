//go:build system

package system_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// result is what a job has brought that a call waits for.
func result(c *client, vm dbus.ObjectPath, method string, args ...any) map[string]dbus.Variant {
	c.t.Helper()
	return resultOf(c, vm, "VM."+method, args...)
}

// resultOf is result for a method of any interface.
func resultOf(c *client, object dbus.ObjectPath, method string, args ...any) map[string]dbus.Variant {
	c.t.Helper()
	return c.Result(object, method, args...)
}

// cloneOf clones tiny, and removes the clone in the end.
func cloneOf(c *client, name string, options map[string]dbus.Variant) dbus.ObjectPath {
	c.t.Helper()
	vm := result(c, tiny, "Clone", name, options)["vm"].Value().(dbus.ObjectPath)
	forget(c.t, c.get(vm, "VM.UUID").(string))
	return vm
}

// boots starts a VM and waits until its guest is up.
func boots(c *client, vm dbus.ObjectPath) {
	c.t.Helper()
	c.must(vm, "VM.Start", wait())
	consoleOf(c, vm).expect("tiny: ready")
	c.must(vm, "VM.PowerOff", wait())
}

func TestClonesBoot(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	before := strings.Fields(virsh(t, "vol-list", "default"))
	full := cloneOf(root, "tiny-full", wait())
	if mac := virsh(t, "domiflist", "tiny-full"); strings.Contains(mac, "52:54:00:6b:6d:01") {
		t.Errorf("its card is the original's: %s", mac)
	}
	boots(root, full)

	t.Log("a linked clone is one of a template")
	root.refused("InvalidState", tiny, "VM.Clone", "tiny-linked", with("linked", true))
	root.must(tiny, "VM.SetTemplate", true, none())
	root.refused("InvalidState", tiny, "VM.Start", none())
	linked := cloneOf(root, "tiny-linked", with("linked", true, "wait", true))
	if xml := virsh(t, "vol-dumpxml", "--pool", "default", "tiny-linked.qcow2"); !strings.Contains(xml, "<backingStore>") {
		t.Errorf("it is no overlay:\n%s", xml)
	}
	boots(root, linked)
	root.refused("DeviceInUse", tiny, "VM.SetTemplate", false, none())

	t.Log("deleted with their disks, they leave nothing")
	for _, vm := range []dbus.ObjectPath{full, linked} {
		done := result(root, vm, "Delete", with("wait", true, "delete-storage", []string{"*"}))
		if deleted := done["deleted"].Value().([]string); !slices.Equal(deleted, []string{"disk-vda"}) {
			t.Errorf("deleted %v", done)
		}
	}
	root.must(tiny, "VM.SetTemplate", false, none())
	if after := strings.Fields(virsh(t, "vol-list", "default")); !slices.Equal(after, before) {
		t.Errorf("the volumes are %v, and were %v", after, before)
	}
}

// TestSharedStorageIsKept: that of another VM, and what clones are made of.
func TestSharedStorageIsKept(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	disk := func(source string) string {
		return "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='" + source + "'/><target dev='vda' bus='virtio'/></disk>"
	}
	const tinyImage, own = "/var/lib/libvirt/images/tiny.qcow2", "/var/lib/libvirt/images/own.qcow2"
	virsh(t, "vol-create-as", "default", "own.qcow2", "1MiB", "--format", "qcow2")
	t.Cleanup(func() { _, _ = tryVirsh("vol-delete", own) })
	vm := vmXML{Name: "sharing", Devices: disk(tinyImage) + strings.Replace(disk(own), "vda", "vdb", 1)}.make(t, root)
	as(t, "bob").refused(needsPassword, vm, "VM.Delete", with("delete-storage", []string{"*"}))
	root.refused("InvalidArgument", vm, "VM.Delete", with("delete-storage", []string{"disk-vdz"}))
	done := result(root, vm, "Delete", with("wait", true, "delete-storage", []string{"*"}))
	if kept := done["kept"].Value().([]string); !slices.Equal(kept, []string{"disk-vda"}) || !strings.Contains(done["reasons"].Value().([]string)[0], "“tiny”") {
		t.Errorf("the job says %v", done)
	}
	if _, err := os.Stat(tinyImage); err != nil {
		t.Errorf("the image of tiny is gone: %v", err)
	}
	if _, err := os.Stat(own); !os.IsNotExist(err) {
		t.Errorf("its own image is left: %v", err)
	}
}
