//go:build system

package system_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rareMatrix is the kinds that need more than tiny has: memory that is shared, a
// SPICE display, a bridge of the host. A vsock device needs a driver of the host's
// kernel, so it is only stored.
var rareMatrix = []hardware{
	{
		name: "share", device: with("kind", "share", "source", "/srv/wild", "tag", "files"), mark: "<target dir='files'/>", live: true,
		sees: "mkdir -p /mnt; mount -t virtiofs files /mnt 2>/dev/null && cat /mnt/said && umount /mnt || echo n''o",
	},
	{name: "interface on a bridge", device: with("kind", "interface", "bridge", "br-tests", "mac", "52:54:00:6b:6d:98"), mark: "52:54:00:6b:6d:98", live: true, sees: "grep -q 6b:6d:98 /sys/class/net/*/address && echo y''es || echo n''o"},
	{name: "USB redirection", device: with("kind", "usb-redirect"), mark: "<redirdev bus='usb'", live: true},
	{name: "channel of SPICE's agent", device: with("kind", "channel", "type", "spicevmc"), mark: "name='com.redhat.spice.0'", live: true},
	{name: "TPM", device: with("kind", "tpm"), mark: "<tpm model='tpm-crb'>"},
	{name: "floppy", device: with("kind", "floppy"), mark: "device='floppy'"},
}

// equip gives tiny what the rare kinds need, and the host as well.
func equip(t *testing.T) {
	t.Helper()
	useTiny(t)
	definition := virsh(t, "dumpxml", "--inactive", "tiny")
	for old, now := range map[string]string{
		"<graphics type='vnc'": "<graphics type='spice'",
		"<vcpu ":               "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><vcpu ",
	} {
		if !strings.Contains(definition, old) {
			t.Fatalf("tiny has no %s:\n%s", old, definition)
		}
		definition = strings.Replace(definition, old, now, 1)
	}
	define(t, definition)
	run(t, "ip", "link", "add", "br-tests", "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "delete", "br-tests") })
	run(t, "ip", "link", "set", "br-tests", "up")
	if err := os.MkdirAll("/srv/wild", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll("/srv/wild") })
	if err := os.WriteFile(filepath.Join("/srv/wild", "said"), []byte("yes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestHardwareOfRareKinds takes each of them through a running VM, and starts it
// with all of them.
func TestHardwareOfRareKinds(t *testing.T) {
	equip(t)
	root := as(t, "root")
	for range 4 {
		root.must(tiny, "VM.AddDevice", with("kind", "controller", "type", "pci"), none())
	}
	root.must(tiny, "VM.Start", wait())
	guest := openConsole(t, root)
	guest.expect("tiny: ready")
	for _, h := range rareMatrix {
		t.Run(h.name, func(t *testing.T) {
			guest.t = t
			h.goThrough(as(t, "root"), guest)
		})
	}
	guest.t = t
	// It has the old kind of connector, for which a running machine has no room.
	answer := root.must(tiny, "VM.AddDevice", with("kind", "watchdog"), with("dry-run", true))
	expectApplied(t, "a watchdog, tried", answer[1], false, true)
	root.must(tiny, "VM.PowerOff", wait())

	t.Log("all of them at once")
	for _, h := range rareMatrix {
		root.must(tiny, "VM.AddDevice", h.device, none())
	}
	root.must(tiny, "VM.AddDevice", with("kind", "watchdog"), none())
	root.must(tiny, "VM.Start", wait())
	guest = openConsole(t, root)
	guest.expect("tiny: ready")
	for _, sees := range []string{
		rareMatrix[0].sees, rareMatrix[1].sees, "test -e /sys/class/tpm/tpm0 && echo y''es || echo n''o",
		"grep -q 0x25ab /sys/bus/pci/devices/*/device && echo y''es || echo n''o", // the watchdog, of Intel's 6300ESB
	} {
		guest.until(sees, "yes")
	}
	if got := root.get(tiny, "VM.TPM"); got != true {
		t.Errorf("it is shown to have a TPM: %v", got)
	}
	root.must(tiny, "VM.PowerOff", wait())

	t.Log("a vsock device is stored")
	id := root.must(tiny, "VM.AddDevice", with("kind", "vsock"), none())[0].(string)
	if stored := virsh(t, "dumpxml", "--inactive", "tiny"); !strings.Contains(stored, "<vsock model='virtio'>") {
		t.Errorf("it is not there:\n%s", stored)
	}
	root.must(tiny, "VM.RemoveDevice", id, none())
}
