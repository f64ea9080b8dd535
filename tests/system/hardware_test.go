//go:build system

package system_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// hardware is a kind of device on its way through a VM.
type hardware struct {
	name   string
	device map[string]dbus.Variant
	mark   string // what its XML has, and which is there once more with it
	live   bool   // a running VM can get it
	sees   string // a command in the guest that says “yes” when it is there

	change  map[string]dbus.Variant // nil: nothing of it can change
	changed string                  // what its XML has then
	changes bool                    // also in the running VM
}

// matrix is every kind that the reference system has what it takes for.
var matrix = []hardware{
	{
		name: "disk", device: with("kind", "disk", "pool", "default", "volume", "extra.qcow2"), mark: "extra.qcow2", live: true,
		sees:   "test -e /sys/block/vdb && echo y''es || echo n''o",
		change: with("discard", "unmap"), changed: "discard='unmap'",
	},
	{
		name: "interface", device: with("kind", "interface", "network-name", "default", "mac", "52:54:00:6b:6d:99"), mark: "52:54:00:6b:6d:99", live: true,
		sees:   "grep -q 6b:6d:99 /sys/class/net/*/address && echo y''es || echo n''o",
		change: with("link-down", true), changed: "<link state='down'/>", changes: true,
	},
	{name: "interface of user networking", device: with("kind", "interface", "type", "user"), mark: "<interface type='user'", live: true},
	{name: "rng", device: with("kind", "rng"), mark: "<rng ", live: true},
	{name: "channel", device: with("kind", "channel", "type", "unix", "name", "org.example.0"), mark: "name='org.example.0'", live: true},
	{name: "input", device: with("kind", "input", "type", "mouse", "bus", "usb"), mark: "type='mouse' bus='usb'", live: true},
	{name: "SCSI controller", device: with("kind", "controller", "type", "scsi"), mark: "<controller type='scsi'", live: true},
	{name: "CD-ROM on SATA", device: with("kind", "cdrom"), mark: "device='cdrom'"},
	{name: "disk on SATA", device: with("kind", "disk", "pool", "default", "volume", "extra.qcow2", "bus", "sata"), mark: "extra.qcow2"},
	{name: "serial", device: with("kind", "serial"), mark: "<serial "},
	{name: "console", device: with("kind", "console"), mark: "<target type='virtio' port="},
	{name: "sound", device: with("kind", "sound"), mark: "<sound "},
	{name: "video", device: with("kind", "video", "model", "virtio"), mark: "<model type='virtio' heads="},
	{name: "panic", device: with("kind", "panic"), mark: "<panic "},
}

// bothXMLs are what virsh says of tiny now and at its next boot.
func bothXMLs(t *testing.T) (live, stored string) {
	t.Helper()
	return virsh(t, "dumpxml", "tiny"), virsh(t, "dumpxml", "--inactive", "tiny")
}

// expectApplied checks what a change says became of it.
func expectApplied(t *testing.T, what string, answer any, now, nextBoot bool) {
	t.Helper()
	did := answer.(map[string]dbus.Variant)
	if did["now"].Value() != now || did["next-boot"].Value() != nextBoot {
		t.Errorf("%s: applied %v, want now %v and next-boot %v", what, did, now, nextBoot)
	}
}

// volumes makes volumes for disks and drives in the pool.
func volumes(t *testing.T) {
	t.Helper()
	for name, format := range map[string]string{"extra.qcow2": "qcow2", "medium.iso": "raw"} {
		virsh(t, "vol-create-as", "default", name, "4MiB", "--format", format)
		t.Cleanup(func() { _, _ = tryVirsh("vol-delete", "--pool", "default", name) })
	}
}

// TestHardwareComesChangesAndGoes takes each kind through a running VM.
func TestHardwareComesChangesAndGoes(t *testing.T) {
	useTiny(t)
	volumes(t)
	root := as(t, "root")
	for range 5 { // places to plug something in
		answer := root.must(tiny, "VM.AddDevice", with("kind", "controller", "type", "pci"), none())
		expectApplied(t, "a root port", answer[1], false, true)
	}
	root.must(tiny, "VM.Start", wait())
	guest := openConsole(t, root)
	guest.expect("tiny: ready")
	for _, h := range matrix {
		t.Run(h.name, func(t *testing.T) {
			c := as(t, "root")
			guest.t = t
			h.goThrough(c, guest)
		})
	}
	if pending := root.get(tiny, "VM.PendingChanges").([]string); len(pending) > 0 {
		t.Errorf("in the end, the next boot changes %v", pending)
	}
}

// goThrough adds a device, changes it and removes it.
func (h *hardware) goThrough(c *client, guest *console) {
	t := c.t
	t.Helper()
	live, stored := bothXMLs(t)
	wasLive, wasStored := strings.Count(live, h.mark), strings.Count(stored, h.mark)
	check := func(what string, more int) {
		t.Helper()
		moreLive := 0
		if h.live {
			moreLive = more
		}
		live, stored := bothXMLs(t)
		if got := strings.Count(live, h.mark) - wasLive; got != moreLive {
			t.Errorf("%s, the running VM has %d more, want %d:\n%s", what, got, moreLive, live)
		}
		if got := strings.Count(stored, h.mark) - wasStored; got != more {
			t.Errorf("%s, the stored definition has %d more, want %d:\n%s", what, got, more, stored)
		}
	}
	answer := c.must(tiny, "VM.AddDevice", h.device, with("dry-run", true))
	expectApplied(t, "tried", answer[1], h.live, true)
	check("tried", 0)
	answer = c.must(tiny, "VM.AddDevice", h.device, none())
	id := answer[0].(string)
	expectApplied(t, "added", answer[1], h.live, true)
	check("added", 1)
	if h.sees != "" {
		guest.until(h.sees, "yes")
	}
	if h.change != nil {
		answer = c.must(tiny, "VM.UpdateDevice", id, h.change, none())
		expectApplied(t, "changed", answer[0], h.changes, true)
		live, stored := bothXMLs(t)
		if strings.Contains(live, h.changed) != h.changes || !strings.Contains(stored, h.changed) {
			t.Errorf("changed, it is not so:\n%s\n%s", live, stored)
		}
	}
	answer = c.must(tiny, "VM.RemoveDevice", id, none())
	expectApplied(t, "removed", answer[0], h.live, true)
	check("removed", 0)
	if h.sees != "" {
		guest.until(h.sees, "no")
	}
	c.refused("NotFound", tiny, "VM.RemoveDevice", id, none())
}

// until repeats a command in the guest until it gives the answer: the guest
// finds new hardware in its own time.
func (c *console) until(command, answer string) {
	c.t.Helper()
	c.run("until { "+command+"; } | grep -q '^"+answer+"$'; do usleep 50000; done; echo ha''s it", "has it")
}

// TestMediaOfTheHardwareChange inserts and ejects while the VM runs.
func TestMediaOfTheHardwareChange(t *testing.T) {
	useTiny(t)
	volumes(t)
	root := as(t, "root")
	drive := root.must(tiny, "VM.AddDevice", with("kind", "cdrom"), none())[0].(string)
	root.must(tiny, "VM.Start", wait())
	openConsole(t, root).expect("tiny: ready")
	for _, medium := range []map[string]dbus.Variant{
		with("pool", "default", "volume", "medium.iso"),
		with("source", ""),
		with("source", "/var/lib/libvirt/images/medium.iso"),
		with("source", ""),
	} {
		answer := root.must(tiny, "VM.UpdateDevice", drive, medium, none())
		expectApplied(t, "another medium", answer[0], true, true)
		inserted := medium["source"].Value() != ""
		live, stored := bothXMLs(t)
		if strings.Contains(live, "medium.iso") != inserted || strings.Contains(stored, "medium.iso") != inserted {
			t.Errorf("%v is not so:\n%s\n%s", medium, live, stored)
		}
	}
	root.refused("NotSupported", tiny, "VM.RemoveDevice", drive, with("apply", "now"))
	as(t, "bob").refused(needsPassword, tiny, "VM.UpdateDevice", drive, with("source", ""), none())
}

// TestHardwareDisksGrow: while the VM runs, which its guest sees, and when it
// is off.
func TestHardwareDisksGrow(t *testing.T) {
	useTiny(t)
	volumes(t)
	root := as(t, "root")
	disk := root.must(tiny, "VM.AddDevice", with("kind", "disk", "pool", "default", "volume", "extra.qcow2"), none())[0].(string)
	grows := func(size uint64, capacity string) {
		t.Helper()
		root.must(tiny, "VM.ResizeDisk", disk, size, wait())
		virsh(t, "pool-refresh", "default")
		if info := virsh(t, "vol-info", "--pool", "default", "extra.qcow2"); !strings.Contains(info, capacity) {
			t.Errorf("the volume has another size: %s", info)
		}
		root.refused("InvalidArgument", tiny, "VM.ResizeDisk", disk, size-512, wait())
	}
	grows(8<<20, "8.00 MiB")
	root.must(tiny, "VM.Start", wait())
	guest := openConsole(t, root)
	guest.expect("tiny: ready")
	guest.until("cat /sys/block/vdb/size", "16384")
	grows(12<<20, "12.00 MiB")
	guest.until("cat /sys/block/vdb/size", "24576")
	root.must(tiny, "VM.PowerOff", wait())
	grows(16<<20, "16.00 MiB")
	root.refused("InvalidArgument", tiny, "VM.ResizeDisk", "rng-0", uint64(32<<20), wait())
	root.refused("NotFound", tiny, "VM.ResizeDisk", "disk-vdz", uint64(32<<20), wait())
}

// TestHardwareBootOrder: it is stored, shown, and the VM starts with it.
func TestHardwareBootOrder(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	nic := root.must(tiny, "VM.AddDevice", with("kind", "interface", "network-name", "default"), none())[0].(string)
	for _, order := range [][]string{{nic, "disk-vda"}, {"disk-vda"}} {
		root.must(tiny, "VM.SetBootOrder", order, none())
		if got := root.get(tiny, "VM.BootOrder").([]string); !slices.Equal(got, order) {
			t.Errorf("it boots from %q, want %q", got, order)
		}
		if got := strings.Count(virsh(t, "dumpxml", "--inactive", "tiny"), "<boot order="); got != len(order) {
			t.Errorf("%d devices have a place, want %d", got, len(order))
		}
	}
	root.must(tiny, "VM.SetBootOrder", []string{}, none())
	if got := root.get(tiny, "VM.BootOrder"); !equal(got, []string{"hd"}) {
		t.Errorf("with no order, it boots from %q", got)
	}
	root.must(tiny, "VM.SetBootOrder", []string{"disk-vda", nic}, none())
	root.must(tiny, "VM.Start", wait())
	openConsole(t, root).expect("tiny: ready")
	root.refused("InvalidArgument", tiny, "VM.SetBootOrder", []string{"rng-0"}, none())
	root.refused("InvalidArgument", tiny, "VM.SetBootOrder", []string{nic, nic}, none())
	root.refused("NotFound", tiny, "VM.SetBootOrder", []string{"disk-vdz"}, none())
}
