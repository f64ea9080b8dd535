//go:build system

package system_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestTheConfigurationChanges compares what the service shows with what virsh
// does, after each change.
func TestTheConfigurationChanges(t *testing.T) {
	useTiny(t)
	alice := as(t, "alice")
	version := alice.get(tiny, "VM.ConfigVersion")
	for _, change := range []struct {
		method   string
		arg      any
		property string
		want     any
		virsh    string // a virsh command that shows it
		shows    string
	}{
		{"SetTitle", "A <title> & 'more'", "Title", "A <title> & 'more'", "desc --config --title tiny", "A <title> & 'more'"},
		{"SetDescription", "Two\nlines", "Description", "Two\nlines", "desc --config tiny", "Two\nlines"},
		{"SetTags", []string{"lab", "web"}, "Tags", []string{"lab", "web"}, "dumpxml --inactive tiny", "lab"},
		{"SetAutostart", true, "Autostart", true, "list --all --autostart --name", "tiny"},
		{"SetVCPUs", uint32(2), "VCPUs", uint32(2), "vcpucount tiny --current --config", "2"},
		{"SetVCPUs", uint32(1), "VCPUs", uint32(1), "vcpucount tiny --current --config", "1"},
		{"SetMemory", uint64(96 << 20), "Memory", uint64(96 << 20), "dumpxml --inactive tiny", "<currentMemory unit='KiB'>98304<"},
		{"SetMemory", uint64(160<<20) - 5, "MaxMemory", uint64(160 << 20), "dumpxml --inactive tiny", "<memory unit='KiB'>163840<"},
		{"Rename", "tiny two", "Name", "tiny two", "domname " + tinyUUID, "tiny two"},
		{"Rename", "tiny", "Name", "tiny", "domname " + tinyUUID, "tiny"},
		{"SetAutostart", false, "Autostart", false, "list --all --no-autostart --name", "tiny"},
	} {
		alice.must(tiny, "VM."+change.method, change.arg, none())
		if got := alice.get(tiny, "VM."+change.property); !equal(got, change.want) {
			t.Errorf("after %s %v, %s is %v, want %v", change.method, change.arg, change.property, got, change.want)
		}
		if shown := virsh(t, strings.Fields(change.virsh)...); !strings.Contains(shown, change.shows) {
			t.Errorf("after %s %v, virsh %s says %q", change.method, change.arg, change.virsh, shown)
		}
		now := alice.get(tiny, "VM.ConfigVersion")
		if now == version {
			t.Errorf("%s %v is no new version", change.method, change.arg)
		}
		version = now
	}
	alice.must(tiny, "VM.SetTitle", "", none())
	alice.must(tiny, "VM.SetDescription", "", none())
	alice.must(tiny, "VM.SetTags", []string{}, none())
	if xml := virsh(t, "dumpxml", "--inactive", "tiny"); strings.Contains(xml, "<title>") || strings.Contains(xml, "<description>") {
		t.Errorf("emptied, they are still there:\n%s", xml)
	}
}

// TestHardwareThatAGuestKeepsIsStored: a guest that is paused gives nothing back.
func TestHardwareThatAGuestKeepsIsStored(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	for _, vcpus := range []uint32{2, 1} { // the most, and what it starts with
		root.must(tiny, "VM.SetVCPUs", vcpus, none())
	}
	root.must(tiny, "VM.Start", wait())
	openConsole(t, root).expect("tiny: ready")
	root.must(tiny, "VM.SetVCPUs", uint32(2), none())
	root.must(tiny, "VM.Pause", none())
	root.refused("Timeout", tiny, "VM.SetVCPUs", uint32(1), none())
	if got := virsh(t, "vcpucount", "tiny", "--config", "--current"); got != "2" {
		t.Errorf("it has %s vCPUs stored", got)
	}
}

// TestHardwareChangesNowAndAtTheNextBoot takes a VM that runs through every
// way to apply a change.
func TestHardwareChangesNowAndAtTheNextBoot(t *testing.T) {
	r := record(t)
	vm := vmXML{Name: "hardware", VCPUs: 4, Online: 2, MemoryMiB: 128, Devices: "<memballoon model='virtio'/>"}.make(t, r.client)
	applied := func(now, nextBoot bool, method string, args ...any) {
		t.Helper()
		got := r.must(vm, "VM."+method, args...)[0].(map[string]dbus.Variant)
		if got["now"].Value() != now || got["next-boot"].Value() != nextBoot {
			t.Errorf("%s %v: applied %v, want now %v and next-boot %v", method, args, got, now, nextBoot)
		}
	}
	shows := func(vcpus, stored uint32, pending ...string) {
		t.Helper()
		if got := r.get(vm, "VM.VCPUs"); got != vcpus {
			t.Errorf("it has %v vCPUs now, want %d", got, vcpus)
		}
		if got := virsh(t, "vcpucount", "hardware", "--config", "--current"); got != fmt.Sprint(stored) {
			t.Errorf("it has %s vCPUs stored, want %d", got, stored)
		}
		if got := r.get(vm, "VM.PendingChanges").([]string); strings.Join(got, " ") != strings.Join(pending, " ") {
			t.Errorf("the next boot changes %v, want %v", got, pending)
		}
	}
	applied(false, true, "SetVCPUs", uint32(1), none())
	r.refused("InvalidState", vm, "VM.SetVCPUs", uint32(2), with("apply", "now"))
	r.must(vm, "VM.Start", wait())
	shows(1, 1)
	applied(false, true, "SetVCPUs", uint32(3), with("apply", "next-boot"))
	shows(1, 3, "VCPUs")
	applied(true, false, "SetVCPUs", uint32(2), with("apply", "now"))
	shows(2, 3, "VCPUs")
	applied(true, true, "SetVCPUs", uint32(4), with("apply", "both"))
	shows(4, 4)
	applied(false, true, "SetVCPUs", uint32(6), none()) // more than it was started with
	shows(4, 6, "VCPUs", "MaxVCPUs")
	r.refused("InvalidState", vm, "VM.SetVCPUs", uint32(5), with("apply", "now"))

	applied(true, true, "SetMemory", uint64(96<<20), none())
	applied(false, true, "SetMemory", uint64(256<<20), none())
	r.refused("InvalidState", vm, "VM.SetMemory", uint64(192<<20), with("apply", "now"))
	r.must(vm, "VM.PowerOff", wait())
	shows(6, 6)
	if got := r.get(vm, "VM.MaxMemory"); got != uint64(256<<20) {
		t.Errorf("turned off, its memory is %v", got)
	}
	for _, wrong := range []any{uint32(0), uint32(1 << 31)} {
		r.refused("InvalidArgument", vm, "VM.SetVCPUs", wrong, none())
	}
	for _, wrong := range []any{uint64(0), ^uint64(0)} {
		r.refused("InvalidArgument", vm, "VM.SetMemory", wrong, none())
	}
	r.refused("InvalidArgument", vm, "VM.SetMemory", uint64(1<<28), with("apply", "later"))
}

// TestAnExpectedVersionSeesOtherTools: the comparison is with what libvirt has,
// even if the news of it has not come yet.
func TestAnExpectedVersionSeesOtherTools(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	version := root.get(tiny, "VM.ConfigVersion").(uint64)
	for _, change := range [][]string{
		{"setmem", "tiny", "100M", "--config"},
		{"desc", "tiny", "--config", "--new-desc", "by virsh"},
		{"autostart", "tiny"},
	} {
		virsh(t, change...)
		root.refused("VersionMismatch", tiny, "VM.SetTitle", "too late", with("expected-version", version))
		root.refused("VersionMismatch", tiny, "VM.Delete", with("expected-version", version, "wait", true))
		version = root.get(tiny, "VM.ConfigVersion").(uint64)
	}
	root.must(tiny, "VM.SetTitle", "in time", with("expected-version", version))
	if got := virsh(t, "desc", "--config", "--title", "tiny"); got != "in time" {
		t.Errorf("the title is %q", got)
	}
	root.refused("VersionMismatch", tiny, "VM.SetTitle", "once only", with("expected-version", version))
}

// awkward are texts that have broken programs before.
var awkward = map[string]string{
	"markup":         `<name> & "quotes" and 'apostrophes' ]]> <!-- -->`,
	"entity":         "&amp; &lt; &#10;",
	"emoji":          "🖥 VM 💻",
	"right to left":  "מכונה (1)",
	"combining":      "Zo\u0308e",
	"shell":          "$(reboot) `reboot` ; & | %s %n \\",
	"leading dash":   "--help",
	"two  spaces":    "a  b",
	"200 bytes":      strings.Repeat("x", 200),
	"200 of unicode": strings.Repeat("é", 100),
}

func TestAwkwardTextComesBackExactly(t *testing.T) {
	root := as(t, "root")
	vm := vmXML{Name: "awkward"}.make(t, root)
	texts := map[string]string{"tab": "a\tb", "255 bytes": strings.Repeat("y", 255), "joined emoji": "🖥\ufe0f VM 👩\u200d💻"}
	for what, text := range awkward {
		texts[what] = text
	}
	for what, text := range texts {
		t.Run(what, func(t *testing.T) {
			root := as(t, "root")
			exact(root, vm, "SetDescription", "Description", text)
			if !strings.Contains(text, "\t") {
				exact(root, vm, "SetTitle", "Title", text)
				if len(text) <= 64 && !strings.ContainsAny(text, ",\u200d") {
					root.must(vm, "VM.SetTags", []string{text, "b"}, none())
					if got := root.get(vm, "VM.Tags"); !equal(got, []string{text, "b"}) {
						t.Errorf("the tags are %q", got)
					}
				}
			}
		})
	}
	exact(root, vm, "SetDescription", "Description", "one\n\n two\n")
	for method, texts := range map[string][]string{
		"SetTitle":       {"two\nlines", "\a", "\u202eback", "a\u200f", strings.Repeat("x", 256)},
		"SetDescription": {"\x1b[31m", "\u2066a", "a\ufdd0", strings.Repeat("x", 65<<10), "bad\rreturn"},
		"Rename":         {"", "a/b", ".", "..", " a", "a ", "a\nb", "a\u200d", "a\ufe0f", "a\u200f", strings.Repeat("x", 256)},
	} {
		for _, text := range texts {
			root.refused("InvalidArgument", vm, "VM."+method, text, none())
		}
	}
	root.refused("org.freedesktop.DBus.Error.LimitsExceeded", vm, "VM.SetDescription", strings.Repeat("x", 1<<17), none())
	root.refused("InvalidArgument", vm, "VM.SetTags", []string{"a,b"}, none())
	root.refused("InvalidArgument", vm, "VM.SetTags", []string{"a", "a"}, none())
	root.refused("InvalidArgument", vm, "VM.SetTags", make([]string, 65), none())
}

// exact sets a text and compares it with what the service shows then.
func exact(c *client, vm dbus.ObjectPath, method, property, text string) {
	c.t.Helper()
	c.must(vm, "VM."+method, text, none())
	if got := c.get(vm, "VM."+property); got != text {
		c.t.Errorf("%s of %q shows %q", method, text, got)
	}
}

func TestAwkwardNames(t *testing.T) {
	r := record(t)
	vm := vmXML{Name: "plain", Devices: "<serial type='pty'/>"}.make(t, r.client)
	uuid := virsh(t, "domuuid", "plain")
	for what, name := range awkward {
		t.Run(what, func(t *testing.T) {
			c := as(t, "root")
			exact(c, vm, "Rename", "Name", name)
			if got := virsh(t, "domname", uuid); got != name {
				t.Errorf("virsh calls it %q", got)
			}
			if got := c.vm(name); got != vm {
				t.Errorf("found %s by name", got)
			}
			if what == "leading dash" {
				return // virsh and QEMU may take it for an option
			}
			c.must(vm, "VM.Start", wait())
			c.must(vm, "VM.Save", wait())
			if got := c.get(vm, "VM.HasSavedState"); got != true {
				t.Errorf("saved, it has a saved state: %v", got)
			}
			c.refused("InvalidState", vm, "VM.Rename", "saved", none())
			c.must(vm, "VM.DiscardSavedState", wait())
		})
	}
	t.Run("taken", func(t *testing.T) {
		c := as(t, "root")
		c.refused("AlreadyExists", vm, "VM.Rename", "tiny", none())
	})
}

// TestDeleteTakesEverythingButDisks of a VM with UEFI variables, a saved state
// and a disk.
func TestDeleteTakesEverythingButDisks(t *testing.T) {
	r := record(t)
	disk := "/var/lib/libvirt/images/delete-me.qcow2"
	virsh(t, "vol-create-as", "default", "delete-me.qcow2", "1MiB", "--format", "qcow2")
	t.Cleanup(func() { virsh(t, "vol-delete", disk) })
	vm := vmXML{
		Name: "delete-me", MemoryMiB: 128,
		OS: "<type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>" +
			"<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'/>",
		Devices: "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='" + disk + "'/><target dev='vda' bus='virtio'/></disk>",
	}.make(t, r.client)
	if got := r.get(vm, "VM.Firmware"); got != "uefi" {
		t.Errorf("its firmware is %v", got)
	}
	r.must(vm, "VM.Start", wait())
	r.refused("InvalidState", vm, "VM.Delete", wait())
	r.must(vm, "VM.Save", wait())
	files := []string{
		"/etc/libvirt/qemu/delete-me.xml", "/var/lib/libvirt/qemu/save/delete-me.save", "/var/lib/libvirt/qemu/nvram/delete-me_VARS.fd",
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("the test tests nothing: %v", err)
		}
	}
	r.mark()
	r.must(vm, "VM.Delete", wait())
	r.removed(patience, vm)
	r.until(patience, "VMRemoved", func(s *dbus.Signal) bool { return emitted(s, local, "Host.VMRemoved", vm, "delete-me") })
	for _, file := range files {
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", file, err)
		}
	}
	if _, err := os.Stat(disk); err != nil {
		t.Errorf("the disk is gone: %v", err)
	}
	r.refused("org.freedesktop.DBus.Error.UnknownObject", vm, "VM.Start", none())
	r.refused("NotFound", local, "Host.FindVM", "delete-me", none())
}
