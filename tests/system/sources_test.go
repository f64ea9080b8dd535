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

// TestAGuestBootsFromTheNetwork has libvirt's own DHCP and TFTP server hand out
// a script of iPXE, which is in QEMU's network cards.
func TestAGuestBootsFromTheNetwork(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	network := servesTiny(t)
	path := dbus.ObjectPath(model.NetworkPath(network))
	eventually(t, "the network is shown", func() bool {
		return root.call(path, properties+"Get", "org.kvmmanager.Network", "UUID").Err == nil
	})
	vm := makes(root, "boots-net", small("disk-size", uint64(1<<30), "source", with("kind", "pxe"),
		"networks", []map[string]dbus.Variant{with("network", path)}))
	consoleOf(root, vm).expect("tiny: ready")
}

// servesTiny makes a network that boots tiny's guest, and gives its UUID.
func servesTiny(t *testing.T) string {
	t.Helper()
	folder := "/var/lib/libvirt/dnsmasq/tftp"
	run(t, "install", "-d", "-m", "755", folder)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	for _, file := range []string{"vmlinuz", "initramfs"} {
		run(t, "install", "-m", "644", tinyParts+file, folder)
	}
	script := "#!ipxe\nkernel vmlinuz initrd=initramfs " + tinyKernel + "\ninitrd initramfs\nboot\n"
	run(t, "install", "-m", "644", tempFile(t, "tiny.ipxe", script), folder)
	const uuid = "6b6d6d74-0000-4000-8000-0000000000f0"
	virsh(t, "net-define", tempFile(t, "network.xml", `<network><name>boots</name><uuid>`+uuid+`</uuid>
  <bridge name='virbr-boots'/>
  <ip address='192.168.150.1' netmask='255.255.255.0'>
    <tftp root='`+folder+`'/>
    <dhcp><range start='192.168.150.10' end='192.168.150.99'/><bootp file='tiny.ipxe'/></dhcp>
  </ip>
</network>`))
	t.Cleanup(func() {
		_, _ = tryVirsh("net-destroy", "boots")
		virsh(t, "net-undefine", "boots")
	})
	virsh(t, "net-start", "boots")
	return uuid
}
