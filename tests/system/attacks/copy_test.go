//go:build system

package attacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/tests/system/caller"
)

// secondPool makes a pool of root's, and removes it with its files in the end.
func secondPool(t *testing.T, name, folder string) dbus.ObjectPath {
	t.Helper()
	if err := os.MkdirAll(folder, 0o711); err != nil {
		t.Fatal(err)
	}
	virsh(t, "pool-create-as", name, "dir", "--target", folder)
	t.Cleanup(func() {
		virsh(t, "pool-destroy", name)
		_ = os.RemoveAll(folder)
	})
	c, path := as(t, "root"), poolOf(t, name)
	if err := caller.Within(10*time.Second, func() bool {
		return c.Call(path, "org.freedesktop.DBus.Properties.Get", "org.kvmmanager.StoragePool", "Name").Err == nil
	}); err != nil {
		t.Fatal(err)
	}
	return path
}

// nothingOf looks whether the victim's secret is in a file of a folder.
func (v *victim) nothingOf(folder string) {
	v.t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			v.notIn(filepath.Join(folder, e.Name()))
		}
	}
}

// TestCopiesOfWhatAGuestWrote: qemu-img, as root, copies whatever a header refers
// to. A disk is moved, and its VM cloned, with every header, as raw and as qcow2.
func TestCopiesOfWhatAGuestWrote(t *testing.T) {
	const folder = "/var/lib/libvirt/attack-pool"
	pool := secondPool(t, "attack-pool", folder)
	for _, format := range []string{"raw", "qcow2"} {
		for _, h := range hostileHeaders() {
			t.Run(format+", "+h.name, func(t *testing.T) {
				mallory, stora, root := as(t, "mallory"), as(t, "stora"), as(t, "root")
				vm := vmOf(mallory, "dev-copy", nil)
				name := "dev-copy-" + strings.Map(letters, format+h.name) + ".img"
				_, file := volumeOf(stora, name, "qcow2", 1<<20)
				id := mallory.Must(vm, "VM.AddDevice", disk(name, format), none())[0].(string)
				secret := newVictim(t, "/v")
				writeHostile(t, h, secret.path, file)
				for _, refresh := range []bool{false, true} {
					if refresh {
						virsh(t, "pool-refresh", "default")
					}
					for _, who := range []*caller.Caller{mallory, stora, root} {
						if call := who.Call(vm, "VM.MoveDisk", id, pool, wait()); call.Err == nil {
							t.Errorf("the disk was moved (refreshed: %v)", refresh)
						}
						secret.untouched("after MoveDisk")
						secret.nothingOf(folder)
					}
					mallory.Must(vm, "VM.SetTemplate", true, none())
					for _, linked := range []bool{false, true} {
						removeVM(t, "dev-copy-2")
						if call := mallory.Call(vm, "VM.Clone", "dev-copy-2", with("linked", linked, "wait", true)); call.Err == nil {
							t.Errorf("the VM was cloned (linked: %v, refreshed: %v)", linked, refresh)
						}
						secret.untouched("after Clone")
						secret.nothingOf(imageFolder)
					}
					mallory.Must(vm, "VM.SetTemplate", false, none())
				}
				if format == "qcow2" {
					mallory.Call(vm, "VM.ResizeDisk", id, uint64(4<<20), wait())
					secret.untouched("after ResizeDisk")
				}
			})
		}
	}
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// TestCopiesOfWhatIsHarmless: images are moved and cloned as before, and those
// with layers that the definition names, too.
func TestCopiesOfWhatIsHarmless(t *testing.T) {
	const folder = "/var/lib/libvirt/attack-pool"
	pool := secondPool(t, "attack-pool", folder)
	mallory, stora := as(t, "mallory"), as(t, "stora")
	base, file := volumeOf(stora, "dev-plain-base.qcow2", "qcow2", 1<<20)
	run(t, "qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", file)
	removeVolume(t, "dev-plain.qcow2")
	stora.Result(poolOf(t, "default"), "StoragePool.CreateVolume", with("name", "dev-plain.qcow2", "backing", base), wait())
	vm := vmOf(stora, "dev-plain", nil)
	id := stora.Must(vm, "VM.AddDevice", disk("dev-plain.qcow2", "qcow2"), none())[0].(string)
	mallory.Result(vm, "VM.MoveDisk", id, pool, wait())
	run(t, "qemu-io", "-f", "qcow2", "-c", "read -P 7 0 64k", filepath.Join(folder, "dev-plain.qcow2"))
	if xml := virsh(t, "dumpxml", "dev-plain", "--inactive"); !strings.Contains(xml, "<backingStore/>") || strings.Contains(xml, file) {
		t.Errorf("the definition is\n%s", xml)
	}
	mallory.Must(vm, "VM.SetTemplate", true, none())
	for name, linked := range map[string]bool{"dev-plain-full": false, "dev-plain-linked": true} {
		removeVM(t, name)
		clone := mallory.Result(vm, "VM.Clone", name, with("linked", linked, "wait", true))["vm"].Value().(dbus.ObjectPath)
		mallory.Must(clone, "VM.Start", wait())
		xml := virsh(t, "dumpxml", name, "--inactive")
		if !strings.Contains(xml, "<backingStore/>") || linked != strings.Contains(xml, "<source file='"+filepath.Join(folder, "dev-plain.qcow2")+"'/>") {
			t.Errorf("the definition of the clone (linked: %v) is\n%s", linked, xml)
		}
	}
}

// TestAnImageOutsideOfPools that the administrator has attached is not copied for
// who may only configure the VM: its owner can put a link in its place.
func TestAnImageOutsideOfPools(t *testing.T) {
	const folder = "/var/lib/libvirt/attack-pool"
	pool := secondPool(t, "attack-pool", folder)
	mallory := as(t, "mallory")
	secret := newVictim(t, "/v")
	for _, home := range []string{"/home/mallory/images", "/srv/mallory"} {
		run(t, "install", "-d", "-o", "mallory", home)
		t.Cleanup(func() { _ = os.RemoveAll(home) })
		image := filepath.Join(home, "x.img")
		if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		name := "dev-outside" + strings.ReplaceAll(home, "/", "-")
		define(t, name, `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='`+image+`'/><target dev='vda' bus='virtio'/></disk>`)
		vm := mallory.VM(name)
		mallory.Refused(needsPassword, vm, "VM.MoveDisk", "disk-vda", pool, wait())
		if err := os.Remove(image); err != nil {
			t.Fatal(err)
		}
		run(t, "ln", "-s", secret.path, image)
		run(t, "chown", "-h", "mallory", image)
		mallory.Refused(needsPassword, vm, "VM.MoveDisk", "disk-vda", pool, wait())
		secret.untouched("after MoveDisk")
		secret.nothingOf(folder)
		if home == "/srv/mallory" { // what is in /home the service cannot see
			mallory.Refused("InvalidState", vm, "VM.Start", wait())
			secret.untouched("after Start")
		}
	}
}
