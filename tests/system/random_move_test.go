//go:build system

package system_test

import (
	"os"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// move puts a disk or a medium of a VM into the other pool, from a pool or from a
// folder that is none.
func (w *wild) move(about string, before world) operation {
	vm := before[about]
	if len(vm.volumes) == 0 || vm.template {
		return operation{}
	}
	from := vm.volumes[w.rand.IntN(len(vm.volumes))]
	to := across(from)
	if w.loose[to] {
		return w.clear(to) // it would have another name
	}
	if _, err := os.Lstat(placeOf(to)); err == nil {
		return operation{}
	}
	deletes := w.rand.IntN(3) > 0
	options := none()
	if deletes {
		options = with("delete-original", true)
	}
	o := edited(ofVM(vm, "MoveDisk", w.diskOn(vm, from), poolOf(w.t, to), options), about, func(vm *vmNow) {
		volumes := append(slices.Clone(vm.volumes), to)
		vm.volumes = slices.DeleteFunc(volumes, func(v string) bool { return v == from })
		slices.Sort(vm.volumes)
	})
	o.job, o.sure, o.moves, o.deletes = true, true, from, deletes
	o.outside = strings.HasPrefix(from, elsewhere) && w.rand.IntN(2) == 0
	return o
}

// diskOn is the id of the disk or drive that has a volume.
func (w *wild) diskOn(vm vmNow, volume string) string {
	w.t.Helper()
	var id string
	eventually(w.t, volume+" is shown as a disk", func() bool {
		for _, disk := range w.c.get(vmPath(vm.uuid), "VM.Disks").([]map[string]dbus.Variant) {
			if path, _ := disk["source"].Value().(string); path != "" && volumeAt(path) == volume {
				id = disk["id"].Value().(string)
			}
		}
		return id != ""
	})
	return id
}

// movedAway looks what became of the original: it goes if that was asked for, and
// nobody needs it.
func (w *wild) movedAway(line string, now world, o operation, f fault, r outcome) {
	w.t.Helper()
	for _, vm := range now {
		if slices.Contains(vm.volumes, o.moves) {
			return // it has to be there, which is looked at for all
		}
	}
	base := w.bases()[o.moves]
	kept := r == succeeded && w.result["kept"].Value() != nil
	if kept && !base && f.name != withoutLibvirt {
		w.t.Errorf("%s: the original stays: %v", line, w.result["kept"])
	}
	there := func() bool {
		_, err := os.Lstat(placeOf(o.moves))
		return err == nil
	}
	switch {
	case !o.deletes, base, kept:
		if !there() {
			w.t.Errorf("%s: the original is gone", line)
		}
		w.loose[o.moves] = true
	case o.outside && r == unknown && there():
		w.loose[o.moves] = true // what is in no pool is nothing that the service would clear up
	default:
		delete(w.loose, o.moves)
		eventually(w.t, "the original is gone", func() bool { return !there() })
	}
}
