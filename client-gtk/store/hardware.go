package store

import (
	"errors"
	"slices"
	"strconv"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// HardwareOp is what a change of hardware does.
type HardwareOp int

// The changes of hardware.
const (
	AddDevice HardwareOp = iota
	UpdateDevice
	RemoveDevice
	ResizeDisk
	SetBootOrder
	ConfigureMachine
)

// HardwareChange is a change of a VM's hardware that a person wants. The service
// refuses it if the VM's configuration has another version by then.
type HardwareChange struct {
	Op      HardwareOp
	ID      string         // of the device
	Values  map[string]any // of the device record
	Size    uint64         // of a disk, in bytes
	Order   []string       // ids of devices
	New     *NewImage      // which the device gets; nil for none
	Version uint64
}

// Outcome is what becomes of a change.
type Outcome struct{ Now, NextBoot bool }

// Addition is the change that adds a device.
func Addition(kind model.DeviceKind, f *Form, v Values, vm *model.VM, s Surroundings) HardwareChange {
	values := f.Record(v)
	values["kind"] = string(kind)
	return HardwareChange{Op: AddDevice, Values: values, New: newImage(v, s), Version: vm.ConfigVersion}
}

// Alterations are the changes that make a device what the form says now. Each
// but the last changes the version that the next one expects.
func Alterations(d *model.Device, f *Form, before, now Values, vm *model.VM, s Surroundings) []HardwareChange {
	var list []HardwareChange
	rest := *f
	rest.Fields = slices.DeleteFunc(slices.Clone(f.Fields), func(f Field) bool { return f.Key == sizeKey })
	if volume := newImage(now, s); volume != nil {
		return []HardwareChange{{Op: UpdateDevice, ID: d.ID, Values: map[string]any{}, New: volume, Version: vm.ConfigVersion}}
	}
	if values := rest.Changed(before, now); len(values) > 0 {
		for _, key := range []string{"cache", "discard"} {
			if values[key] == "" {
				values[key] = map[string]string{"cache": "default", "discard": "ignore"}[key]
			}
		}
		list = append(list, HardwareChange{Op: UpdateDevice, ID: d.ID, Values: values, Version: vm.ConfigVersion})
	}
	if size, _ := strconv.ParseUint(now[sizeKey], 10, 64); now[sizeKey] != before[sizeKey] && size > 0 {
		list = append(list, HardwareChange{Op: ResizeDisk, ID: d.ID, Size: size, Version: vm.ConfigVersion})
	}
	return list
}

// When says what becomes of a change of a VM.
func (w Words) When(o Outcome, vm *model.VM) string {
	switch {
	case !vm.State.Active():
		return w.text("Takes effect when the virtual machine is started")
	case o.Now && o.NextBoot, o.Now && !vm.Persistent:
		return w.text("Takes effect now")
	case o.Now:
		return w.text("Takes effect now, and is gone when the virtual machine is turned off")
	default:
		return w.text("Takes effect when the virtual machine was off and is started again")
	}
}

// Lost says in words that somebody else was faster; empty for any other error.
func (w Words) Lost(err error) string {
	if !errs.Is(err, errs.VersionMismatch) {
		return ""
	}
	return w.text("Somebody else has changed the virtual machine meanwhile, so nothing was done. It is shown as it is now: look at it again, and repeat the change if it still makes sense.")
}

// ErrUnknown says that nobody can say before what becomes of a change.
var ErrUnknown = errors.New("it is not known before")

// Devices is all devices of a VM.
func Devices(vm *model.VM) []*model.Device {
	return slices.Concat(vm.Disks, vm.Interfaces, vm.Graphics, vm.Consoles, vm.Shares, vm.Devices)
}

// Device is the device of a VM with this id, or nil.
func Device(vm *model.VM, id string) *model.Device {
	for _, d := range Devices(vm) {
		if d.ID == id {
			return d
		}
	}
	return nil
}

// BootEntry is a device that a VM can boot from.
type BootEntry struct {
	*model.Device
	On bool // it is in the order
}

// BootEntries is what a VM can boot from: what it tries, in its order, then the
// rest.
func BootEntries(vm *model.VM) []BootEntry {
	rest := map[string]*model.Device{}
	var ids []string
	for _, d := range slices.Concat(vm.Disks, vm.Interfaces) {
		rest[d.ID] = d
		ids = append(ids, d.ID)
	}
	order := vm.BootOrder
	var list []BootEntry
	add := func(id string, on bool) {
		if d := rest[id]; d != nil {
			delete(rest, id)
			list = append(list, BootEntry{d, on})
		}
	}
	for _, id := range order {
		add(id, true)
		// The old style of order has kinds instead of devices.
		for _, other := range ids {
			if d := rest[other]; d != nil && legacy[id] == d.Kind {
				add(other, true)
			}
		}
	}
	for _, id := range ids {
		add(id, false)
	}
	return list
}

var legacy = map[string]model.DeviceKind{
	"hd": model.KindDisk, "cdrom": model.KindCDROM, "network": model.KindInterface, "fd": model.KindFloppy,
}

// MoveEntry moves what is at one place to another.
func MoveEntry[T any](list []T, from, to int) []T {
	if from < 0 || from >= len(list) || to < 0 || to >= len(list) {
		return list
	}
	moved := list[from]
	return slices.Insert(slices.Delete(slices.Clone(list), from, from+1), to, moved)
}
