//go:build system

package system_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"
)

// unfinishedFolder is where the service notes what its jobs are about.
const unfinishedFolder = "/var/lib/kvmmanager/unfinished"

// unfinished is how much the service has noted.
func unfinished() int {
	files, _ := filepath.Glob(filepath.Join(unfinishedFolder, "*")) // the pattern is a good one
	return len(files)
}

// killed kills the service and waits until there is another one.
func killed(t *testing.T, c *client) {
	t.Helper()
	pid := c.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the service is back", func() bool {
		var now uint32
		err := c.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, "org.kvmmanager").Store(&now)
		return err == nil && int(now) != pid
	})
}

// TestAServiceThatIsKilledLeavesNoVolume kills it in the middle of a copy.
func TestAServiceThatIsKilledLeavesNoVolume(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 4<<30); err != nil {
		t.Fatal(err)
	}

	t.Log("while a VM is created")
	spec := with("name", "killed-new", "source", with("kind", "image", "fd", opened(t, big)))
	job := root.must(localHost, "Host.CreateVM", spec, none())[0].(dbus.ObjectPath)
	eventually(t, "the copy", func() bool { return root.get(job, "Job.BytesDone").(uint64) > 0 })
	if unfinished() == 0 {
		t.Error("nothing is noted")
	}
	killed(t, root)
	eventually(t, "no volume is left", func() bool { return len(volumesOf(t, "killed-new")) == 0 && unfinished() == 0 })

	t.Log("while a VM is cloned")
	virsh(t, "vol-create-as", "default", "original.img", "512MiB", "--format", "raw")
	t.Cleanup(func() { virsh(t, "vol-delete", "--pool", "default", "original.img") })
	run(t, "dd", "if=/dev/urandom", "of=/var/lib/libvirt/images/original.img", "bs=1M", "count=512", "conv=notrunc", "status=none")
	original := vmXML{Name: "original", Devices: `<disk type='file' device='disk'><driver name='qemu' type='raw'/>
		<source file='/var/lib/libvirt/images/original.img'/><target dev='vda' bus='virtio'/></disk>`}.make(t, root)
	root.must(original, "VM.Clone", "killed-clone", none())
	eventually(t, "the clone's disk", func() bool { return len(volumesOf(t, "killed-clone")) > 0 })
	killed(t, root)
	eventually(t, "no volume is left", func() bool { return len(volumesOf(t, "killed-clone")) == 0 && unfinished() == 0 })
	for _, name := range []string{"killed-new", "killed-clone"} {
		if _, err := tryVirsh("dominfo", name); err == nil {
			t.Errorf("%s is defined", name)
		}
	}
	if len(volumesOf(t, "original")) != 1 {
		t.Error("the original's disk is gone")
	}
}
