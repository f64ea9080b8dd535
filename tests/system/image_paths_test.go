//go:build system

package system_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// imageTest is a folder with images, and a link to a folder above it.
type imageTest struct {
	*client
	real, link string // the folder by its path and by the link
	pool       dbus.ObjectPath
}

// linkedPool makes a pool over a folder that is named by a link.
func linkedPool(t *testing.T, name string) *imageTest {
	t.Helper()
	top := "/srv/images-" + name
	i := &imageTest{client: as(t, "root"), real: top + "/big/images", link: top + "/link/images"}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	run(t, "install", "-d", i.real)
	run(t, "ln", "-s", top+"/big", top+"/link")
	i.pool = aPool(i.client, name, with("target", i.link))
	return i
}

// foreign defines a VM of another tool's with a disk, and removes it in the end.
func (i *imageTest) foreign(name, path, format string) dbus.ObjectPath {
	i.t.Helper()
	i.t.Cleanup(func() { removeForeign(name) })
	xml := `<domain type='qemu'><name>` + name + `</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='` + format + `'/><source file='` + path + `'/><target dev='vda' bus='virtio'/></disk></devices></domain>`
	virsh(i.t, "define", tempFile(i.t, "domain.xml", xml))
	eventually(i.t, "the VM is shown", func() bool { return i.call(localHost, "Host.FindVM", name, none()).Err == nil })
	return i.vm(name)
}

func removeForeign(name string) {
	_, _ = tryVirsh("destroy", name)
	_, _ = tryVirsh("undefine", name, "--nvram", "--snapshots-metadata")
}

// kept tries everything that changes or removes a volume.
func (i *imageTest) kept(what string, volume dbus.ObjectPath) {
	i.t.Helper()
	before := filesIn(i.t, i.real)
	for _, method := range []string{"Delete", "Wipe"} {
		i.t.Log(what, method)
		i.refused("DeviceInUse", volume, "StorageVolume."+method, wait())
	}
	if after := filesIn(i.t, i.real); !slices.Equal(before, after) {
		i.t.Errorf("%s: %v became %v", what, before, after)
	}
}

// TestAnImageIsKeptWhateverItsPathIs: a volume is in use however the VM, the pool or
// a layer spells its path.
func TestAnImageIsKeptWhateverItsPathIs(t *testing.T) {
	i := linkedPool(t, "spelled")
	volume := aVolume(i.client, i.pool, "web.qcow2", with("capacity", uint64(64<<20)))
	web := i.foreign("spelled-web", i.real+"/web.qcow2", "qcow2")
	i.must(web, "VM.Start", wait())
	eventually(t, "the volume shows who uses it", func() bool {
		return slices.Equal(i.get(volume, "StorageVolume.UsedBy").([]dbus.ObjectPath), []dbus.ObjectPath{web})
	})
	i.kept("a running VM", volume)
	i.refused("DeviceInUse", volume, "StorageVolume.Resize", uint64(128<<20), wait())
	i.refused("DeviceInUse", i.pool, "StoragePool.Delete", with("wait", true, "delete-contents", true))
	if state := i.get(web, "VM.State"); state != "running" {
		t.Errorf("the VM is %v", state)
	}
	removeForeign("spelled-web")

	small := aVolume(i.client, i.pool, "s", with("capacity", uint64(1<<20)))
	run(t, "ln", i.real+"/s", i.real+"/hard")
	run(t, "ln", "-s", "s", i.real+"/soft")
	hidden := "/tmp/images-spelled"
	t.Cleanup(func() { _ = os.RemoveAll(hidden) })
	run(t, "ln", "-sfn", i.real, hidden)
	for _, path := range []string{
		filepath.Dir(i.link) + "//images/s", filepath.Dir(i.link) + "/./images/s", i.link + "/../images/s", i.real + "/hard", i.real + "/soft", hidden + "/s",
	} {
		i.foreign("spelled-s", path, "qcow2")
		i.kept(path, small)
		removeForeign("spelled-s")
	}
	_, _ = os.Remove(i.real+"/hard"), os.Remove(i.real+"/soft")

	for _, backing := range []string{i.real + "/base", "../images/base"} {
		base := aVolume(i.client, i.pool, "base", with("capacity", uint64(64<<20)))
		run(t, "sh", "-c", `cd "$0" && qemu-img create -q -f qcow2 -b "$1" -F qcow2 layer`, i.real, backing)
		i.must(i.pool, "StoragePool.Refresh", wait())
		i.foreign("spelled-layer", i.link+"/layer", "qcow2")
		i.kept("made of "+backing, base)
		i.refused("DeviceInUse", base, "StorageVolume.Resize", uint64(128<<20), wait())
		removeForeign("spelled-layer")
		_, _ = os.Remove(i.real+"/base"), os.Remove(i.real+"/layer")
		i.must(i.pool, "StoragePool.Refresh", wait())
	}
}

// TestAnImageOfTwoVMsByTwoPathsStays: neither deleting one VM with its storage nor
// moving its disk away takes the image of the other.
func TestAnImageOfTwoVMsByTwoPathsStays(t *testing.T) {
	i := linkedPool(t, "shared")
	aVolume(i.client, i.pool, "ab", with("capacity", uint64(1<<20)))
	aVolume(i.client, i.pool, "mv", with("capacity", uint64(1<<20)))
	a := i.foreign("shared-a", i.link+"/ab", "qcow2")
	i.foreign("shared-b", i.real+"/ab", "qcow2")
	deleted := resultOf(i.client, a, "VM.Delete", with("wait", true, "delete-storage", []string{"*"}))
	if kept := deleted["kept"].Value().([]string); !slices.Equal(kept, []string{"disk-vda"}) || !slices.Contains(filesIn(t, i.real), "ab") {
		t.Errorf("deleted with a VM: %v", deleted)
	}
	a = i.foreign("shared-a", i.link+"/mv", "qcow2")
	i.foreign("shared-c", i.real+"/mv", "qcow2")
	t.Cleanup(func() { _, _ = tryVirsh("vol-delete", "--pool", "default", "mv") })
	moved := resultOf(i.client, a, "VM.MoveDisk", "disk-vda", defaultPool(t), with("wait", true, "delete-original", true))
	if why, kept := moved["kept"]; !kept || !strings.Contains(why.String(), "shared-c") || !slices.Contains(filesIn(t, i.real), "mv") {
		t.Errorf("moved away: %v", moved)
	}
}

// TestAVMWhoseDiskHasAnotherPathIsLikeAnyOther: it is cloned, and its storage goes
// with it.
func TestAVMWhoseDiskHasAnotherPathIsLikeAnyOther(t *testing.T) {
	i := linkedPool(t, "own")
	aVolume(i.client, i.pool, "own", with("capacity", uint64(1<<20)))
	own := i.foreign("own", i.real+"/own", "qcow2")
	t.Cleanup(func() { removeForeign("own2") })
	resultOf(i.client, own, "VM.Clone", "own2", wait())
	i.refused("InvalidState", own, "VM.MoveDisk", "disk-vda", i.pool, wait())
	deleted := resultOf(i.client, own, "VM.Delete", with("wait", true, "delete-storage", []string{"*"}))
	if !slices.Equal(deleted["deleted"].Value().([]string), []string{"disk-vda"}) || !slices.Equal(filesIn(t, i.real), []string{"own2"}) {
		t.Errorf("deleted: %v; left: %v", deleted, filesIn(t, i.real))
	}
}

// TestAPoolThatIsAwayDisturbsNothingElse: a VM is on a stick that is not plugged in.
// What has nothing to do with that can be deleted, and so can the rest as the error
// says.
func TestAPoolThatIsAwayDisturbsNothingElse(t *testing.T) {
	root := as(t, "root")
	i := &imageTest{client: root, real: "/srv/images-stick"}
	run(t, "install", "-d", i.real)
	t.Cleanup(func() { _ = os.RemoveAll(i.real) })
	if err := unix.Mount("stick", i.real, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	away := func() { _ = unix.Unmount(i.real, 0); _ = os.Remove(i.real) }
	t.Cleanup(away)
	stick := aPool(root, "stick", with("target", i.real))
	aVolume(root, stick, "s", with("capacity", uint64(1<<20)))
	base := aVolume(root, defaultPool(t), "stick-base", with("capacity", uint64(1<<20)))
	t.Cleanup(func() { _, _ = tryVirsh("vol-delete", "--pool", "default", "stick-base") })
	aVolume(root, stick, "layer", with("backing", base))
	onStick := i.foreign("on-stick", i.real+"/s", "qcow2")
	aVolume(root, defaultPool(t), "old.iso", with("capacity", uint64(1<<20), "format", "raw"))
	aVolume(root, defaultPool(t), "w", with("capacity", uint64(1<<20)))
	other := i.foreign("beside-stick", filepath.Join("/var/lib/libvirt/images", "w"), "qcow2")
	away()
	_ = root.call(stick, "StoragePool.Refresh", wait())
	eventually(t, "the pool is away", func() bool { return root.get(stick, "StoragePool.Active") == false })

	root.must(volumeIn(defaultPool(t), "old.iso"), "StorageVolume.Delete", wait())
	root.must(volumeIn(defaultPool(t), "w"), "StorageVolume.Resize", uint64(2<<20), wait())
	root.refused("DeviceInUse", base, "StorageVolume.Delete", wait()) // what a volume on the stick is made of
	deleted := resultOf(root, other, "VM.Delete", with("wait", true, "delete-storage", []string{"*"}))
	if !slices.Equal(deleted["deleted"].Value().([]string), []string{"disk-vda"}) {
		t.Errorf("deleted with the VM: %v", deleted)
	}

	// The service that begins now has never seen what is on the stick.
	run(t, "systemctl", "restart", "kvmmanagerd")
	eventually(t, "the service is back", func() bool { return root.call(localHost, "Host.FindVM", "on-stick", none()).Err == nil })
	eventually(t, "the volume is shown", func() bool {
		return root.call(base, properties+"Get", "org.kvmmanager.StorageVolume", "Name").Err == nil
	})
	call := root.call(base, "StorageVolume.Delete", wait())
	if call.Err == nil || !strings.Contains(call.Err.Error(), "delete the pool or the virtual machine") {
		t.Fatalf("what the stick may need: %v", call.Err)
	}
	if errorName(root.call(stick, "StoragePool.Start", wait()).Err) == "" {
		t.Error("the pool has started")
	}
	root.must(onStick, "VM.Delete", wait())
	root.must(base, "StorageVolume.Delete", wait())
}
