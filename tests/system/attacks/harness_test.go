//go:build system

// Package attacks attacks the installed service in the reference system as its
// users with few rights or none: bob, mallory, stora and neta (see HACKING.md,
// "The reference system"). Each test looks at the files, owners and bytes of the
// host before and after the attack, not only at the error that came back.
//
// The tests run as root and share one system, so they run one after the other,
// and each leaves the system as it found it. A file holds the attacks of one kind.
package attacks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/tests/system/caller"
)

const (
	local         = caller.Local
	needsPassword = caller.NeedsPassword

	// imageFolder is the folder of the pool "default".
	imageFolder = "/var/lib/libvirt/images"
	// tinyDisk is the disk of the VM tiny, which is no attacker's.
	tinyDisk = imageFolder + "/tiny.qcow2"
)

// The short names of package caller.
var (
	as       = caller.As
	none     = caller.None
	with     = caller.With
	wait     = caller.Wait
	virsh    = caller.Virsh
	tryVirsh = caller.TryVirsh
)

// vmOf creates a VM without disks as a user, and removes it in the end. The spec
// may be nil; a name begins with "dev-" for mallory and stora.
func vmOf(c *caller.Caller, name string, spec map[string]dbus.Variant) dbus.ObjectPath {
	c.T.Helper()
	if spec == nil {
		spec = none()
	}
	for key, value := range with("name", name, "memory", uint64(64<<20), "disks", []map[string]dbus.Variant{}, "networks", []map[string]dbus.Variant{}, "start", false) {
		if _, given := spec[key]; !given {
			spec[key] = value
		}
	}
	removeVM(c.T, name)
	return c.Result(local, "Host.CreateVM", spec, wait())["vm"].Value().(dbus.ObjectPath)
}

// removeVM removes a VM in the end, with its snapshots and saved state, and
// whatever state it is in then.
func removeVM(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() {
		_, _ = tryVirsh("destroy", name)
		if out, err := tryVirsh("undefine", name, "--nvram", "--managed-save", "--snapshots-metadata"); err != nil && !strings.Contains(out, "failed to get domain") {
			t.Errorf("the VM %s stays: %s", name, out)
		}
	})
}

// poolOf returns the path of a storage pool of the host local, by name.
func poolOf(t *testing.T, name string) dbus.ObjectPath {
	t.Helper()
	return dbus.ObjectPath("/org/kvmmanager/pools/" + strings.ReplaceAll(virsh(t, "pool-uuid", name), "-", "_"))
}

// volumeOf creates a volume in the pool "default" as a user, removes it in the
// end, and returns its object and its file.
func volumeOf(c *caller.Caller, name, format string, capacity uint64) (dbus.ObjectPath, string) {
	c.T.Helper()
	removeVolume(c.T, name)
	spec := with("name", name, "format", format, "capacity", capacity)
	result := c.Result(poolOf(c.T, "default"), "StoragePool.CreateVolume", spec, wait())
	return result["volume"].Value().(dbus.ObjectPath), filepath.Join(imageFolder, name)
}

// removeVolume removes a volume of the pool "default" in the end.
func removeVolume(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() {
		_, _ = tryVirsh("pool-refresh", "default")
		if out, err := tryVirsh("vol-delete", "--pool", "default", name); err != nil && !strings.Contains(out, "failed to get vol") {
			t.Errorf("the volume %s stays: %s", name, out)
		}
	})
}

// disk returns the device record of a disk that is a volume of the pool "default".
func disk(volume, format string) map[string]dbus.Variant {
	return with("kind", "disk", "bus", "virtio", "pool", "default", "volume", volume, "format", format)
}

// writeAsGuest writes an image into the beginning of a volume's file, in place, as
// the guest of a VM with a raw disk can.
func writeAsGuest(t *testing.T, volume string, make func(image string)) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	make(image)
	run(t, "dd", "if="+image, "of="+volume, "conv=notrunc", "status=none")
}

// file is what a test compares of a file: everything of it but its times.
type file struct {
	inode    uint64
	mode     os.FileMode
	uid, gid uint32
	size     int64
	sum      string // SHA-256 of a plain file, or the target of a link
}

// stateOf returns the state of a file; a file that is not there has the zero state.
func stateOf(t *testing.T, path string) file {
	t.Helper()
	info, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return file{}
	} else if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	f := file{inode: stat.Ino, mode: info.Mode(), uid: stat.Uid, gid: stat.Gid, size: info.Size()}
	switch {
	case info.Mode().IsRegular():
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		f.sum = hex.EncodeToString(sum[:])
	case info.Mode()&os.ModeSymlink != 0:
		if f.sum, err = os.Readlink(path); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f file) String() string {
	if f == (file{}) {
		return "no file"
	}
	return fmt.Sprintf("%v %d:%d, %d bytes, inode %d, %.12s", f.mode, f.uid, f.gid, f.size, f.inode, f.sum)
}

// victim is a file of root's that no attack may read, replace, change or give to
// another owner.
type victim struct {
	t      *testing.T
	path   string
	secret string
	was    file
}

// newVictim makes a file with a secret in it, which only root may read. It is
// looked at again in the end, whatever the test does before, and removed.
func newVictim(t *testing.T, path string) *victim {
	t.Helper()
	v := &victim{t: t, path: path, secret: "the secret of " + path + " \n"}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// An image is at least a sector long.
	if err := os.WriteFile(path, []byte(v.secret+strings.Repeat("-", 1024-len(v.secret))), 0o600); err != nil {
		t.Fatal(err)
	}
	v.was = stateOf(t, path)
	t.Cleanup(func() {
		v.untouched("in the end")
		_ = os.RemoveAll(path)
	})
	return v
}

// untouched looks whether the file is what it was: the same file, mode, owner and
// bytes.
func (v *victim) untouched(when string) {
	v.t.Helper()
	if is := stateOf(v.t, v.path); is != v.was {
		v.t.Errorf("%s, %s is %v; it was %v", when, v.path, is, v.was)
		v.was = is // is told once
	}
}

// notIn looks whether the victim's secret is in a file, such as the attacker's
// own volume.
func (v *victim) notIn(path string) {
	v.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		v.t.Fatal(err)
	}
	if strings.Contains(string(data), v.secret) {
		v.t.Errorf("%s has the secret of %s", path, v.path)
	}
}

// unchanged returns a function that looks whether files are what they are now.
func unchanged(t *testing.T, paths ...string) func(when string) {
	t.Helper()
	was := map[string]file{}
	for _, path := range paths {
		was[path] = stateOf(t, path)
	}
	return func(when string) {
		t.Helper()
		for _, path := range paths {
			if is := stateOf(t, path); is != was[path] {
				t.Errorf("%s, %s is %v; it was %v", when, path, is, was[path])
			}
		}
	}
}

// run runs a program as root. It has to succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// writeFile writes a file and returns its path.
func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
