//go:build system

package system_test

import (
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// checkStart asks why a VM will not start, as somebody without any right.
func checkStart(t *testing.T, vm dbus.ObjectPath) []map[string]dbus.Variant {
	t.Helper()
	return as(t, "bob").must(vm, "VM.CheckStart", none())[0].([]map[string]dbus.Variant)
}

// found is the one check with this id; the test fails if it is not there.
func found(t *testing.T, checks []map[string]dbus.Variant, id, status, says string) map[string]dbus.Variant {
	t.Helper()
	for _, c := range checks {
		if c["id"].Value() == id && c["status"].Value() == status && strings.Contains(c["message"].Value().(string), says) {
			return c
		}
	}
	t.Errorf("no %s %s that says %q in %v", id, status, says, checks)
	return nil
}

func TestWhyAVMWillNotStart(t *testing.T) {
	useTiny(t)
	if checks := checkStart(t, tiny); len(checks) != 0 {
		t.Errorf("nothing is wrong with tiny: %v", checks)
	}
	disk := func(file string) string {
		return "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='" + file + "'/><target dev='vda' bus='virtio'/></disk>"
	}
	make := func(t *testing.T, devices string) (*client, dbus.ObjectPath) {
		t.Helper()
		c := as(t, "root")
		return c, vmXML{Name: "will-not", Devices: devices}.make(t, c)
	}
	t.Run("an image that is not there", func(t *testing.T) {
		c, vm := make(t, disk("/var/lib/libvirt/images/none.img"))
		found(t, checkStart(t, vm), "disk", "error", "is not there")
		c.refused("NotFound", vm, "VM.Start", wait())
		found(t, checkStart(t, vm), "disk", "error", "is not there")
	})
	t.Run("a network that is not active", func(t *testing.T) {
		network := tempFile(t, "network.xml", "<network><name>asleep</name><bridge name='virbr77'/><ip address='192.0.2.1' netmask='255.255.255.0'/></network>")
		virsh(t, "net-define", network)
		t.Cleanup(func() { virsh(t, "net-undefine", "asleep") })
		root, vm := make(t, "<interface type='network'><source network='asleep'/></interface>")
		c := found(t, checkStart(t, vm), "network", "error", "asleep")
		if c["fix"].Value() != "start-network" || c["object"].Value() == dbus.ObjectPath("/") {
			t.Errorf("the fix is missing: %v", c)
		}
		root.must(c["object"].Value().(dbus.ObjectPath), "Network.Start", none())
		defer virsh(t, "net-destroy", "asleep")
		if checks := checkStart(t, vm); len(checks) != 0 {
			t.Errorf("fixed, it still has %v", checks)
		}
	})
	for where, status := range map[string]string{"/srv/locked": "error", "/home/alice/machines": "warning"} {
		t.Run("an image in "+where, func(t *testing.T) {
			if err := os.MkdirAll(where, 0o700); err != nil {
				t.Fatal(err)
			}
			image := where + "/a.img"
			t.Cleanup(func() { _ = os.RemoveAll(where) })
			if where == "/home/alice/machines" {
				run(t, "chmod", "700", "/home/alice")
			}
			run(t, "truncate", "--size=1M", image)
			c, vm := make(t, disk(image))
			check := found(t, checkStart(t, vm), "disk", status, "may not enter")
			if hint, _ := check["hint"].Value().(string); !strings.Contains(hint, "storage pool “default”") || strings.Contains(hint, "chmod") {
				t.Errorf("the advice is %q", hint)
			}
			c.refused("PermissionDenied", vm, "VM.Start", wait())
			check = found(t, checkStart(t, vm), "disk", "error", image)
			if check["fix"].Value() != "move-disk" || check["object"].Value() != vm || check["device"].Value() != "disk-vda" {
				t.Fatalf("the fix is missing: %v", check)
			}
			moved := resultOf(c, vm, "VM.MoveDisk", check["device"].Value(), check["pool"].Value(), wait())["volume"].Value().(dbus.ObjectPath)
			t.Cleanup(func() { virsh(t, "vol-delete", c.get(moved, "StorageVolume.Path").(string)) })
			if checks := checkStart(t, vm); len(checks) != 0 {
				t.Errorf("fixed, it still has %v", checks)
			}
			if _, err := os.Stat(image); err != nil {
				t.Errorf("the original is gone: %v", err)
			}
			if used := c.get(moved, "StorageVolume.UsedBy"); !equal(used, []dbus.ObjectPath{vm}) {
				t.Errorf("the copy is used by %v", used)
			}
			if list := virsh(t, "pool-list", "--all"); strings.Contains(list, "scratch") {
				t.Errorf("a pool is left:\n%s", list)
			}
		})
	}
	t.Run("an image that another VM has", func(t *testing.T) {
		c := as(t, "root")
		c.must(tiny, "VM.Start", wait())
		defer c.must(tiny, "VM.PowerOff", wait())
		_, vm := make(t, strings.Replace(disk("/var/lib/libvirt/images/tiny.qcow2"), "'raw'", "'qcow2'", 1))
		found(t, checkStart(t, vm), "disk", "error", "“tiny” is running")
		c.refused("InvalidState", tiny, "VM.CheckStart", none())
	})
}
