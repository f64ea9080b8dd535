package store

import (
	"fmt"
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// propertyNames is what properties of a VM are called in a sentence.
var propertyNames = map[string]string{
	"Title": mark("Title"), "Description": mark("Description"), "Tags": mark("Tags"), "OSId": mark("System"),
	"VCPUs": mark("Processors"), "MaxVCPUs": mark("Most processors"), "Memory": mark("Memory"), "MaxMemory": mark("Most memory"), "SharedMemory": mark("Shared memory"),
	"Architecture": mark("Architecture"), "MachineType": mark("Machine type"), "Firmware": mark("Firmware"), "SecureBoot": mark("Secure Boot"), "TPM": mark("TPM"),
	"CPUMode": mark("Processor model"), "CPUModel": mark("Processor model"), "BootOrder": mark("Boot order"),
	"CPUSockets": mark("Processor topology"), "CPUDies": mark("Processor topology"), "CPUCores": mark("Processor topology"), "CPUThreads": mark("Processor topology"),
}

// Pending says what the next start of a VM changes; empty when that is nothing.
func (w Words) Pending(vm *model.VM) string {
	var names []string
	for _, change := range vm.PendingChanges {
		name := lookUp(w, propertyNames, change)
		if d := Device(vm, change); d != nil {
			name = w.DeviceTitle(d)
		} else if kind := kindOf(change); kind != "" {
			name = w.deviceOf(kind, change)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	// TRANSLATORS: the changes are a list, such as Memory, Disk · vdb.
	return fmt.Sprintf(w.text("Some changes take effect when the virtual machine is started again: %s"), strings.Join(names, ", "))
}

// DeviceTitle is what a device is called in a list.
func (w Words) DeviceTitle(d *model.Device) string {
	name := d.Model
	switch {
	case d.Kind == model.KindDisk, d.Kind == model.KindCDROM, d.Kind == model.KindFloppy:
		name = d.Target
	case d.Kind == model.KindShare:
		name = d.Tag
	case name == "":
		name = d.Type
	}
	return Join(w.DeviceKind(d.Kind), name)
}

// kindOf is the kind of device that an id begins with; empty if there is none.
func kindOf(id string) (kind model.DeviceKind) {
	for k := range kinds {
		if strings.HasPrefix(id, string(k)+"-") && len(k) > len(kind) {
			kind = k
		}
	}
	return kind
}

// deviceOf is what a device is called that the VM does not have yet. A mere
// number in its id says nothing to people.
func (w Words) deviceOf(kind model.DeviceKind, id string) string {
	name := strings.TrimPrefix(id, string(kind)+"-")
	if strings.Trim(name, "0123456789") == "" {
		name = ""
	}
	return Join(w.DeviceKind(kind), name)
}
