//go:build system

package system_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// atHome makes a VM whose disk is in a folder that only root may enter.
func atHome(t *testing.T, c *client, name, format string) (vm dbus.ObjectPath, image string) {
	t.Helper()
	folder := "/srv/" + name
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	image = filepath.Join(folder, "moves.img")
	t.Cleanup(func() {
		for _, volume := range volumesOf(t, "moves") {
			virsh(t, "vol-delete", "--pool", "default", volume)
		}
	})
	devices := `<disk type='file' device='disk'><driver name='qemu' type='` + format + `' cache='none' discard='unmap'/><source file='` + image + `'/>
		<target dev='vda' bus='virtio'/><serial>moves-1</serial><boot order='1'/></disk><serial type='pty'/>`
	return vmXML{Name: name, Devices: devices, MemoryMiB: 128}.make(t, c), image
}

func defaultPool(t *testing.T) dbus.ObjectPath {
	t.Helper()
	return dbus.ObjectPath("/org/kvmmanager/pools/" + strings.ReplaceAll(virsh(t, "pool-uuid", "default"), "-", "_"))
}

// stays wants a VM and its image to be as before, and nothing beside.
func stays(t *testing.T, c *client, vm dbus.ObjectPath, image string) {
	t.Helper()
	if disks := c.get(vm, "VM.Disks").([]map[string]dbus.Variant); disks[0]["source"].Value() != image {
		t.Errorf("the disk is on %v", disks[0]["source"])
	}
	if xml := virsh(t, "dumpxml", c.get(vm, "VM.Name").(string)); !strings.Contains(xml, image) {
		t.Errorf("its definition is\n%s", xml)
	}
	if _, err := os.Stat(image); err != nil {
		t.Errorf("the image: %v", err)
	}
	eventually(t, "no volume and no pool is left", func() bool {
		return len(volumesOf(t, "moves")) == 0 && unfinished() == 0 && !strings.Contains(virsh(t, "pool-list", "--all"), "scratch")
	})
}

func TestAnImageThatMovedBoots(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	vm, image := atHome(t, root, "mover", "qcow2")
	run(t, "cp", tinyDisk, image)
	before := virsh(t, "dumpxml", "mover")
	root.refused("PermissionDenied", vm, "VM.Start", wait())
	version := root.get(vm, "VM.ConfigVersion").(uint64)
	root.refused("VersionMismatch", vm, "VM.MoveDisk", "disk-vda", defaultPool(t), with("wait", true, "expected-version", version+1))
	stays(t, root, vm, image)
	result := resultOf(root, vm, "VM.MoveDisk", "disk-vda", defaultPool(t), with("wait", true, "expected-version", version, "delete-original", true))
	moved := result["volume"].Value().(dbus.ObjectPath)
	path := root.get(moved, "StorageVolume.Path").(string)
	if _, err := os.Stat(image); !os.IsNotExist(err) || result["kept"].Value() != nil {
		t.Errorf("the original is still there: %v", result)
	}
	after := virsh(t, "dumpxml", "mover")
	for _, line := range strings.Split(strings.ReplaceAll(before, image, path), "\n") {
		if !strings.Contains(after, line) {
			t.Errorf("the definition has lost %s", line)
		}
	}
	if format := root.get(moved, "StorageVolume.Format"); format != "qcow2" {
		t.Errorf("the copy is %v", format)
	}
	root.must(vm, "VM.Start", wait())
	root.refused("InvalidState", vm, "VM.MoveDisk", "disk-vda", defaultPool(t), wait())
	root.must(vm, "VM.Save", wait())
	root.refused("InvalidState", vm, "VM.MoveDisk", "disk-vda", defaultPool(t), wait())
}

func TestAnOriginalThatSomebodyNeedsStays(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	vm, image := atHome(t, root, "mover", "raw")
	run(t, "truncate", "--size=1M", image)
	vmXML{Name: "another", Devices: `<disk type='file' device='cdrom'><source file='` + image + `'/><target dev='sda' bus='sata'/></disk>`}.make(t, root)
	result := resultOf(root, vm, "VM.MoveDisk", "disk-vda", defaultPool(t), with("wait", true, "delete-original", true))
	if kept, _ := result["kept"].Value().(string); !strings.Contains(kept, "“another”") {
		t.Errorf("the result is %v", result)
	}
	if _, err := os.Stat(image); err != nil {
		t.Errorf("the original: %v", err)
	}
}

func TestAMoveThatDoesNotComeAboutLeavesEverything(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	vm, image := atHome(t, root, "mover", "raw")
	run(t, "dd", "if=/dev/urandom", "of="+image, "bs=1M", "count=512", "status=none")
	small := t.TempDir()
	run(t, "mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", small)
	t.Cleanup(func() { run(t, "umount", small) })
	pool := aPool(root, "small", with("target", small))
	root.refused("NoSpace", vm, "VM.MoveDisk", "disk-vda", pool, with("wait", true, "delete-original", true))
	stays(t, root, vm, image)
	if left := filesIn(t, small); len(left) > 0 {
		t.Errorf("left are %q", left)
	}

	move := func() dbus.ObjectPath {
		job := root.must(vm, "VM.MoveDisk", "disk-vda", defaultPool(t), with("delete-original", true))[0].(dbus.ObjectPath)
		eventually(t, "the copy", func() bool { return len(volumesOf(t, "moves")) > 0 })
		return job
	}
	job := move()
	root.must(job, "Job.Cancel", none())
	eventually(t, "its end", func() bool { return root.get(job, "Job.State") == "cancelled" })
	stays(t, root, vm, image)

	move()
	killed(t, root)
	stays(t, root, vm, image)

	job = move()
	killLibvirtd()
	eventually(t, "the host is connected again", func() bool {
		return root.get(job, "Job.State") == "failed" && root.get(local, "Host.State") == "connected"
	})
	stays(t, root, vm, image)
}

// TestAServiceThatIsKilledAfterAMoveLeavesOneImage kills it between the change of
// the VM and the end of the original.
func TestAServiceThatIsKilledAfterAMoveLeavesOneImage(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	vm, image := atHome(t, root, "mover", "raw")
	run(t, "dd", "if=/dev/urandom", "of="+image, "bs=1M", "count=256", "status=none")
	aPool(root, "home", with("target", filepath.Dir(image)))
	stored := written(t, "/etc/libvirt/qemu/mover.xml")
	root.must(vm, "VM.MoveDisk", "disk-vda", defaultPool(t), with("delete-original", true))
	select {
	case <-stored:
	case <-time.After(patience):
		t.Fatal("the VM does not change")
	}
	killed(t, root)
	eventually(t, "the original is gone", func() bool {
		_, err := os.Lstat(image)
		return os.IsNotExist(err) && unfinished() == 0
	})
	if got := volumesOf(t, "moves"); len(got) != 1 || !strings.Contains(virsh(t, "dumpxml", "mover"), images+"/moves.img") {
		t.Errorf("the volumes are %q, and the VM is\n%s", got, virsh(t, "dumpxml", "mover"))
	}
}

// written ends the channel when another file takes the place of this one.
func written(t *testing.T, file string) <-chan struct{} {
	t.Helper()
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		_, err = unix.InotifyAddWatch(watch, filepath.Dir(file), unix.IN_MOVED_TO)
	}
	if err != nil {
		t.Fatal(err)
	}
	events, done := os.NewFile(uintptr(watch), "inotify"), make(chan struct{})
	go func() {
		defer close(done)
		defer events.Close()
		buffer := make([]byte, 4096)
		for {
			n, err := events.Read(buffer)
			if err != nil || strings.Contains(string(buffer[:n]), filepath.Base(file)+"\x00") {
				return
			}
		}
	}()
	return done
}
