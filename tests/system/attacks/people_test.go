//go:build system

package attacks

import (
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestTheRulesOfThePeople: the polkit rules of the reference system give everyone
// what the attacks take as given, and no more.
func TestTheRulesOfThePeople(t *testing.T) {
	mallory, root := as(t, "mallory"), as(t, "root")
	mine := vmOf(mallory, "dev-mine", nil)
	other := vmOf(root, "prod", nil)
	objects := map[string]dbus.ObjectPath{
		"mine": mine, "other": other, "pool": poolOf(t, "default"),
		"network": root.Must(local, "Host.ListNetworks", none())[0].([]dbus.ObjectPath)[0],
	}
	for _, row := range []struct{ user, object, action, want string }{
		{"mallory", "mine", "vm.configure", "yes"},
		{"mallory", "mine", "vm.control", "yes"},
		{"mallory", "mine", "vm.console", "yes"},
		{"mallory", "mine", "vm.delete", "auth"},
		{"mallory", "mine", "host-path.use", "auth"},
		{"mallory", "mine", "storage.manage", "auth"},
		{"mallory", "other", "vm.configure", "auth"},
		{"mallory", "other", "vm.control", "auth"},
		{"mallory", "other", "vm.console", "auth"},
		{"mallory", "pool", "storage.manage", "auth"},
		{"stora", "mine", "vm.configure", "yes"},
		{"stora", "other", "vm.configure", "auth"},
		{"stora", "pool", "storage.manage", "yes"},
		{"stora", "network", "network.manage", "auth"},
		{"neta", "network", "network.manage", "yes"},
		{"neta", "mine", "vm.configure", "auth"},
		{"neta", "pool", "storage.manage", "auth"},
		{"bob", "mine", "vm.control", "auth"},
	} {
		rights := as(t, row.user).Must("/org/kvmmanager", "Manager.GetPermissions", objects[row.object], none())[0].(map[string]string)
		if got := rights["org.kvmmanager."+row.action]; got != row.want {
			t.Errorf("%s may do %s on %s: %q, want %q", row.user, row.action, row.object, got, row.want)
		}
	}
	mallory.Refused(needsPassword, local, "Host.CreateVM", with("name", "prod-2"), wait())
}

// TestAPathIsARight: who may configure a VM cannot give it a file of the host.
func TestAPathIsARight(t *testing.T) {
	mallory := as(t, "mallory")
	vm := vmOf(mallory, "dev-path", nil)
	secret := newVictim(t, "/var/lib/attacks/secret")
	look := unchanged(t, tinyDisk)
	for _, device := range []map[string]dbus.Variant{
		with("kind", "disk", "bus", "virtio", "source", secret.path, "format", "raw"),
		with("kind", "disk", "bus", "virtio", "source", secret.path, "format", "raw", "read-only", true),
		with("kind", "cdrom", "source", secret.path, "format", "raw"),
		with("kind", "floppy", "source", secret.path, "format", "raw"),
		with("kind", "share", "source", "/var/lib/attacks", "tag", "host"),
		with("kind", "disk", "bus", "virtio", "source", tinyDisk, "format", "qcow2"),
	} {
		mallory.Refused(needsPassword, vm, "VM.AddDevice", device, none())
		secret.untouched("after " + device["kind"].String())
	}
	mallory.Refused(needsPassword, local, "Host.CreateVM", with("name", "dev-path-2", "source",
		with("kind", "image", "path", secret.path, "format", "raw", "copy", false)), wait())
	secret.untouched("after CreateVM")
	look("after the attacks")
}

// TestAnImageThatRefersToAFile of the host is not attached: its layers are opened
// by QEMU and given to QEMU's user by libvirt.
func TestAnImageThatRefersToAFile(t *testing.T) {
	stora := as(t, "stora")
	vm := vmOf(stora, "dev-layers", nil)
	secret := newVictim(t, "/var/lib/attacks/secret")
	_, file := volumeOf(stora, "dev-layers.qcow2", "raw", 1<<20)
	writeAsGuest(t, file, func(image string) {
		run(t, "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", secret.path, "-F", "raw", image, "1M")
	})
	stora.Refused("NotSupported", vm, "VM.AddDevice", disk("dev-layers.qcow2", "qcow2"), none())
	secret.untouched("after AddDevice")
	secret.notIn(file)
}
