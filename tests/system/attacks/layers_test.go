//go:build system

package attacks

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// hostile is a header that a guest can write into its raw disk, and which refers
// to a file of the host. make writes the image; it gets the path of the victim.
type hostile struct {
	name string
	make func(t *testing.T, victim, image string)
}

// hostileHeaders lists the ways in which images refer to other files.
func hostileHeaders() []hostile {
	create := func(args ...string) func(*testing.T, string, string) {
		return func(t *testing.T, victim, image string) {
			t.Helper()
			list := []string{"create", "-q", "-u", "-f", "qcow2"}
			for _, a := range args {
				list = append(list, strings.ReplaceAll(a, "VICTIM", victim))
			}
			run(t, "qemu-img", append(list, image, "1M")...)
		}
	}
	list := []hostile{
		{"a backing file", create("-b", "VICTIM", "-F", "raw")},
		{"a backing file of version 2", create("-b", "VICTIM", "-F", "raw", "-o", "compat=0.10")},
		{"a backing file with file:", create("-b", "file:VICTIM", "-F", "raw")},
		{"a backing file as JSON", create("-b", `json:{"driver":"raw","file":{"driver":"file","filename":"VICTIM"}}`, "-F", "raw")},
		{"a backing file by a way around", create("-b", "../../../../../VICTIM", "-F", "raw")},
		{"a backing file on a server", create("-b", "nbd://127.0.0.1:1/x", "-F", "raw")},
		{"a data file", func(t *testing.T, victim, image string) {
			t.Helper()
			folder, err := os.MkdirTemp("", "attack") // a comma in the path would end it
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(folder)
			data := filepath.Join(folder, "data")
			run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file="+data+",data_file_raw=on", image, "1M")
			rename(t, image, data, victim)
		}},
		{"a VMDK descriptor", func(t *testing.T, victim, image string) {
			t.Helper()
			text := "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 2 FLAT \"" + victim + "\" 0\nddb.adapterType = \"ide\"\n"
			if err := os.WriteFile(image, []byte(text+strings.Repeat("\n", 512)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"QED", func(t *testing.T, victim, image string) {
			t.Helper()
			run(t, "qemu-img", "create", "-q", "-u", "-f", "qed", "-b", victim, "-F", "raw", image, "1M")
		}},
	}
	return list
}

// rename replaces the name of the data file in the header of an image.
func rename(t *testing.T, image, from, to string) {
	t.Helper()
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	at := int(binary.BigEndian.Uint32(data[100:]))
	for binary.BigEndian.Uint32(data[at:]) != 0x44415441 {
		at += 8 + (int(binary.BigEndian.Uint32(data[at+4:]))+7)&^7
	}
	if len(to) > len(from) {
		t.Fatalf("%s is longer than %s", to, from)
	}
	binary.BigEndian.PutUint32(data[at+4:], uint32(len(to)))
	room := data[at+8 : at+8+(len(from)+7)&^7]
	rest := append([]byte{}, data[at+8+(len(from)+7)&^7:65536]...)
	clear(room)
	copy(data[at+8:], to)
	end := at + 8 + (len(to)+7)&^7
	copy(data[end:], rest[:len(rest)-8])
	if err := os.WriteFile(image, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeHostile writes such a header as the guest.
func writeHostile(t *testing.T, h hostile, victim, volume string) {
	t.Helper()
	writeAsGuest(t, volume, func(image string) { h.make(t, victim, image) })
}

// TestAHeaderThatComesLater is the whole way of the attack: a VM has a raw disk; the
// same volume is attached as qcow2 while it is harmless; the guest writes the
// header; the raw disk is removed; the VM starts.
func TestAHeaderThatComesLater(t *testing.T) {
	mallory, stora := as(t, "mallory"), as(t, "stora")
	vm := vmOf(mallory, "dev-later", nil)
	_, file := volumeOf(stora, "dev-later.img", "qcow2", 1<<20)
	raw := mallory.Must(vm, "VM.AddDevice", disk("dev-later.img", "raw"), none())[0].(string)
	for _, kind := range []string{"disk", "cdrom", "floppy"} {
		device := disk("dev-later.img", "qcow2")
		device["kind"] = dbus.MakeVariant(kind)
		if kind != "disk" {
			delete(device, "bus")
		}
		mallory.Refused("DeviceInUse", vm, "VM.AddDevice", device, none())
	}
	drive := mallory.Must(vm, "VM.AddDevice", with("kind", "cdrom"), none())[0].(string)
	mallory.Refused("DeviceInUse", vm, "VM.UpdateDevice", drive, with("pool", "default", "volume", "dev-later.img", "format", "qcow2"), none())
	mallory.Must(vm, "VM.RemoveDevice", raw, none())
	mallory.Must(vm, "VM.AddDevice", disk("dev-later.img", "qcow2"), none())
	mallory.Refused("DeviceInUse", vm, "VM.AddDevice", disk("dev-later.img", "raw"), none())
	if xml := virsh(t, "dumpxml", "dev-later", "--inactive"); !strings.Contains(xml, "<backingStore/>") {
		t.Errorf("the definition does not say that the image has no layers:\n%s", xml)
	}
	for _, h := range hostileHeaders() {
		t.Run(h.name, func(t *testing.T) {
			secret := newVictim(t, "/v")
			writeHostile(t, h, secret.path, file)
			mallory.T = t
			call := mallory.Call(vm, "VM.Start", wait())
			secret.untouched("after Start")
			if call.Err == nil {
				secret.untouched("while the VM runs")
				virsh(t, "destroy", "dev-later")
			}
			if h.name == "a backing file" || h.name == "a data file" {
				mallory.Refused("InvalidState", vm, "VM.Start", wait())
			}
			secret.untouched("after the VM")
			secret.notIn(file)
		})
	}
	mallory.T = t
}

// TestAHeaderThatIsThere: whatever a header refers to, the volume is not attached
// as an image, and no VM is created with it.
func TestAHeaderThatIsThere(t *testing.T) {
	for _, user := range []string{"mallory", "stora"} {
		for n, h := range hostileHeaders() {
			t.Run(user+", "+h.name, func(t *testing.T) {
				who, stora := as(t, user), as(t, "stora")
				vm := vmOf(who, "dev-there", nil)
				name := fmt.Sprintf("dev-there-%s-%d.img", user, n)
				volume, file := volumeOf(stora, name, "qcow2", 1<<20)
				secret := newVictim(t, "/v")
				writeHostile(t, h, secret.path, file)
				for _, refresh := range []bool{false, true} {
					if refresh {
						virsh(t, "pool-refresh", "default")
					}
					who.Refused("NotSupported", vm, "VM.AddDevice", disk(name, "qcow2"), none())
					removeVM(t, "dev-there-2")
					for _, spec := range []map[string]dbus.Variant{
						with("name", "dev-there-2", "start", false, "disks", []map[string]dbus.Variant{with("volume", volume, "format", "qcow2")}),
						with("name", "dev-there-2", "source", with("kind", "image", "volume", volume, "format", "qcow2", "copy", false)),
						with("name", "dev-there-2", "source", with("kind", "image", "volume", volume, "format", "qcow2", "copy", true)),
					} {
						call := who.Call(local, "Host.CreateVM", spec, wait())
						if call.Err == nil && strings.Contains(virsh(t, "dumpxml", "dev-there-2"), "type='qcow2'") {
							t.Errorf("a VM was created with it: %v", spec)
						}
						_, _ = tryVirsh("destroy", "dev-there-2")
						_, _ = tryVirsh("undefine", "dev-there-2", "--nvram")
						_, _ = tryVirsh("vol-delete", "--pool", "default", "dev-there-2.qcow2")
						_, _ = tryVirsh("vol-delete", "--pool", "default", "dev-there-2.img")
						secret.untouched("after CreateVM")
					}
				}
				secret.notIn(file)
			})
		}
	}
}

// TestAnothersImageUnderOnesOwn: each layer needs what it would need itself.
func TestAnothersImageUnderOnesOwn(t *testing.T) {
	mallory, stora, root := as(t, "mallory"), as(t, "stora"), as(t, "root")
	_, other := volumeOf(stora, "prod.img", "raw", 1<<20)
	prod := vmOf(root, "prod-layers", nil)
	root.Must(prod, "VM.AddDevice", disk("prod.img", "raw"), none())
	if err := os.WriteFile(other, []byte("the secret of production"+strings.Repeat("-", 1<<20-24)), 0o600); err != nil {
		t.Fatal(err)
	}
	look := unchanged(t, other, tinyDisk)
	vm := vmOf(mallory, "dev-over", nil)
	_, file := volumeOf(stora, "dev-over.img", "qcow2", 1<<20)
	for _, base := range []struct{ path, format string }{{other, "raw"}, {tinyDisk, "qcow2"}, {"prod.img", "raw"}} {
		writeAsGuest(t, file, func(image string) {
			run(t, "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", base.path, "-F", base.format, image, "1M")
		})
		mallory.Refused(needsPassword, vm, "VM.AddDevice", disk("dev-over.img", "qcow2"), none())
		mallory.Refused(needsPassword, vm, "VM.AddDevice", disk("dev-over.img", "qcow2"), with("dry-run", true))
		volume := poolOf(t, "default") + "/volumes/" + dbus.ObjectPath("dev_2dover_2eimg")
		mallory.Refused(needsPassword, local, "Host.CreateVM", with("name", "dev-over-2", "start", false, "disks", []map[string]dbus.Variant{with("volume", volume)}), wait())
		look("after the attacks")
	}
	// Who may manage storage may, and the definition names the layer.
	mine := vmOf(stora, "dev-over-3", nil)
	stora.Must(mine, "VM.AddDevice", disk("dev-over.img", "qcow2"), none())
	if xml := virsh(t, "dumpxml", "dev-over-3", "--inactive"); !strings.Contains(xml, "<source file='"+other+"'/>") || !strings.Contains(xml, "<backingStore/>") {
		t.Errorf("the definition does not name the layers:\n%s", xml)
	}
	// The header names another layer later.
	writeAsGuest(t, file, func(image string) {
		run(t, "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", tinyDisk, "-F", "qcow2", image, "1M")
	})
	stora.Refused("InvalidState", mine, "VM.MoveDisk", "disk-vda", poolOf(t, "default"), wait())
	look("in the end")
}

// TestDefinitionsOfOtherTools start as before, with the layers that their images
// name; beside a VM that can write these they do not.
func TestDefinitionsOfOtherTools(t *testing.T) {
	mallory, root := as(t, "mallory"), as(t, "root")
	_, file := volumeOf(root, "dev-tool.qcow2", "qcow2", 1<<20)
	folder := t.TempDir()
	base := filepath.Join(folder, "base.img")
	if err := os.Chmod(filepath.Dir(filepath.Dir(base)), 0o755); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(folder, 0o755)
	run(t, "qemu-img", "create", "-q", "-f", "raw", base, "1M")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", file)
	define(t, "dev-tool", `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='`+file+`'/><target dev='vda' bus='virtio'/></disk>`)
	vm := root.VM("dev-tool")
	mallory.Must(vm, "VM.Start", wait())
	virsh(t, "destroy", "dev-tool")
	define(t, "prod-tool", `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='`+file+`'/><target dev='vda' bus='virtio'/></disk>`)
	mallory.Refused("DeviceInUse", vm, "VM.Start", wait())
}

// TestASnapshotKeepsTheFormat: what a VM can go back to counts.
func TestASnapshotKeepsTheFormat(t *testing.T) {
	mallory, stora, root := as(t, "mallory"), as(t, "stora"), as(t, "root")
	vm := vmOf(mallory, "dev-back", nil)
	_, file := volumeOf(stora, "dev-back.qcow2", "qcow2", 1<<20)
	id := mallory.Must(vm, "VM.AddDevice", disk("dev-back.qcow2", "qcow2"), none())[0].(string)
	snapshot := root.Result(vm, "VM.CreateSnapshot", "one", with("kind", "internal", "wait", true))["snapshot"].Value().(dbus.ObjectPath)
	mallory.Must(vm, "VM.RemoveDevice", id, none())
	mallory.Refused("DeviceInUse", vm, "VM.AddDevice", disk("dev-back.qcow2", "raw"), none())
	secret := newVictim(t, "/v")
	for _, h := range hostileHeaders()[:2] {
		writeHostile(t, h, secret.path, file)
		root.Refused("InvalidState", snapshot, "Snapshot.Revert", wait())
		root.Refused("InvalidState", snapshot, "Snapshot.Delete", wait())
		secret.untouched("after the snapshot")
	}
}
