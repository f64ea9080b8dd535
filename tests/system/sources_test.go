//go:build system

package system_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

const (
	tinyParts  = "/usr/lib/kvm-manager-reference/" // vmlinuz and initramfs
	tinyKernel = "console=tty0 console=ttyS0 quiet loglevel=4 mitigations=off no_timer_check"
)

// loader is what SYSLINUX and its relatives read.
const loader = "DEFAULT tiny\nLABEL tiny\nLINUX /vmlinuz\nINITRD /initramfs\nAPPEND " + tinyKernel + "\n"

// tinyISO makes a medium that boots tiny's guest.
func tinyISO(t *testing.T) string {
	t.Helper()
	root, iso := t.TempDir(), filepath.Join(t.TempDir(), "tiny.iso")
	for _, file := range []string{
		tinyParts + "vmlinuz", tinyParts + "initramfs",
		"/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/syslinux/modules/bios/ldlinux.c32",
	} {
		run(t, "cp", file, root)
	}
	if err := os.WriteFile(filepath.Join(root, "isolinux.cfg"), []byte(loader), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "xorriso", "-as", "mkisofs", "-quiet", "-volid", "TINY", "-eltorito-boot", "isolinux.bin", "-eltorito-catalog", "boot.cat",
		"-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-output", iso, root)
	return iso
}

// bootableTiny makes a disk that boots tiny's guest.
func bootableTiny(t *testing.T, path string) string {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "tiny.img")
	run(t, "truncate", "--size=64M", raw)
	run(t, "mkfs.vfat", raw)
	run(t, "mcopy", "-i", raw, tinyParts+"vmlinuz", tinyParts+"initramfs", tempFile(t, "syslinux.cfg", loader), "::")
	run(t, "syslinux", "--install", raw)
	run(t, "qemu-img", "convert", "-q", "-O", "qcow2", raw, path)
	return path
}

// small is a VM that is large enough for tiny's guest.
func small(pairs ...any) map[string]dbus.Variant {
	return with(append(pairs, "memory", uint64(128<<20), "vcpus", uint32(1))...)
}

func TestAGuestBootsFromAMedium(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	iso := tinyISO(t)
	vm := makes(root, "boots-iso", small("disk-size", uint64(1<<30), "source", with("kind", "iso", "fd", opened(t, iso))))
	consoleOf(root, vm).expect("tiny: ready")
	if volumes := volumesOf(t, "boots-iso"); len(volumes) != 2 {
		t.Errorf("the volumes are %v", volumes)
	}
}

func TestAGuestBootsFromAnImportedDisk(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	image := bootableTiny(t, filepath.Join(t.TempDir(), "original.qcow2"))
	before := fileOf(t, image)
	copied := makes(root, "boots-copy", small("source", with("kind", "image", "fd", opened(t, image))))
	guest := consoleOf(root, copied)
	guest.expect("tiny: ready")
	guest.run("echo written >/dev/vda && sync && echo do''ne", "done")
	if !bytes.Equal(fileOf(t, image), before) {
		t.Error("the original has changed")
	}

	t.Log("in place, a volume is the disk")
	bootableTiny(t, "/var/lib/libvirt/images/boots-there.qcow2")
	virsh(t, "pool-refresh", "default")
	volume := dbus.ObjectPath(model.PoolPath(virsh(t, "pool-uuid", "default"))) + "/volumes/" + dbus.ObjectPath(model.EscapeName("boots-there.qcow2"))
	placed := makes(root, "boots-there", small("source", with("kind", "image", "volume", volume, "copy", false)))
	consoleOf(root, placed).expect("tiny: ready")
	if volumes := volumesOf(t, "boots-there"); len(volumes) != 1 {
		t.Errorf("the volumes are %v", volumes)
	}
}

func fileOf(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestAGuestBootsFromTheNetwork has the default network's own DHCP and TFTP server
// hand out a script of iPXE, which is in QEMU's network cards.
func TestAGuestBootsFromTheNetwork(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	network := defaultNetworkServes(t, root, tinyByTFTP(t), "tiny.ipxe")
	vm := makes(root, "boots-net", small("disk-size", uint64(1<<30), "source", with("kind", "pxe")))
	nics := root.get(vm, "VM.Interfaces").([]map[string]dbus.Variant)
	if len(nics) != 1 || nics[0]["network"].Value() != network {
		t.Errorf("its interfaces are %v", nics)
	}
	consoleOf(root, vm).expect("tiny: ready")
}

// tinyByTFTP makes a folder whose tiny.ipxe boots tiny's guest.
func tinyByTFTP(t *testing.T) string {
	t.Helper()
	folder := "/var/lib/libvirt/dnsmasq/tftp"
	run(t, "install", "-d", "-m", "755", folder)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	for _, file := range []string{"vmlinuz", "initramfs"} {
		run(t, "install", "-m", "644", tinyParts+file, folder)
	}
	script := "#!ipxe\nkernel vmlinuz initrd=initramfs " + tinyKernel + "\ninitrd initramfs\nboot\n"
	run(t, "install", "-m", "644", tempFile(t, "tiny.ipxe", script), folder)
	return folder
}

// defaultNetworkServes has the default network serve a folder and tell guests to
// boot a file of it, until the end of the test.
func defaultNetworkServes(t *testing.T, c *client, folder, file string) dbus.ObjectPath {
	t.Helper()
	network := dbus.ObjectPath(model.NetworkPath(virsh(t, "net-uuid", "default")))
	definition, live := virsh(t, "net-dumpxml", "--inactive", "default"), virsh(t, "net-dumpxml", "default")
	t.Cleanup(func() {
		_, _ = tryVirsh("net-destroy", "default")
		virsh(t, "net-define", tempFile(t, "network.xml", definition))
		virsh(t, "net-start", "default")
		if now := virsh(t, "net-dumpxml", "--inactive", "default"); now != definition {
			t.Errorf("the default network is stored as\n%s\nand was\n%s", now, definition)
		}
		if now := virsh(t, "net-dumpxml", "default"); now != live {
			t.Errorf("the default network runs as\n%s\nand did as\n%s", now, live)
		}
		eventually(t, "the default network is shown as it was", func() bool {
			return c.get(network, "Network.Active") == true && c.get(network, "Network.TFTPRoot") == "" && c.get(network, "Network.Autostart") == true
		})
	})
	applied := c.must(network, "Network.Configure", with("tftp-root", folder, "boot-file", file), none())[0].(dict)
	if !equal(applied["next-start"].Value(), []string{"boot-file", "tftp-root"}) {
		t.Errorf("it says %v", applied)
	}
	c.must(network, "Network.Stop", none())
	c.must(network, "Network.Start", none())
	return network
}
