//go:build system

package attacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/system/caller"
)

// volumeIn returns the path of a volume of a pool.
func volumeIn(pool dbus.ObjectPath, name string) dbus.ObjectPath {
	return pool + "/volumes/" + dbus.ObjectPath(model.EscapeName(name))
}

// poolAt creates a pool over a folder as root, and removes it in the end.
func poolAt(t *testing.T, name, folder string) dbus.ObjectPath {
	t.Helper()
	t.Cleanup(func() {
		_, _ = tryVirsh("pool-destroy", name)
		_, _ = tryVirsh("pool-undefine", name)
	})
	return as(t, "root").Result(local, "Host.CreateStoragePool", with("name", name, "target", folder), wait())["pool"].Value().(dbus.ObjectPath)
}

// define defines a VM of another tool's with these devices, and perhaps a kernel,
// and removes it in the end.
func define(t *testing.T, name, devices string, kernel ...string) {
	t.Helper()
	removeVM(t, name)
	boot := ""
	for _, path := range kernel {
		boot = "<kernel>" + path + "</kernel>"
	}
	xml := filepath.Join(t.TempDir(), "domain.xml")
	text := `<domain type='qemu'><name>` + name + `</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type>` + boot + `</os><devices>` + devices + `</devices></domain>`
	if err := os.WriteFile(xml, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	virsh(t, "define", xml)
	c := as(t, "root")
	if err := caller.Within(10*time.Second, func() bool {
		return c.Call(local, "Host.FindVM", name, none()).Err == nil
	}); err != nil {
		t.Fatalf("%s does not appear: %v", name, err)
	}
}

// drive is the element of a drive on a file.
func drive(device, format, path string) string {
	target, bus := "vda", "virtio"
	if device == "cdrom" {
		target, bus = "sda", "sata"
	}
	return `<disk type='file' device='` + device + `'><driver name='qemu' type='` + format + `'/><source file='` + path + `'/><target dev='` + target + `' bus='` + bus + `'/></disk>`
}

// image is somebody else's, which mallory wants.
type image struct {
	what, pool, volume, format string
	reading                    bool // everybody may read it
}

// othersImages makes one image of each kind that a VM of root's needs. All have a
// secret in them.
func othersImages(t *testing.T) []image {
	t.Helper()
	root := as(t, "root")
	make := func(name, format string) string {
		_, path := volumeOf(root, name, format, 1<<20)
		return path
	}
	refresh := func(pool string) {
		root.Must(poolOf(t, pool), "StoragePool.Refresh", wait())
	}
	var list []image

	define(t, "golden", drive("disk", "raw", make("golden.img", "raw")))
	root.Must(root.VM("golden"), "VM.SetTemplate", true, none())
	list = append(list, image{"a template's disk", "default", "golden.img", "raw", true})

	define(t, "kept", drive("disk", "qcow2", make("kept.qcow2", "qcow2")))
	virsh(t, "snapshot-create-as", "kept", "s", "--disk-only")
	removeVolume(t, "kept.s")
	list = append(list, image{"a snapshot's base", "default", "kept.qcow2", "qcow2", false})

	layer := make("layer.qcow2", "qcow2")
	base := make("base.img", "raw")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", layer)
	refresh("default")
	define(t, "layered", drive("disk", "qcow2", layer))
	list = append(list, image{"a base image", "default", "base.img", "raw", false})

	// A folder that is linked, and one that this service does not see.
	folder, link := "/srv/attacks-images/real", "/srv/attacks-images/link"
	t.Cleanup(func() { _ = os.RemoveAll("/srv/attacks-images") })
	run(t, "install", "-d", folder)
	run(t, "ln", "-s", folder, link)
	poolAt(t, "linked", link)
	run(t, "truncate", "-s", "1M", folder+"/linked.img")
	refresh("linked")
	define(t, "linked", drive("disk", "raw", folder+"//linked.img"))
	list = append(list, image{"a linked folder's disk", "linked", "linked.img", "raw", false})

	plain := make("plain.img", "raw")
	define(t, "plain", drive("disk", "raw", plain))
	run(t, "ln", plain, imageFolder+"/plain-hard.img")
	removeVolume(t, "plain-hard.img")
	run(t, "ln", "-s", plain, imageFolder+"/plain-soft.img")
	removeVolume(t, "plain-soft.img")
	home := "/home/mallory/attacks-pool"
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	run(t, "install", "-d", "-o", "mallory", home)
	run(t, "ln", "-s", plain, home+"/mine.img")
	run(t, "ln", "-s", imageFolder, home+"/folder")
	poolAt(t, "home", home)
	poolAt(t, "home-folder", home+"/folder/")
	refresh("default")
	list = append(list,
		image{"a disk", "default", "plain.img", "raw", false},
		image{"a hard link to a disk", "default", "plain-hard.img", "raw", false},
		image{"a link to a disk", "default", "plain-soft.img", "raw", false},
		image{"a link in a folder of mallory's", "home", "mine.img", "raw", false},
		image{"a linked folder in a folder of mallory's", "home-folder", "plain.img", "raw", false})

	define(t, "floppy", strings.NewReplacer("device='disk'", "device='floppy'", "vda", "fda", "virtio", "fdc").Replace(drive("disk", "raw", make("floppy.img", "raw"))))
	list = append(list, image{"a floppy", "default", "floppy.img", "raw", false})

	cloud := filepath.Join(t.TempDir(), "cloud.img")
	run(t, "truncate", "-s", "1M", cloud)
	f, err := os.Open(cloud)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	removeVolume(t, "seeded.img")
	removeVolume(t, "seeded-cloud-init.iso")
	vmOf(root, "seeded", with("source", with("kind", "cloud", "fd", dbus.UnixFD(f.Fd())), "cloud-init", with("user", "ada", "password", "hunter2")))
	list = append(list, image{"a cloud-init seed", "default", "seeded-cloud-init.iso", "raw", false})

	kernel := make("boot.img", "raw")
	define(t, "booted", "", kernel)
	list = append(list, image{"what a VM boots with", "default", "boot.img", "raw", false})
	return list
}

// TestImagesOfOthers: who may configure a VM gives it no image that another VM has,
// however the image is named and whatever that VM has it for.
func TestImagesOfOthers(t *testing.T) {
	mallory, stora := as(t, "mallory"), as(t, "stora")
	images := othersImages(t)
	var files []string
	for _, i := range images {
		files = append(files, virsh(t, "vol-path", "--pool", i.pool, i.volume))
	}
	look := unchanged(t, files...)
	vm := vmOf(mallory, "dev-thief", nil)
	drive := mallory.Must(vm, "VM.AddDevice", with("kind", "cdrom", "bus", "sata"), none())[0].(string)
	storas := vmOf(stora, "dev-stora", nil)
	for _, i := range images {
		pool := poolOf(t, i.pool)
		disk := func(readOnly bool) map[string]dbus.Variant {
			return with("kind", "disk", "bus", "virtio", "pool", i.pool, "volume", i.volume, "format", i.format, "read-only", readOnly)
		}
		medium := with("pool", i.pool, "volume", i.volume)
		writing, reading := needsPassword, needsPassword
		if i.reading {
			writing = "DeviceInUse"
		}
		t.Log(i.what)
		for _, options := range []map[string]dbus.Variant{none(), with("dry-run", true)} {
			mallory.Refused(writing, vm, "VM.AddDevice", disk(false), options)
			if i.reading {
				stora.Refused(writing, storas, "VM.AddDevice", disk(false), options)
				as(t, "root").Refused(writing, storas, "VM.AddDevice", disk(false), options)
				continue
			}
			mallory.Refused(reading, vm, "VM.AddDevice", disk(true), options)
			mallory.Refused(reading, vm, "VM.AddDevice", with("kind", "cdrom", "bus", "sata", "pool", i.pool, "volume", i.volume), options)
			mallory.Refused(reading, vm, "VM.UpdateDevice", drive, medium, options)
		}
		volume := volumeIn(pool, i.volume)
		for _, spec := range []map[string]dbus.Variant{
			with("disks", []map[string]dbus.Variant{with("volume", volume)}),
			with("source", with("kind", "image", "volume", volume, "copy", false)),
		} {
			spec["name"], spec["start"] = dbus.MakeVariant("dev-new"), dbus.MakeVariant(false)
			mallory.Refused(writing, local, "Host.CreateVM", spec, wait())
		}
		if !i.reading {
			for _, source := range []map[string]dbus.Variant{with("kind", "image", "volume", volume, "copy", true), with("kind", "iso", "volume", volume)} {
				mallory.Refused(reading, local, "Host.CreateVM", with("name", "dev-new", "start", false, "source", source), wait())
			}
		}
	}
	for _, i := range images {
		if got := virsh(t, "dumpxml", "dev-thief"); strings.Contains(got, i.volume) {
			t.Errorf("mallory's VM has %s: %s", i.what, got)
		}
	}
	if out, err := tryVirsh("dominfo", "dev-new"); err == nil {
		t.Errorf("mallory has a new VM: %s", out)
	}
	look("after the attacks")
}

// TestImagesOfOthersWithTheRight: with the right to manage storage images are shared
// and read, and without it what is nobody's, and what installs systems.
func TestImagesOfOthersWithTheRight(t *testing.T) {
	mallory, stora, root := as(t, "mallory"), as(t, "stora"), as(t, "root")
	_, path := volumeOf(root, "shared.img", "raw", 1<<20)
	volumeOf(root, "free.img", "raw", 1<<20)
	define(t, "owner", drive("disk", "raw", path))
	storas := vmOf(stora, "dev-stora", nil)
	stora.Must(storas, "VM.AddDevice", disk("shared.img", "raw"), none())
	vm := vmOf(mallory, "dev-free", nil)
	mallory.Must(vm, "VM.AddDevice", disk("free.img", "raw"), none())

	installer := filepath.Join(t.TempDir(), "installer.iso")
	sectors := make([]byte, 19*2048)
	for at, text := range map[int]string{
		16 * 2048: "\x01CD001\x01", 16*2048 + 40: "INSTALLER", 17 * 2048: "\x00CD001\x01EL TORITO SPECIFICATION", 18 * 2048: "\xffCD001\x01",
	} {
		copy(sectors[at:], text)
	}
	if err := os.WriteFile(installer, sectors, 0o600); err != nil {
		t.Fatal(err)
	}
	_, iso := volumeOf(root, "installer.iso", "raw", uint64(len(sectors)))
	writeAsGuest(t, iso, func(image string) { run(t, "cp", installer, image) })
	define(t, "installed", drive("cdrom", "raw", iso))
	mallory.Must(vm, "VM.AddDevice", with("kind", "cdrom", "bus", "sata", "pool", "default", "volume", "installer.iso"), none())
	mallory.Refused(needsPassword, vm, "VM.AddDevice", disk("installer.iso", "raw"), none())
}
