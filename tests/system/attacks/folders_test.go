//go:build system

package attacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestAPoolInAFolderOfAUser: a link in it leads to any file of the host. The
// service says so, and gives nothing of it to those who may not manage storage.
func TestAPoolInAFolderOfAUser(t *testing.T) {
	mallory, root := as(t, "mallory"), as(t, "root")
	vm := vmOf(mallory, "dev-folder", nil)
	for name, row := range map[string]struct {
		home, folder string // the user's, and the pool's
	}{
		"its own folder":   {"/srv/mallory", "/srv/mallory"},
		"a folder above":   {"/srv/mallory", "/srv/mallory/root/pool"},
		"in a home folder": {"/home/mallory/vms", "/home/mallory/vms"},
		"in shared memory": {"/dev/shm/mallory", "/dev/shm/mallory"},
		"behind a link":    {"/srv/mallory", "/srv/mallory/link"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, "install", "-d", "-o", "mallory", row.home)
			t.Cleanup(func() { _ = os.RemoveAll(row.home) })
			switch name {
			case "behind a link":
				run(t, "install", "-d", "/srv/roots")
				t.Cleanup(func() { _ = os.RemoveAll("/srv/roots") })
				run(t, "ln", "-s", "/srv/roots", row.folder)
				run(t, "chown", "-h", "mallory", row.folder)
			case "a folder above":
				run(t, "install", "-d", row.folder)
			}
			pool := root.Result(local, "Host.CreateStoragePool", with("name", "user", "target", row.folder), wait())
			t.Cleanup(func() {
				_, _ = tryVirsh("pool-destroy", "user")
				_, _ = tryVirsh("pool-undefine", "user")
			})
			if warnings, _ := pool["warnings"].Value().([]string); len(warnings) != 1 || !strings.Contains(warnings[0], "/mallory") && !strings.Contains(warnings[0], "“/dev/shm”") {
				t.Errorf("CreateStoragePool warns of %q", warnings)
			}
			warned := false
			for _, check := range root.Must(local, "Host.CheckHealth", none())[0].([]map[string]dbus.Variant) {
				warned = warned || check["id"].Value() == "storage-folder" && strings.Contains(check["message"].Value().(string), "“user”")
			}
			if !warned {
				t.Error("CheckHealth does not warn")
			}
			secret := newVictim(t, "/etc/victim")
			run(t, "ln", "-s", secret.path, filepath.Join(row.folder, "link.img"))
			run(t, "truncate", "-s", "1M", filepath.Join(row.folder, "plain.img"))
			virsh(t, "pool-refresh", "user")
			for _, volume := range []string{"link.img", "plain.img"} {
				for _, kind := range []string{"disk", "cdrom", "floppy"} {
					device := with("kind", kind, "pool", "user", "volume", volume, "format", "raw")
					mallory.Refused(needsPassword, vm, "VM.AddDevice", device, none())
				}
			}
			removeVM(t, "dev-folder-2")
			path := pool["pool"].Value().(dbus.ObjectPath)
			mallory.Refused(needsPassword, local, "Host.CreateVM", with("name", "dev-folder-2", "start", false, "disks", []map[string]dbus.Variant{with("pool", path, "size", uint64(1<<20))}), wait())
			secret.untouched("after the attacks")
		})
	}
}

// TestAPoolInAFolderOfRoots is none to warn of; only a link out of it is refused.
func TestAPoolInAFolderOfRoots(t *testing.T) {
	mallory, root := as(t, "mallory"), as(t, "root")
	vm := vmOf(mallory, "dev-root", nil)
	for _, folder := range []string{"/srv/roots", "/home/roots"} {
		t.Run(folder, func(t *testing.T) {
			t.Cleanup(func() { _ = os.RemoveAll(folder) })
			pool := root.Result(local, "Host.CreateStoragePool", with("name", "roots", "target", folder), wait())
			t.Cleanup(func() {
				_, _ = tryVirsh("pool-destroy", "roots")
				_, _ = tryVirsh("pool-undefine", "roots")
			})
			if warnings, given := pool["warnings"]; given {
				t.Errorf("CreateStoragePool warns of %v", warnings)
			}
			secret := newVictim(t, "/etc/victim")
			run(t, "truncate", "-s", "1M", filepath.Join(folder, "plain.img"))
			run(t, "ln", "-s", "plain.img", filepath.Join(folder, "inside.img"))
			run(t, "ln", "-s", secret.path, filepath.Join(folder, "out.img"))
			virsh(t, "pool-refresh", "roots")
			add := func(volume string) map[string]dbus.Variant {
				return with("kind", "disk", "bus", "virtio", "pool", "roots", "volume", volume, "format", "raw", "read-only", true)
			}
			mallory.Must(vm, "VM.AddDevice", add("plain.img"), with("dry-run", true))
			if folder == "/srv/roots" { // links in /home the service cannot see, and only root can make them there
				mallory.Must(vm, "VM.AddDevice", add("inside.img"), with("dry-run", true))
				mallory.Refused(needsPassword, vm, "VM.AddDevice", add("out.img"), none())
			}
			secret.untouched("after the attacks")
		})
	}
}
