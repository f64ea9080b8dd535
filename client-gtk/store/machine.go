package store

import (
	"maps"
	"slices"
	"strconv"

	"org.kvmmanager/internal/model"
)

const mebibyte = 1 << 20

// The fields of the form for a machine that are numbers with a meaning of their
// own: 0 leaves the topology to the hypervisor, and memory counts MiB.
var topologyKeys = []string{"cpu-sockets", "cpu-cores", "cpu-threads"}

const maxMemoryKey = "max-memory"

// MachineForm is what can be changed about a VM's machine, and what it has now.
func (w Words) MachineForm(vm *model.VM) (Form, Values) {
	modes := choice("cpu-mode", mark("Processor Model"), []Choice{
		{"", mark("As the hypervisor likes")},
		{"host-passthrough", mark("That of the host, exactly")},
		{"host-model", mark("Like that of the host")},
		{"maximum", mark("As much as possible")},
		{"custom", mark("By its name")},
	})
	custom := map[string]string{"cpu-mode": "custom"}
	number := func(key, label string, most uint64) Field {
		return Field{Key: key, Label: label, Kind: FieldNumber, Most: most}
	}
	uefi := map[string]string{"firmware": string(model.FirmwareUEFI)}
	fields := []Field{
		modes,
		{Key: "cpu-model", Label: mark("Name of the Model"), Kind: FieldText, When: custom, Needed: true},
		number("cpu-sockets", mark("Sockets, 0 for any"), 64), number("cpu-cores", mark("Cores of a Socket, 0 for any"), 512), number("cpu-threads", mark("Threads of a Core, 0 for any"), 8),
		{Key: maxMemoryKey, Label: mark("Most Memory in MiB"), Kind: FieldNumber, Least: 1, Most: 1 << 26},
		{Key: "machine-type", Label: mark("Machine Type"), Kind: FieldText, Needed: true},
		choice("firmware", mark("Firmware"), []Choice{{"bios", "BIOS"}, {"uefi", "UEFI"}}),
		{Key: "secure-boot", Label: mark("Secure Boot"), Kind: FieldSwitch, When: uefi},
		{Key: "shared-memory", Label: mark("Memory Can Be Shared, as Folders Need"), Kind: FieldSwitch},
	}
	decimal := func(n uint64) string { return strconv.FormatUint(n, 10) }
	now := Values{
		"cpu-mode": vm.CPUMode, "cpu-model": vm.CPUModel, "machine-type": vm.MachineType, "firmware": string(vm.Firmware), maxMemoryKey: decimal(vm.MaxMemory / mebibyte),
		"cpu-sockets": decimal(uint64(vm.CPUSockets)), "cpu-cores": decimal(uint64(vm.CPUCores)), "cpu-threads": decimal(uint64(vm.CPUThreads)),
		"secure-boot": onOff(vm.SecureBoot), "shared-memory": onOff(vm.SharedMemory),
	}
	return Form{
		Title: w.text("Processor and Machine"), Hint: w.text("All of this waits until the virtual machine was off. A guest that was installed with one firmware seldom starts with another."),
		Fields: w.translated(fields),
	}, now
}

func onOff(on bool) string {
	if on {
		return "true"
	}
	return ""
}

// Reconfiguration is the change that makes a machine what the form says now; nil
// if it is that already.
func Reconfiguration(f *Form, before, now Values, vm *model.VM) []HardwareChange {
	values := f.Changed(before, now)
	if mib, _ := strconv.ParseUint(now[maxMemoryKey], 10, 64); values[maxMemoryKey] != nil {
		values[maxMemoryKey] = mib * mebibyte
	}
	differs := func(key string) bool { return before[key] != now[key] }
	if slices.ContainsFunc(topologyKeys, differs) {
		for _, key := range topologyKeys {
			n, _ := strconv.ParseUint(now[key], 10, 32)
			values[key] = uint32(n)
		}
	}
	if values["cpu-model"] != nil { // it belongs to its mode
		values["cpu-mode"] = now["cpu-mode"]
	}
	if now["cpu-mode"] == "custom" && values["cpu-mode"] != nil {
		values["cpu-model"] = now["cpu-model"]
	}
	if len(values) == 0 {
		return nil
	}
	return []HardwareChange{{Op: ConfigureMachine, Values: maps.Clone(values), Version: vm.ConfigVersion}}
}
