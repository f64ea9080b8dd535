//go:build system

package system_test

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// vmNow is what is compared of a VM. Everything is what libvirt says.
type vmNow struct {
	uuid     string
	running  bool
	title    string
	memory   string // now and at the next boot, in KiB
	devices  int    // random number generators
	template bool
	volumes  []string // of its disks and drives
}

// world is all VMs of the test, by name.
type world map[string]vmNow

func (w world) clone() world {
	copied := make(world, len(w))
	for name, vm := range w {
		copied[name] = vm
	}
	return copied
}

// maker makes an operation on a VM; one without a method is none.
type maker func(about string, before world) operation

func ofVM(vm vmNow, method string, args ...any) operation {
	return operation{method: "VM." + method, object: vmPath(vm.uuid), args: args}
}

// edited is an operation that changes one VM.
func edited(o operation, about string, edit func(*vmNow)) operation {
	o.after = func(w world) {
		vm := w[about]
		edit(&vm)
		w[about] = vm
	}
	return o
}

// newVM creates a VM of one of the sources.
func (w *wild) newVM(about string, _ world) operation {
	start := w.rand.IntN(3) == 0
	spec := with("name", about, "memory", uint64(32<<20), "vcpus", uint32(1), "start", start, "networks", []map[string]dbus.Variant{})
	volumes := []string{about + ".qcow2"}
	switch w.rand.IntN(4) {
	case 0:
		spec["disk-size"] = dbus.MakeVariant(uint64(1 << 30))
	case 1:
		spec["source"] = dbus.MakeVariant(with("kind", "image", "fd", w.opens(w.some)))
		volumes = []string{about + ".img"}
	case 2:
		spec["source"] = dbus.MakeVariant(with("kind", "iso", "fd", w.opens(w.some)))
		spec["disk-size"] = dbus.MakeVariant(uint64(1 << 30))
		volumes = []string{about + ".iso", about + ".qcow2"}
	default:
		spec["source"] = dbus.MakeVariant(with("kind", "cloud", "fd", w.opens(tinyDisk)))
		spec["cloud-init"] = dbus.MakeVariant(with("user", "a", "password", "b"))
		volumes = []string{about + "-cloud-init.iso", about + ".qcow2"}
	}
	if i := slices.IndexFunc(volumes, func(name string) bool { return w.loose[name] }); i >= 0 {
		w.closeFiles()
		return w.clear(volumes[i]) // its own would have another name
	}
	o := operation{method: "Host.CreateVM", object: localHost, args: []any{spec, none()}, job: true}
	o.after = func(world world) { world[about] = vmNow{running: start, memory: "32768", devices: 1, volumes: volumes} }
	o.also = func(world world) bool {
		return start && !world[about].running && slices.Equal(world[about].volumes, volumes)
	}
	return o
}

// clear deletes a volume that is in the way, unless a VM or another volume needs
// it.
func (w *wild) clear(name string) operation {
	o := operation{method: "StorageVolume.Delete", object: objectOf(w.t, name), args: []any{none()}, job: true, clears: name}
	o.after = func(world) {}
	return o
}

// change makes one of the operations on a VM that is there.
func (w *wild) change(vm vmNow) maker {
	if vm.running {
		return []maker{w.powerOff, w.powerOff, w.title, w.more, w.pause}[w.rand.IntN(5)]
	}
	return []maker{w.start, w.start, w.title, w.memory, w.more, w.fewer, w.clone, w.clone, w.template, w.move, w.move, w.remove, w.remove}[w.rand.IntN(13)]
}

func (w *wild) start(about string, before world) operation {
	o := edited(ofVM(before[about], "Start", none()), about, func(vm *vmNow) { vm.running = true })
	o.job = true
	return o
}

func (w *wild) powerOff(about string, before world) operation {
	o := edited(ofVM(before[about], "PowerOff", none()), about, func(vm *vmNow) { vm.running = false })
	o.job = true
	return o
}

// pause leaves it running in the sense of the model.
func (w *wild) pause(about string, before world) operation {
	o := edited(ofVM(before[about], []string{"Pause", "Resume"}[w.rand.IntN(2)], none()), about, func(*vmNow) {})
	o.job = true
	return o
}

func (w *wild) title(about string, before world) operation {
	title := []string{"", "A & <b>", "שלום 💻"}[w.rand.IntN(3)]
	return edited(ofVM(before[about], "SetTitle", title, none()), about, func(vm *vmNow) { vm.title = title })
}

func (w *wild) memory(about string, before world) operation {
	more := w.rand.IntN(2) == 0
	bytes, kib := uint64(32<<20), "32768"
	if more {
		bytes, kib = 48<<20, "49152"
	}
	return edited(ofVM(before[about], "SetMemory", bytes, none()), about, func(vm *vmNow) { vm.memory = kib })
}

// more adds a device for the next boot.
func (w *wild) more(about string, before world) operation {
	if before[about].devices > 3 {
		return operation{}
	}
	o := ofVM(before[about], "AddDevice", with("kind", "rng"), with("apply", "next-boot"))
	return edited(o, about, func(vm *vmNow) { vm.devices++ })
}

func (w *wild) fewer(about string, before world) operation {
	if before[about].devices == 0 {
		return operation{}
	}
	return edited(ofVM(before[about], "RemoveDevice", "rng-0", none()), about, func(vm *vmNow) { vm.devices-- })
}

func (w *wild) template(about string, before world) operation {
	on := !before[about].template
	return edited(ofVM(before[about], "SetTemplate", on, none()), about, func(vm *vmNow) { vm.template = on })
}

// clone makes another of the VMs of this one, linked if it is a template.
func (w *wild) clone(about string, before world) operation {
	name := names[w.rand.IntN(len(names))]
	if _, there := before[name]; there {
		return operation{}
	}
	original := before[about]
	volumes := cloneVolumes(original, name)
	if volumes == nil || slices.ContainsFunc(volumes, func(name string) bool { return w.loose[name] }) {
		return operation{}
	}
	o := ofVM(original, "Clone", name, with("linked", original.template))
	o.job = true
	o.after = func(world world) {
		copied := original
		copied.uuid, copied.title, copied.volumes, copied.template = "", "", volumes, false
		world[name] = copied
	}
	return o
}

// cloneVolumes is what a clone's disks are called, which are where those of the
// original are. Its media are those of the original.
func cloneVolumes(original vmNow, name string) []string {
	var volumes []string
	for _, v := range original.volumes {
		pool := v[:len(v)-len(filepath.Base(v))]
		switch {
		case strings.HasSuffix(v, ".iso"):
			volumes = append(volumes, v)
		case original.template:
			volumes = append(volumes, pool+name+".qcow2")
		default:
			volumes = append(volumes, pool+name+filepath.Ext(v))
		}
	}
	slices.Sort(volumes)
	return volumes
}

// remove deletes a VM with its disks or without.
func (w *wild) remove(about string, before world) operation {
	options := none()
	loose := before[about].volumes
	if w.rand.IntN(3) > 0 {
		options = with("delete-storage", []string{"*"})
		bases := w.bases()
		// Media stay, and what others are made of.
		loose = slices.DeleteFunc(slices.Clone(loose), func(name string) bool { return !strings.HasSuffix(name, ".iso") && !bases[name] })
	}
	o := ofVM(before[about], "Delete", options)
	o.job, o.loosens = true, loose
	o.after = func(world world) { delete(world, about) }
	return o
}
