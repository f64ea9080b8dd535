//go:build system

package system_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/system/hangfs"
)

// answersSoon is how long libvirt may take to answer what has nothing to do with a
// file system that hangs.
const answersSoon = 5 * time.Second

// othersAnswer looks whether other programs get answers from libvirt.
func othersAnswer(t *testing.T, when string) {
	t.Helper()
	for _, args := range [][]string{{"list", "--all"}, {"pool-list", "--all"}, {"net-list"}} {
		ctx, cancel := context.WithTimeout(context.Background(), answersSoon)
		err := exec.CommandContext(ctx, "virsh", append([]string{"-q", "-c", "qemu:///system"}, args...)...).Run()
		cancel()
		if err != nil {
			t.Errorf("%s, virsh %s: %v", when, strings.Join(args, " "), err)
		}
	}
}

// defineWith defines a VM that is off and has one disk, which is removed in the
// end.
func defineWith(t *testing.T, name, disk, format string) {
	t.Helper()
	xml := filepath.Join(t.TempDir(), "vm.xml")
	text := fmt.Sprintf(`<domain type='qemu'><name>%s</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='%s'/><source file='%s'/><target dev='vda' bus='virtio'/></disk></devices></domain>`, name, format, disk)
	if err := os.WriteFile(xml, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	virsh(t, "define", xml)
	t.Cleanup(func() { _, _ = tryVirsh("undefine", name) })
}

// diskOf is the record of a VM's first disk.
func (c *client) diskOf(vm dbus.ObjectPath) map[string]dbus.Variant {
	c.t.Helper()
	return c.get(vm, "VM.Disks").([]map[string]dbus.Variant)[0]
}

// unresponsive reports whether a VM's first disk is shown as not answering.
func (c *client) unresponsive(vm dbus.ObjectPath) bool {
	silent, _ := c.diskOf(vm)["unresponsive"].Value().(bool)
	return silent
}

// timed calls a method that must have answered soon, with or without an error.
func (c *client) timed(what string, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	c.t.Helper()
	begun := time.Now()
	call := c.call(path, method, args...)
	if took := time.Since(begun); took > 2*answersSoon {
		c.t.Errorf("%s took %v", what, took)
	}
	return call
}

// TestAnImageThatDoesNotOpenCostsOthersNothing has a FIFO in the place of an image:
// whoever opens it waits until something is written to it.
func TestAnImageThatDoesNotOpenCostsOthersNothing(t *testing.T) {
	for name, folder := range map[string]string{"seen": "/srv/hang-images", "hidden": "/home/bob/hang-images", "of-root": "/root/hang-images"} {
		t.Run(name, func(t *testing.T) {
			fifo := filepath.Join(folder, "hang.img")
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(folder) })
			if err := unix.Mkfifo(fifo, 0o666); err != nil {
				t.Fatal(err)
			}
			// Whoever waits for it goes on when it is opened for writing.
			t.Cleanup(func() {
				if f, err := os.OpenFile(fifo, os.O_RDWR|unix.O_NONBLOCK, 0); err == nil {
					time.AfterFunc(time.Second, func() { _ = f.Close() })
				}
			})
			run(t, "systemctl", "stop", "kvmmanagerd")
			defineWith(t, "hang", fifo, "raw")
			othersAnswer(t, "without the service")

			root := as(t, "root")
			hang := root.vm("hang")
			eventually(t, "the disk is shown as not answering", func() bool { return root.unresponsive(hang) })
			othersAnswer(t, "with the service")
			root.timed("CheckStart of another VM", root.vm("tiny"), "VM.CheckStart", none())
			checks := root.timed("CheckStart", hang, "VM.CheckStart", none())
			if checks.Err != nil || !strings.Contains(fmt.Sprint(checks.Body...), "disk") {
				t.Errorf("CheckStart says %v, %v", checks.Body, checks.Err)
			}
			if call := root.timed("Start", hang, "VM.Start", wait()); call.Err == nil {
				t.Error("it starts")
			}
			othersAnswer(t, "after a start was refused")
		})
	}
}

// TestAPoolThatHangsCostsOthersNothing has a pool on a file system that stops
// answering, beside a healthy one.
func TestAPoolThatHangsCostsOthersNothing(t *testing.T) {
	back := t.TempDir()
	image, base := filepath.Join(back, "n"), filepath.Join(back, "base")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", image, "64M")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", base, "64M")
	mount := hangfs.Mount(t, "/srv/hang-nfs", image, base)
	t.Cleanup(mount.Continue)
	onNFS := filepath.Join(mount.Folder, "n")
	virsh(t, "pool-create-as", "hang-nfs", "dir", "--target", mount.Folder)
	t.Cleanup(func() { mount.Continue(); virsh(t, "pool-destroy", "hang-nfs") })
	defineWith(t, "on-nfs", onNFS, "qcow2")
	virsh(t, "vol-create-as", "default", "hang-here", "1M", "--format", "raw")
	// An overlay in the healthy pool, of an image on the one that hangs.
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", filepath.Join(mount.Folder, "base"), "/var/lib/libvirt/images/hang-overlay")
	virsh(t, "pool-refresh", "default")
	t.Cleanup(func() { virsh(t, "vol-delete", "--pool", "default", "hang-overlay") })

	root := as(t, "root")
	vm := root.vm("on-nfs")
	capacity := func() any { return root.diskOf(vm)["capacity"].Value() }
	eventually(t, "the size of the disk", func() bool { return capacity() == uint64(64<<20) })
	uuid := func(pool string) string { return strings.TrimSpace(virsh(t, "pool-uuid", pool)) }
	nfs, healthy := dbus.ObjectPath(model.PoolPath(uuid("hang-nfs"))), dbus.ObjectPath(model.PoolPath(uuid("default")))
	there := dbus.ObjectPath(model.VolumePath(uuid("hang-nfs"), "n"))
	here := dbus.ObjectPath(model.VolumePath(uuid("default"), "hang-here"))
	shown := func(volume dbus.ObjectPath) bool {
		return root.call(volume, properties+"Get", api.StorageVolumeInterface, "Name").Err == nil
	}
	eventually(t, "the volumes of both pools", func() bool { return shown(here) && shown(there) })

	mount.Stop()
	if call := root.timed("CheckHealth", local, "Host.CheckHealth", none()); call.Err != nil || !strings.Contains(fmt.Sprint(call.Body...), "hang-nfs") {
		t.Errorf("CheckHealth says %v, %v", call.Body, call.Err)
	}
	eventually(t, "the pool is shown as inaccessible", func() bool { return root.get(nfs, "StoragePool.State") == "inaccessible" })
	if call := root.timed("CheckStart of another VM", root.vm("tiny"), "VM.CheckStart", none()); call.Err != nil {
		t.Error(call.Err)
	}
	if call := root.timed("CheckStart", vm, "VM.CheckStart", none()); call.Err != nil || !strings.Contains(fmt.Sprint(call.Body...), onNFS) {
		t.Errorf("CheckStart says %v, %v", call.Body, call.Err)
	}
	if call := root.timed("Start", vm, "VM.Start", wait()); errorName(call.Err) != "org.kvmmanager.Error.Timeout" {
		t.Errorf("Start: %v", call.Err)
	}
	if call := root.timed("Resize in the pool that hangs", there, "StorageVolume.Resize", uint64(128<<20), wait()); errorName(call.Err) != "org.kvmmanager.Error.Timeout" {
		t.Errorf("Resize: %v", call.Err)
	}
	if call := root.timed("Refresh of the pool that hangs", nfs, "StoragePool.Refresh", wait()); errorName(call.Err) != "org.kvmmanager.Error.Timeout" {
		t.Errorf("Refresh: %v", call.Err)
	}
	network := root.must(local, "Host.ListNetworks", none())[0].([]dbus.ObjectPath)[0]
	if call := root.timed("GetLeases", network, "Network.GetLeases", none()); call.Err != nil {
		t.Error(call.Err)
	}
	// libvirt would open the base image of the overlay.
	if call := root.timed("Refresh of the healthy pool", healthy, "StoragePool.Refresh", wait()); errorName(call.Err) != "org.kvmmanager.Error.Timeout" {
		t.Errorf("Refresh: %v", call.Err)
	}
	made := root.timed("CreateVolume in the healthy pool", healthy, "StoragePool.CreateVolume", with("name", "hang-new", "format", "qcow2", "capacity", uint64(1<<20)), wait())
	if made.Err != nil {
		t.Error(made.Err)
	}
	if call := root.timed("Resize in the healthy pool", dbus.ObjectPath(model.VolumePath(uuid("default"), "hang-new")), "StorageVolume.Resize", uint64(2<<20), wait()); call.Err != nil {
		t.Error(call.Err)
	}
	if call := root.timed("Delete in the healthy pool", dbus.ObjectPath(model.VolumePath(uuid("default"), "hang-new")), "StorageVolume.Delete", wait()); call.Err != nil {
		t.Error(call.Err)
	}
	if call := root.timed("Delete in the healthy pool", here, "StorageVolume.Delete", wait()); call.Err != nil {
		t.Error(call.Err)
	}
	othersAnswer(t, "with the service")

	run(t, "systemctl", "stop", "kvmmanagerd")
	root = as(t, "root")
	vm = root.vm("on-nfs")
	eventually(t, "the disk is shown as not answering", func() bool { return root.unresponsive(vm) })
	eventually(t, "the pool is shown as inaccessible", func() bool { return root.get(nfs, "StoragePool.State") == "inaccessible" })
	othersAnswer(t, "after the service was started")

	mount.Continue()
	eventually(t, "the pool is running again", func() bool { return root.get(nfs, "StoragePool.State") == "running" })
	eventually(t, "the disk answers again", func() bool { return !root.unresponsive(vm) && capacity() == uint64(64<<20) })
	eventually(t, "its volumes", func() bool { return shown(there) })
}
