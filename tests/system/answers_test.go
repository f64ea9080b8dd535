//go:build system

package system_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// kinds is every kind of device that can be added, on a VM with a SPICE display and
// shared memory.
func kinds() []hardware {
	also := []hardware{
		{name: "display", device: with("kind", "graphics", "type", "vnc"), mark: "<graphics type='vnc'"},
		{name: "OpenGL display", device: with("kind", "graphics", "type", "egl-headless"), mark: "<graphics type='egl-headless'"},
		{name: "vsock", device: with("kind", "vsock"), mark: "<vsock "},
		{name: "watchdog", device: with("kind", "watchdog"), mark: "<watchdog ", change: with("action", "pause"), changed: "<watchdog model='i6300esb' action='pause'>"},
		{name: "graphics card", device: with("kind", "video", "model", "virtio"), mark: "<model type='virtio' heads=", change: with("model", "qxl"), changed: "<model type='qxl' ram"},
		{name: "root port", device: with("kind", "controller", "type", "pci"), mark: "model='pcie-root-port'"},
		{name: "USB controller", device: with("kind", "controller", "type", "usb"), mark: "<controller type='usb'"},
		{name: "tablet", device: with("kind", "input"), mark: "<input type='tablet'", live: true},
		{name: "SCSI disk", device: with("kind", "disk", "pool", "default", "volume", "extra.qcow2", "bus", "scsi"), mark: "extra.qcow2", live: true, change: with("cache", "none"), changed: "cache='none'"},
		{name: "SCSI drive", device: with("kind", "cdrom", "bus", "scsi"), mark: "device='cdrom'", live: true, change: with("pool", "default", "volume", "medium.iso"), changed: "medium.iso", changes: true},
		{name: "card on a bridge", device: with("kind", "interface", "bridge", "br-tests"), mark: "bridge='br-tests'", live: true, change: with("network-name", "default"), changed: "<source network='default'", changes: true},
	}
	return slices.Concat(matrix, rareMatrix, also)
}

// TestAChangeOfADeviceIsWhatWasAnswered adds, changes and removes a device of every
// kind, now, at the next boot and both, while the VM runs and while it is off, and
// reads both definitions after each step.
func TestAChangeOfADeviceIsWhatWasAnswered(t *testing.T) {
	equip(t)
	volumes(t)
	root := as(t, "root")
	for range 6 { // places to plug something in
		root.must(tiny, "VM.AddDevice", with("kind", "controller", "type", "pci"), none())
	}
	root.must(tiny, "VM.AddDevice", with("kind", "controller", "type", "scsi"), none())
	for _, running := range []bool{false, true} {
		if running {
			root.must(tiny, "VM.Start", wait())
			guest := openConsole(t, root)
			guest.expect("tiny: ready")
		}
		for _, h := range kinds() {
			if _, err := os.Stat("/dev/vhost-vsock"); running && h.name == "vsock" && err != nil {
				root.refused("NotSupported", tiny, "VM.AddDevice", h.device, none()) // and not kept for the next boot
				continue
			}
			for _, apply := range []string{"next-boot", "both", "now"} {
				t.Run(fmt.Sprintf("%s/running %v/%s", h.name, running, apply), func(t *testing.T) {
					h.answers(as(t, "root"), running, apply)
				})
			}
		}
	}
}

// answers makes one device's way in one manner.
func (h *hardware) answers(c *client, running bool, apply string) {
	t := c.t
	options := with("apply", apply)
	var live, stored string
	look := func() {
		t.Helper()
		stored = virsh(t, "dumpxml", "--inactive", "tiny")
		if live = ""; running {
			live = virsh(t, "dumpxml", "tiny")
		}
	}
	look()
	// step makes a change. What it says became of it must be true of mark, and
	// nothing has changed if it fails.
	step := func(method, mark string, more int, args ...any) (answer []any, ok bool) {
		t.Helper()
		wasLive, wasStored := live, stored
		call := c.call(tiny, "VM."+method, append(args, options)...)
		look()
		if call.Err != nil {
			if live != wasLive || stored != wasStored {
				t.Errorf("%s fails (%v), and something has changed:\n%s\n%s", method, call.Err, stored, live)
			}
			return nil, false
		}
		applied := call.Body[len(call.Body)-1].(map[string]dbus.Variant)
		for _, side := range []struct{ key, was, is string }{{"now", wasLive, live}, {"next-boot", wasStored, stored}} {
			want := 0
			if applied[side.key].Value() == true {
				want = more
			}
			if got := strings.Count(side.is, mark) - strings.Count(side.was, mark); got != want {
				t.Errorf("%s answers %v, and there are %d more of %s, want %d:\n%s", method, applied, got, mark, want, side.is)
			}
		}
		if did := applied["now"].Value() == true; apply == "next-boot" && did || !running && did {
			t.Errorf("%s says that it has changed a running VM: %v", method, applied)
		}
		return call.Body, true
	}
	answer, ok := step("AddDevice", h.mark, 1, h.device)
	switch {
	case !ok && (apply == "now" && !(running && h.live)):
		return // as it should
	case !ok:
		t.Fatal("it cannot be added")
	case apply == "now" && !h.live:
		t.Fatalf("it was added now: %v", answer)
	}
	id := answer[0].(string)
	if h.change != nil && (apply != "now" || h.changes) {
		if _, ok := step("UpdateDevice", h.changed, 1, id, h.change); !ok {
			t.Error("it cannot be changed")
		}
	}
	before := deviceCount(t, stored) + deviceCount(t, live)
	if _, ok := step("RemoveDevice", "\x00", 0, id); !ok {
		t.Fatal("it cannot be removed")
	}
	if now := deviceCount(t, stored) + deviceCount(t, live); now >= before {
		t.Errorf("%s is removed, and there are %d devices, as before:\n%s\n%s", id, now, stored, live)
	}
	if strings.Count(stored, h.mark) > 0 && strings.Contains(h.mark, "extra") {
		t.Errorf("it is still there:\n%s", stored)
	}
}

// deviceCount is how many devices a definition has.
func deviceCount(t *testing.T, definition string) int {
	t.Helper()
	if definition == "" {
		return 0
	}
	return len(deviceElements(t, definition))
}

// element is one device of a definition.
type element struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Inner   string     `xml:",innerxml"`
}

// deviceElements is what a definition has in <devices>, without those that say that
// there is none.
func deviceElements(t *testing.T, definition string) []element {
	t.Helper()
	var domain struct {
		Devices struct {
			All []element `xml:",any"`
		} `xml:"devices"`
	}
	if err := xml.Unmarshal([]byte(definition), &domain); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(domain.Devices.All, func(e element) bool {
		return slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == "model" && a.Value == "none" })
	})
}

// devicesOf is the device records of a VM by id.
func (c *client) devicesOf(vm dbus.ObjectPath) map[string]map[string]dbus.Variant {
	c.t.Helper()
	devices := map[string]map[string]dbus.Variant{}
	for _, list := range []string{"Disks", "Interfaces", "Graphics", "Consoles", "Shares", "Devices"} {
		for _, d := range c.get(vm, "VM."+list).([]map[string]dbus.Variant) {
			devices[d["id"].Value().(string)] = d
		}
	}
	return devices
}

// everyDevice is a definition with devices that libvirt adds by itself, and such
// that need others.
var everyDevice = vmXML{
	Name: "every-device", OS: "<type arch='x86_64' machine='MACHINE'>hvm</type>",
	Devices: `
<controller type='usb' index='0' model='ich9-ehci1'/>
<controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>
<controller type='usb' index='0' model='ich9-uhci2'><master startport='2'/></controller>
<controller type='usb' index='0' model='ich9-uhci3'><master startport='4'/></controller>
<controller type='scsi' index='0' model='virtio-scsi'/><controller type='scsi' index='1' model='virtio-scsi'/>
<controller type='virtio-serial' index='0'/><controller type='ccid' index='0'/>
<disk type='file' device='disk'><source file='/var/lib/libvirt/images/none.img'/><target dev='sda' bus='scsi'/></disk>
<disk type='file' device='cdrom'><target dev='hdc' bus='CDBUS'/></disk>
<interface type='user'><mac address='52:54:00:6b:6d:97'/><model type='e1000'/></interface>
<serial type='pty'/><serial type='spiceport'><source channel='x.y.z'/></serial><parallel type='pty'/><console type='pty'><target type='virtio'/></console>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
<smartcard mode='passthrough' type='spicevmc'/><redirdev bus='usb' type='spicevmc'/><hub type='usb'/>
<input type='tablet' bus='usb'/><input type='keyboard' bus='virtio'/>
<graphics type='spice'/><graphics type='vnc'/><sound model='ich9'/><audio id='1' type='spice'/>
<video><model type='qxl' heads='2'/></video><video><model type='virtio'/></video>
<watchdog model='i6300esb' action='reset'/><memballoon model='virtio'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
<panic model='isa'/><vsock model='virtio'/>`,
}

// TestRemovingAnyDeviceIsWhatWasAnswered removes each device of a VM, alone and with
// what needs it, and looks whether it is gone.
func TestRemovingAnyDeviceIsWhatWasAnswered(t *testing.T) {
	root := as(t, "root")
	var stored []string
	for machine, bus := range map[string]string{"q35": "sata", "pc": "ide"} {
		vm := everyDevice
		vm.Name += "-" + machine
		vm.OS = strings.Replace(vm.OS, "MACHINE", machine, 1)
		vm.Devices = strings.Replace(vm.Devices, "CDBUS", bus, 1)
		path := vm.make(t, root)
		definition := virsh(t, "dumpxml", "--inactive", vm.Name)
		there := root.devicesOf(path)
		for _, id := range slices.Sorted(maps.Keys(there)) {
			for _, dependents := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/%v", machine, id, dependents), func(t *testing.T) {
					c := as(t, "root")
					call := c.call(path, "VM.RemoveDevice", id, with("dependents", dependents))
					after := virsh(t, "dumpxml", "--inactive", vm.Name)
					if call.Err != nil {
						if name := errorName(call.Err); !strings.HasSuffix(name, ".NotSupported") && !strings.HasSuffix(name, ".DeviceInUse") {
							t.Errorf("%s: %v", name, call.Err)
						}
						t.Log(call.Err)
						if after != definition {
							t.Errorf("it fails (%v), and something has changed:\n%s", call.Err, after)
						}
						return
					}
					expectApplied(t, "removed", call.Body[0], false, true)
					gone := 0
					now := c.devicesOf(path)
					for other := range there {
						if now[other] == nil {
							gone++
						}
					}
					had, has := len(deviceElements(t, definition)), len(deviceElements(t, after))
					if len(now) >= len(there) || has >= had || gone == 0 {
						t.Errorf("it is removed, and there are %d devices (%d elements), before %d (%d):\n%s", len(now), has, len(there), had, after)
					}
					stored = append(stored, storedFile(t, vm.Name))
					define(t, definition)
				})
			}
		}
	}
	loaded(t, stored)
}

// loaded restarts libvirtd and looks whether it loads stored definitions, which are
// texts of its own files.
func loaded(t *testing.T, stored []string) {
	t.Helper()
	names := make([]string, len(stored))
	for i, definition := range stored {
		names[i] = fmt.Sprintf("loaded-%d", i)
		definition = regexp.MustCompile("<name>.*</name>").ReplaceAllString(definition, "<name>"+names[i]+"</name>")
		definition = regexp.MustCompile("<uuid>.*</uuid>").ReplaceAllString(definition, fmt.Sprintf("<uuid>33333333-0000-4000-8000-%012d</uuid>", i))
		file := "/etc/libvirt/qemu/" + names[i] + ".xml"
		if err := os.WriteFile(file, []byte(definition), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, _ = tryVirsh("undefine", names[i])
			_ = os.Remove(file)
		})
	}
	run(t, "systemctl", "restart", "libvirtd")
	list := strings.Fields(virsh(t, "list", "--all", "--name"))
	for i, name := range names {
		if !slices.Contains(list, name) {
			t.Errorf("libvirt cannot load this:\n%s", stored[i])
		}
	}
}

// storedFile is what libvirt will load when it starts.
func storedFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("/etc/libvirt/qemu/" + name + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
