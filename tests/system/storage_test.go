//go:build system

package system_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/model"
)

// aPool makes a pool through the API, in a folder that the caller names or one
// of its own, and removes it in the end.
func aPool(c *client, name string, spec map[string]dbus.Variant) dbus.ObjectPath {
	c.t.Helper()
	spec["name"] = dbus.MakeVariant(name)
	c.t.Cleanup(func() {
		_, _ = tryVirsh("pool-destroy", name)
		_, _ = tryVirsh("pool-undefine", name)
	})
	return resultOf(c, localHost, "Host.CreateStoragePool", spec, wait())["pool"].Value().(dbus.ObjectPath)
}

// aVolume makes a volume through the API.
func aVolume(c *client, pool dbus.ObjectPath, name string, spec map[string]dbus.Variant) dbus.ObjectPath {
	c.t.Helper()
	spec["name"] = dbus.MakeVariant(name)
	return resultOf(c, pool, "StoragePool.CreateVolume", spec, wait())["volume"].Value().(dbus.ObjectPath)
}

func volumeIn(pool dbus.ObjectPath, name string) dbus.ObjectPath {
	return pool + "/volumes/" + dbus.ObjectPath(model.EscapeName(name))
}

// filesIn is the names of the files in a folder.
func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAPoolAndItsVolumesFromBeginningToEnd(t *testing.T) {
	root := as(t, "root")
	folder := filepath.Join(t.TempDir(), "tank & <b>")
	pool := aPool(root, `tank & <b> "q" 'a' 💻 שלום`, with("target", folder, "autostart", true))
	if root.get(pool, "StoragePool.State") != "running" || root.get(pool, "StoragePool.Autostart") != true {
		t.Error("it does not run by itself")
	}
	for _, name := range []string{`& < > " ' 💻 שלום`, strings.Repeat("é", 127), "-rf", "a.qcow2", "_61"} {
		volume := aVolume(root, pool, name, with("capacity", uint64(64<<20)))
		if got := root.get(volume, "StorageVolume.Name"); got != name || volume != volumeIn(pool, name) {
			t.Errorf("%q became %v at %s", name, got, volume)
		}
		if _, err := os.Lstat(filepath.Join(folder, name)); err != nil {
			t.Errorf("%q is not in the folder: %v", name, err)
		}
	}
	before := filesIn(t, folder)
	for _, name := range []string{"../away", "..", "a/b", "a\nb", strings.Repeat("x", 256), " a", ""} {
		root.refused("InvalidArgument", pool, "StoragePool.CreateVolume", with("name", name, "capacity", uint64(1<<20)), wait())
	}
	if after := filesIn(t, folder); len(after) != len(before) || len(filesIn(t, filepath.Dir(folder))) != 1 {
		t.Errorf("there are files that nobody may make: %q", after)
	}

	base := volumeIn(pool, "a.qcow2")
	layer := aVolume(root, pool, "layer", with("backing", base))
	if got := root.get(layer, "StorageVolume.Backing"); got != filepath.Join(folder, "a.qcow2") {
		t.Errorf("it is made of %v", got)
	}
	root.refused("DeviceInUse", base, "StorageVolume.Delete", wait())
	root.refused("DeviceInUse", base, "StorageVolume.Resize", uint64(128<<20), wait())
	root.must(layer, "StorageVolume.Resize", uint64(128<<20), wait())
	if got := root.get(layer, "StorageVolume.Capacity"); got != uint64(128<<20) {
		t.Errorf("it has %v bytes", got)
	}
	copied := resultOf(root, layer, "StorageVolume.Clone", "copy", wait())["volume"].Value().(dbus.ObjectPath)
	if got := root.get(copied, "StorageVolume.Backing"); got != "" {
		t.Errorf("the copy is made of %v", got)
	}
	raw := aVolume(root, pool, "raw", with("format", "raw", "capacity", uint64(1<<20)))
	if err := os.WriteFile(filepath.Join(folder, "raw"), bytes.Repeat([]byte("secret"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	root.must(raw, "StorageVolume.Wipe", wait())
	if content, err := os.ReadFile(filepath.Join(folder, "raw")); err != nil || bytes.Contains(content, []byte("secret")) {
		t.Errorf("it was not wiped: %v", err)
	}
	root.must(layer, "StorageVolume.Delete", wait())
	root.must(base, "StorageVolume.Delete", wait())

	root.must(pool, "StoragePool.Stop", none())
	if paths := pathsWith(root, "org.kvmmanager.StorageVolume"); strings.Contains(fmt.Sprint(paths), string(pool)) {
		t.Errorf("volumes of a pool that is not active: %v", paths)
	}
	root.must(pool, "StoragePool.Start", wait())
	if got := root.get(copied, "StorageVolume.Format"); got != "qcow2" {
		t.Errorf("when the pool is back the copy is %v", got)
	}
	result := resultOf(root, pool, "StoragePool.Delete", with("wait", true, "delete-contents", true))
	if _, err := os.Stat(folder); !os.IsNotExist(err) || result["kept"].Value() != nil {
		t.Errorf("its folder is left: %v, %v", result, err)
	}
}

func TestAPoolIsDeletedWithoutWhatItHolds(t *testing.T) {
	root := as(t, "root")
	folder := t.TempDir()
	pool := aPool(root, "kept", with("target", folder))
	aVolume(root, pool, "a", with("capacity", uint64(1<<20)))
	root.must(pool, "StoragePool.Delete", wait())
	if _, err := os.Stat(filepath.Join(folder, "a")); err != nil {
		t.Errorf("what it held is gone: %v", err)
	}
}

func TestAVolumeKnowsItsVM(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	path := dbus.ObjectPath("")
	for _, v := range pathsWith(root, "org.kvmmanager.StorageVolume") {
		if root.get(v, "StorageVolume.Path") == tinyDisk {
			path = v
		}
	}
	if path == "" {
		t.Fatal("the disk of tiny is no volume")
	}
	if got := root.get(path, "StorageVolume.UsedBy"); !equal(got, []dbus.ObjectPath{tiny}) {
		t.Errorf("it is used by %v", got)
	}
	for _, call := range []string{"StorageVolume.Delete", "StorageVolume.Wipe"} {
		root.refused("DeviceInUse", path, call, wait())
	}
	if _, err := os.Stat(tinyDisk); err != nil {
		t.Fatal(err)
	}
}

func TestVolumesOfOtherToolsShow(t *testing.T) {
	r := record(t)
	folder := t.TempDir()
	pool := aPool(r.client, "others", with("target", folder))
	r.must("/org/kvmmanager", "Manager.SubscribeStatistics", uint32(1000), none())
	t.Cleanup(func() { r.must("/org/kvmmanager", "Manager.UnsubscribeStatistics", none()) })
	isVolume := func(name string) func(dbus.ObjectPath, map[string]map[string]dbus.Variant) bool {
		return func(path dbus.ObjectPath, _ map[string]map[string]dbus.Variant) bool {
			return path == volumeIn(pool, name)
		}
	}
	r.mark()
	virsh(t, "vol-create-as", "others", "made", "1M")
	r.added(15*time.Second, isVolume("made"))
	r.mark()
	virsh(t, "vol-delete", "--pool", "others", "made")
	r.removed(15*time.Second, volumeIn(pool, "made"))
	if err := os.WriteFile(filepath.Join(folder, "copied"), []byte("by hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.mark()
	virsh(t, "pool-refresh", "others")
	r.added(soon, isVolume("copied"))
}

// sparseFile is one with data at its beginning, in its middle, and a hole at its
// end.
func sparseFile(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 300<<10)
	_, _ = rand.Read(data)
	for _, at := range []int64{0, size / 2} {
		if _, err := f.WriteAt(data, at); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// takes is how many bytes a file takes.
func takes(t *testing.T, path string) int64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Blocks * 512
}

func sameContent(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Errorf("%s and %s differ (%d and %d bytes)", a, b, len(x), len(y))
	}
}

func TestAFileGoesIntoAVolumeAndComesBack(t *testing.T) {
	root := as(t, "root")
	folder := t.TempDir()
	pool := aPool(root, "moving", with("target", folder))
	const size = 64 << 20
	from := sparseFile(t, size)
	volume := aVolume(root, pool, "a.img", with("fd", dbus.UnixFD(from.Fd())))
	sameContent(t, from.Name(), filepath.Join(folder, "a.img"))
	if got := takes(t, filepath.Join(folder, "a.img")); got > size/8 {
		t.Errorf("its holes became %d bytes", got)
	}
	to, err := os.Create(filepath.Join(t.TempDir(), "back"))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	root.must(volume, "StorageVolume.Download", dbus.UnixFD(to.Fd()), wait())
	sameContent(t, from.Name(), to.Name())
	if got := takes(t, to.Name()); got > size/8 {
		t.Errorf("the holes of the volume became %d bytes", got)
	}

	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	job := root.must(volume, "StorageVolume.Download", dbus.UnixFD(write.Fd()), none())[0].(dbus.ObjectPath)
	write.Close()
	piped, err := io.ReadAll(read)
	if want, _ := os.ReadFile(from.Name()); err != nil || !bytes.Equal(piped, want) {
		t.Errorf("through a pipe came %d bytes, %v", len(piped), err)
	}
	eventually(t, "the end", func() bool { return root.get(job, "Job.State") == "done" })

	root.must(volume, "StorageVolume.Upload", opened(t, tinyDisk), wait())
	sameContent(t, tinyDisk, filepath.Join(folder, "a.img"))
	if got := root.get(volume, "StorageVolume.Format"); got != "qcow2" {
		t.Errorf("a qcow2 disk in it makes it %v", got)
	}
}

func TestAVolumeWithAllItsRoomIsWrittenInPlace(t *testing.T) {
	root := as(t, "root")
	folder := t.TempDir()
	const size = 8 << 20
	volume := aVolume(root, aPool(root, "in-place", with("target", folder)), "a.img",
		with("format", "raw", "capacity", uint64(size), "allocation", uint64(size)))
	place := filepath.Join(folder, "a.img")
	inode := func() string { return strings.TrimSpace(run(t, "stat", "--format", "%i", place)) }
	whole := filepath.Join(t.TempDir(), "whole")
	run(t, "sh", "-c", fmt.Sprintf("head -c %d /dev/urandom > %s", size, whole))

	before := inode()
	root.must(volume, "StorageVolume.Upload", opened(t, whole), wait())
	sameContent(t, whole, place)
	if after := inode(); after != before {
		t.Errorf("it was made anew: inode %s, and %s before", after, before)
	}
	// Holes and an end that it does not have take nothing over from what was there.
	holes := sparseFile(t, size)
	root.must(volume, "StorageVolume.Upload", dbus.UnixFD(holes.Fd()), wait())
	sameContent(t, holes.Name(), place)
	root.must(volume, "StorageVolume.Upload", opened(t, whole), wait())
	short := filepath.Join(t.TempDir(), "short")
	run(t, "sh", "-c", "head -c 1M "+whole+" > "+short)
	root.must(volume, "StorageVolume.Upload", opened(t, short), wait())
	run(t, "truncate", "--size", fmt.Sprint(size), short)
	sameContent(t, short, place)
}

func TestNobodyWhoDoesNotReadHoldsADownload(t *testing.T) {
	root := as(t, "root")
	pool := aPool(root, "unread", with("target", t.TempDir()))
	volume := aVolume(root, pool, "a", with("format", "raw", "capacity", uint64(8<<20)))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	job := root.must(volume, "StorageVolume.Download", dbus.UnixFD(write.Fd()), none())[0].(dbus.ObjectPath)
	eventually(t, "a full pipe", func() bool { return root.get(job, "Job.BytesDone").(uint64) > 0 })
	root.must(job, "Job.Cancel", none())
	eventually(t, "its end", func() bool { return root.get(job, "Job.State") == "cancelled" })
}

func TestAFullDiskAndACancelledUploadLeaveNothing(t *testing.T) {
	root := as(t, "root")
	folder := t.TempDir()
	run(t, "mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", folder)
	t.Cleanup(func() { run(t, "umount", folder) })
	pool := aPool(root, "small", with("target", folder))
	big := filepath.Join(t.TempDir(), "big")
	run(t, "sh", "-c", "head -c 16M /dev/urandom > "+big)
	root.refused("NoSpace", pool, "StoragePool.CreateVolume", with("name", "a", "fd", opened(t, big)), wait())
	kept := aVolume(root, pool, "kept", with("format", "raw", "capacity", uint64(1<<20)))
	root.refused("NoSpace", kept, "StorageVolume.Upload", opened(t, big), wait())
	if got := root.get(kept, "StorageVolume.Capacity"); got != uint64(1<<20) {
		t.Errorf("it has %v bytes", got)
	}
	if left := filesIn(t, folder); len(left) != 1 {
		t.Errorf("left are %q", left)
	}
	to := filepath.Join(folder, "download")
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other := aPool(root, "large", with("target", t.TempDir()))
	volume := aVolume(root, other, "big", with("fd", opened(t, big)))
	root.refused("NoSpace", volume, "StorageVolume.Download", dbus.UnixFD(f.Fd()), wait())
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%d bytes of a download are left", info.Size())
	}

	before := filesIn(t, filepath.Dir(root.get(volume, "StorageVolume.Path").(string)))
	run(t, "truncate", "--size", "1G", big)
	run(t, "fallocate", "--length", "300M", big)
	for n := 0; ; n++ {
		job := root.must(other, "StoragePool.CreateVolume", with("name", "never", "fd", opened(t, big)), none())[0].(dbus.ObjectPath)
		eventually(t, "the upload", func() bool { return root.get(job, "Job.BytesDone").(uint64) > 0 })
		_ = root.call(job, "Job.Cancel", none()) // which may come too late
		eventually(t, "the end", func() bool {
			return slices.Contains([]string{"cancelled", "done", "failed"}, root.get(job, "Job.State").(string))
		})
		after := filesIn(t, filepath.Dir(root.get(volume, "StorageVolume.Path").(string)))
		switch state := root.get(job, "Job.State"); {
		case state == "cancelled" && !equal(after, before):
			t.Fatalf("left are %q", after)
		case state == "cancelled":
			return
		case state == "failed" || n == 20:
			t.Fatalf("after %d uploads, the last is %s", n+1, state)
		}
		// It was faster than the cancellation.
		root.must(volumeIn(other, "never"), "StorageVolume.Delete", wait())
	}
}

func TestADiskThatNamesAnotherFileIsNoVolume(t *testing.T) {
	root := as(t, "root")
	pool := aPool(root, "careful", with("target", t.TempDir()))
	file := filepath.Join(t.TempDir(), "a.qcow2")
	run(t, "qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", "/etc/shadow", file, "1M")
	root.refused("NotSupported", pool, "StoragePool.CreateVolume", with("name", "a", "fd", opened(t, file)), wait())
	if left := pathsWith(root, "org.kvmmanager.StorageVolume"); strings.Contains(fmt.Sprint(left), string(pool)+"/") {
		t.Errorf("left are %v", left)
	}
}

// TestAGuestCannotMakeItsDiskALayerOverAFileOfTheHost has a raw disk with the
// beginning of a layer, as its guest could write it. Whoever only may configure
// VMs does not get at the file.
func TestAGuestCannotMakeItsDiskALayerOverAFileOfTheHost(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	folder := t.TempDir()
	pool := aPool(root, "layers", with("target", folder))
	at := func(name string) string { return filepath.Join(folder, name) }
	layer := func(name, over, format string) {
		run(t, "qemu-img", "create", "-u", "-f", "qcow2", "-F", format, "-b", over, at(name), "1M")
	}
	aVolume(root, pool, "guest", with("capacity", uint64(1<<20), "format", "raw"))
	aVolume(root, pool, "base", with("capacity", uint64(1<<20), "format", "qcow2"))
	aVolume(root, pool, "over-base", with("backing", volumeIn(pool, "base")))
	vm := vmXML{Name: "layered", MemoryMiB: 128}.make(t, root)
	add := func(volume, format string) []any {
		spec := with("kind", "disk", "pool", "layers", "volume", volume)
		if format != "" {
			spec["format"] = dbus.MakeVariant(format)
		}
		return []any{spec, with("dry-run", true)}
	}
	source := func(volume string, copied bool) map[string]dbus.Variant {
		return with("name", "thief", "source", with("kind", "image", "volume", volumeIn(pool, volume), "format", "qcow2", "copy", copied))
	}

	t.Log("what the guest writes, before libvirt has looked again, and after")
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	layer("guest", outside, "raw")
	layer("over-guest", at("guest"), "qcow2")
	layer("by-protocol", "json:{\"driver\":\"file\",\"filename\":\""+outside+"\"}", "raw")
	layer("beside", "base", "qcow2")
	run(t, "qemu-img", "create", "-f", "qcow2", "-o", "data_file="+at("data")+",data_file_raw=on", at("apart"), "1M")
	for _, refreshed := range []bool{false, true} {
		root.refused("NotSupported", vm, "VM.AddDevice", add("guest", "qcow2")...)
		root.refused("NotSupported", localHost, "Host.CreateVM", source("guest", false), wait())
		root.must(vm, "VM.AddDevice", add("guest", "raw")...)
		if !refreshed {
			root.must(pool, "StoragePool.Refresh", wait())
		}
	}
	for _, volume := range []string{"guest", "over-guest", "by-protocol", "apart"} {
		root.refused("NotSupported", vm, "VM.AddDevice", add(volume, "")...)
		root.refused("NotSupported", localHost, "Host.CreateVM", source(volume, true), wait())
		root.refused("NotSupported", volumeIn(pool, volume), "StorageVolume.Clone", "stolen", wait())
	}

	t.Log("what is not for reading others' files is as useful as before")
	for _, volume := range []string{"base", "over-base", "beside"} {
		root.must(vm, "VM.AddDevice", add(volume, "qcow2")...)
		root.must(vm, "VM.AddDevice", add(volume, "")...)
		root.must(volumeIn(pool, volume), "StorageVolume.Clone", "copy-of-"+volume, wait())
	}

	t.Log("a clone is of what the VM takes the disk for, and so is another size")
	disk := root.must(vm, "VM.AddDevice", with("kind", "disk", "pool", "layers", "volume", "guest", "format", "raw"), none())[0].(string)
	root.refused("NotSupported", vm, "VM.Clone", "thief", wait())
	run(t, "qemu-img", "create", "-f", "qcow2", "-o", "data_file="+at("data")+",data_file_raw=on", at("guest"), "1M")
	run(t, "qemu-img", "amend", "-f", "qcow2", "-o", "data_file="+outside, at("guest"))
	if err := os.Remove(at("over-guest")); err != nil {
		t.Fatal(err)
	}
	for _, iso := range []bool{false, true} {
		if iso {
			alsoISO(t, at("guest"))
		}
		root.must(pool, "StoragePool.Refresh", wait())
		root.refused("NotSupported", vm, "VM.ResizeDisk", disk, uint64(4<<20), wait())
		root.refused("NotSupported", volumeIn(pool, "guest"), "StorageVolume.Resize", uint64(4<<20), wait())
	}
	if now, err := os.Stat(outside); err != nil || now.Size() != 1<<20 {
		t.Errorf("the file of the host is now %v, %v", now, err)
	}
	if left := filesIn(t, folder); slices.Contains(left, "stolen") || slices.ContainsFunc(left, func(name string) bool { return strings.Contains(name, "thief") }) {
		t.Errorf("left are %q", left)
	}
}

// alsoISO has libvirt, which looks for ISO 9660 first, take an image for that.
func alsoISO(t *testing.T, image string) {
	t.Helper()
	f, err := os.OpenFile(image, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("CD001"), 32769); err != nil {
		t.Fatal(err)
	}
}
