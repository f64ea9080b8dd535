//go:build system

package system_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// machineXML is what virsh says of a VM's machine, now and at the next boot.
func machineXML(t *testing.T, name string) (live, stored string) {
	t.Helper()
	return virsh(t, "dumpxml", name), virsh(t, "dumpxml", "--inactive", name)
}

// TestTheMachineChangesAtTheNextBoot configures a VM that runs, sees that it
// stays as it is and that the next boot is announced, and boots it.
func TestTheMachineChangesAtTheNextBoot(t *testing.T) {
	r := record(t)
	vm := vmXML{Name: "machine", VCPUs: 2, MemoryMiB: 128}.make(t, r.client)
	r.must(vm, "VM.Start", wait())
	liveBefore, _ := machineXML(t, "machine")
	changes := with("cpu-mode", "maximum", "cpu-cores", uint32(2), "cpu-threads", uint32(2), "max-memory", uint64(256<<20),
		"machine-type", "pc-q35-9.2", "firmware", "uefi", "shared-memory", true)
	properties := map[string][2]any{ // before and after
		"CPUMode": {r.get(vm, "VM.CPUMode"), "maximum"}, "CPUSockets": {uint32(0), uint32(1)}, "CPUCores": {uint32(0), uint32(2)},
		"CPUThreads": {uint32(0), uint32(2)}, "MaxVCPUs": {uint32(2), uint32(4)}, "MaxMemory": {uint64(128 << 20), uint64(256 << 20)},
		"MachineType": {r.get(vm, "VM.MachineType"), "pc-q35-9.2"}, "Firmware": {"bios", "uefi"}, "SharedMemory": {false, true},
	}
	shows := func(when string, i int) {
		t.Helper()
		for name, values := range properties {
			if got := r.get(vm, "VM."+name); got != values[i] {
				t.Errorf("%s, %s is %v, want %v", when, name, got, values[i])
			}
		}
	}
	configure := func(options map[string]dbus.Variant) {
		t.Helper()
		answer := r.must(vm, "VM.Configure", changes, options)[0].(map[string]dbus.Variant)
		if answer["now"].Value() != false || answer["next-boot"].Value() != true {
			t.Errorf("with %v it applied %v", options, answer)
		}
	}
	_, storedBefore := machineXML(t, "machine")
	configure(with("dry-run", true))
	if _, stored := machineXML(t, "machine"); stored != storedBefore {
		t.Errorf("a dry run has made it\n%s", stored)
	}
	r.refused("NotSupported", vm, "VM.Configure", changes, with("apply", "now"))

	r.mark()
	configure(none())
	shows("while it runs", 0)
	live, stored := machineXML(t, "machine")
	if live != liveBefore {
		t.Errorf("the running VM became\n%s", live)
	}
	for _, part := range []string{
		"<cpu mode='maximum'", "<topology sockets='1' dies='1' clusters='1' cores='2' threads='2'/>", "<vcpu placement='static' current='2'>4<",
		"<memory unit='KiB'>262144<", "machine='pc-q35-9.2'", "<os firmware='efi'>", "<access mode='shared'/>",
	} {
		if !strings.Contains(stored, part) {
			t.Errorf("stored is no %s:\n%s", part, stored)
		}
	}
	pending := r.get(vm, "VM.PendingChanges").([]string)
	for name := range properties {
		if !slices.Contains(pending, name) {
			t.Errorf("%s is not pending: %v", name, pending)
		}
	}
	r.until(patience, "the news of what is pending", func(s *dbus.Signal) bool {
		if s.Path != vm || s.Name != "org.freedesktop.DBus.Properties.PropertiesChanged" {
			return false
		}
		_, there := s.Body[1].(map[string]dbus.Variant)["PendingChanges"]
		return there
	})

	r.must(vm, "VM.PowerOff", wait())
	shows("turned off", 1)
	if pending := r.get(vm, "VM.PendingChanges").([]string); len(pending) > 0 {
		t.Errorf("turned off, %v is pending", pending)
	}
	r.must(vm, "VM.Start", wait())
	shows("booted again", 1)
	if live, _ := machineXML(t, "machine"); !strings.Contains(live, "cores='2' threads='2'/>") || !strings.Contains(live, "OVMF") {
		t.Errorf("booted again, it is\n%s", live)
	}
	r.must(vm, "VM.PowerOff", wait())
	r.must(vm, "VM.Configure", with("firmware", "bios", "cpu-mode", "custom", "cpu-model", "qemu64", "max-vcpus", uint32(1), "max-memory", uint64(64<<20)), none())
	properties = map[string][2]any{
		"Firmware": {nil, "bios"}, "CPUMode": {nil, "custom"}, "CPUModel": {nil, "qemu64"}, "MaxVCPUs": {nil, uint32(1)},
		"VCPUs": {nil, uint32(1)}, "CPUSockets": {nil, uint32(0)}, "MaxMemory": {nil, uint64(64 << 20)}, "Memory": {nil, uint64(64 << 20)},
	}
	shows("taken back", 1)
	r.must(vm, "VM.Start", wait())
	r.must(vm, "VM.PowerOff", wait())
}

// TestUEFIsVariablesBeginAnew with another firmware, and only then.
func TestUEFIsVariablesBeginAnew(t *testing.T) {
	root := as(t, "root")
	disk := "/var/lib/libvirt/images/variables.qcow2"
	virsh(t, "vol-create-as", "default", "variables.qcow2", "1MiB", "--format", "qcow2")
	t.Cleanup(func() { virsh(t, "vol-delete", disk) })
	vm := vmXML{
		Name: "variables", MemoryMiB: 128,
		Devices: "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='" + disk + "'/><target dev='vda' bus='virtio'/></disk>",
	}.make(t, root)
	file := func() string {
		t.Helper()
		_, stored := machineXML(t, "variables")
		_, rest, _ := strings.Cut(stored, "<nvram")
		_, rest, _ = strings.Cut(rest, ">")
		path, _, _ := strings.Cut(rest, "<")
		return path
	}
	there := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	seen := map[string]bool{}
	boots := func(signed bool) string {
		t.Helper()
		path := file()
		if path == "" || seen[path] || there(path) {
			t.Errorf("it begins with the variables in %q", path)
		}
		seen[path] = true
		root.must(vm, "VM.Start", wait())
		variables, err := os.ReadFile(path)
		if err != nil || bytes.Contains(variables, []byte("Microsoft Corporation UEFI CA")) != signed || root.get(vm, "VM.SecureBoot") != signed {
			t.Errorf("with Secure Boot %v it has no such variables: %v", signed, err)
		}
		return path
	}
	root.must(vm, "VM.Configure", with("firmware", "uefi"), none())
	first := boots(false)
	root.must(vm, "VM.PowerOff", wait())
	root.must(vm, "VM.Configure", with("firmware", "uefi", "secure-boot", false), none())
	if file() != first || !there(first) {
		t.Error("what stays as it was has begun anew")
	}
	root.must(vm, "VM.Configure", with("secure-boot", true), none())
	if there(first) {
		t.Error("the old variables are left")
	}
	second := boots(true)
	root.must(vm, "VM.Configure", with("secure-boot", false), none()) // while it runs
	if !there(second) {
		t.Error("the VM that runs has lost its variables")
	}
	root.must(vm, "VM.PowerOff", wait())
	third := boots(false)
	root.must(vm, "VM.PowerOff", wait())
	root.must(vm, "VM.Configure", with("firmware", "bios"), none())
	if there(third) {
		t.Error("a BIOS has variables")
	}
	root.must(vm, "VM.Configure", with("firmware", "uefi", "secure-boot", true), none())
	fourth := boots(true)
	root.must(vm, "VM.PowerOff", wait())
	virsh(t, "snapshot-create-as", "variables", "before", "--disk-only")
	t.Cleanup(func() { _ = os.Remove("/var/lib/libvirt/images/variables.before") })
	root.must(vm, "VM.Configure", with("secure-boot", false), none())
	last := boots(false)
	root.must(vm, "VM.PowerOff", wait())
	if !there(fourth) {
		t.Error("a snapshot has lost its variables")
	}
	root.must(vm, "VM.Delete", wait())
	if there(last) {
		t.Error("the variables outlive the VM")
	}
	for _, path := range []string{second, fourth} {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// TestNobodyBeginsWithTheVariablesOfAnotherVM that was called as it is now.
func TestNobodyBeginsWithTheVariablesOfAnotherVM(t *testing.T) {
	root := as(t, "root")
	variables := func(name string) string {
		t.Helper()
		_, stored := machineXML(t, name)
		_, rest, _ := strings.Cut(stored, "<nvram")
		_, rest, _ = strings.Cut(rest, ">")
		path, _, _ := strings.Cut(rest, "<")
		return path
	}
	makes := func(name string) dbus.ObjectPath {
		t.Helper()
		xml := strings.Replace(vmXML{Name: name, MemoryMiB: 128}.String(), "<os>", "<os firmware='efi'>", 1)
		vm := root.must(localHost, "Host.DefineXML", xml, none())[0].(dbus.ObjectPath)
		forget(t, virsh(t, "domuuid", name))
		return vm
	}
	old := makes("called so")
	files := []string{variables("called so")}
	if files[0] != "/var/lib/libvirt/qemu/nvram/called so_VARS.fd" {
		t.Errorf("where nothing is, it has %s", files[0])
	}
	root.must(old, "VM.Rename", "called otherwise", none())
	vm := makes("called so") // as long as the file is not there
	files = append(files, variables("called so"))
	root.must(vm, "VM.Delete", wait())
	root.must(old, "VM.Start", wait())
	root.must(old, "VM.PowerOff", wait())
	vm = makes("called so")
	files = append(files, variables("called so"))
	root.must(vm, "VM.Delete", wait())
	clone := result(root, old, "Clone", "called so", wait())["vm"].Value().(dbus.ObjectPath)
	forget(t, root.get(clone, "VM.UUID").(string))
	files = append(files, variables("called so"))
	slices.Sort(files)
	if len(slices.Compact(files)) != 4 {
		t.Errorf("they have %v", files)
	}
	if _, err := os.Stat(variables("called otherwise")); err != nil {
		t.Errorf("it has lost its own: %v", err)
	}
}

// TestAMachineThatCannotBeStaysAsItIs: all of what is asked for is stored, or
// nothing.
func TestAMachineThatCannotBeStaysAsItIs(t *testing.T) {
	root := as(t, "root")
	vm := vmXML{Name: "machine", MemoryMiB: 128}.make(t, root)
	_, before := machineXML(t, "machine")
	version := root.get(vm, "VM.ConfigVersion").(uint64)
	more := uint64(256 << 20)
	for kind, list := range map[string][]map[string]dbus.Variant{
		"NotSupported": {with("max-memory", more, "machine-type", "pc-i440fx-9.2")},
		"InvalidArgument": {
			{},
			with("max-memory", more, "colour", "red"), with("max-memory", "much"), with("max-memory", more, "secure-boot", true),
			with("max-memory", more, "cpu-model", "qemu64"), with("max-memory", more, "cpu-mode", "fast"),
			with("max-vcpus", uint32(3), "cpu-cores", uint32(2)), with("max-memory", uint64(0)),
		},
	} {
		for _, changes := range list {
			root.refused(kind, vm, "VM.Configure", changes, none())
		}
	}
	if err := root.call(vm, "VM.Configure", with("max-memory", more, "machine-type", "pc-q35-99.0"), none()).Err; err == nil {
		t.Error("a machine that nobody has is taken")
	}
	virsh(t, "desc", "machine", "--config", "--title", "by virsh")
	root.refused("VersionMismatch", vm, "VM.Configure", with("max-memory", more), with("expected-version", version))
	virsh(t, "desc", "machine", "--config", "--title", "")
	if _, after := machineXML(t, "machine"); after != before {
		t.Errorf("it became\n%s\nand was\n%s", after, before)
	}
	eventually(t, "the last title", func() bool { return root.get(vm, "VM.Title") == "" })
	version = root.get(vm, "VM.ConfigVersion").(uint64)
	root.must(vm, "VM.Configure", with("max-memory", more), with("expected-version", version))
	root.refused("VersionMismatch", vm, "VM.Configure", with("max-memory", uint64(more/2)), with("expected-version", version))
	if got := root.get(vm, "VM.MaxMemory"); got != more {
		t.Errorf("its memory is %v", got)
	}
}
