package domainxml

import (
	"slices"
	"strconv"

	"org.kvmmanager/internal/model"
)

// byPlace says whether devices of a kind have nothing that tells them apart but
// their place in the XML, from which their ids come then.
func byPlace(kind model.DeviceKind) bool {
	switch kind {
	case model.KindDisk, model.KindCDROM, model.KindFloppy, model.KindInterface, model.KindGraphics,
		model.KindSerial, model.KindParallel, model.KindConsole, model.KindChannel, model.KindController,
		model.KindShare, model.KindHostDevice:
		return false
	}
	return true
}

// adoptIDs gives the stored definition's devices the ids that they have in the
// running VM, and each that the running VM does not have an id that nothing else
// has: by its place alone, a device that comes with the next boot would go by
// the name of one that goes with it.
func adoptIDs(live, stored []*model.Device) {
	named := func(d *model.Device) bool { return !byPlace(d.Kind) }
	there, open := slices.DeleteFunc(slices.Clone(live), named), slices.DeleteFunc(slices.Clone(stored), named)
	used := make(map[string]bool, len(there))
	for _, d := range there {
		used[d.ID] = true
	}
	for _, same := range []func(l, s *model.Device) bool{
		func(l, s *model.Device) bool { return l.Address == s.Address && alike(l, s) },
		alike,
		changed,
	} {
		open = slices.DeleteFunc(open, func(s *model.Device) bool {
			i := slices.IndexFunc(there, func(l *model.Device) bool { return l.Kind == s.Kind && same(l, s) })
			if i < 0 {
				return false
			}
			s.ID = there[i].ID
			there = slices.Delete(there, i, i+1)
			return true
		})
	}
	for _, s := range open {
		s.ID = unusedID(s.Kind, used)
	}
}

// alike says whether two devices differ in nothing but their ids and what belongs
// to the running VM only.
func alike(live, stored *model.Device) bool {
	l, s := *live, *stored
	l.ID, s.ID = "", ""
	return !deviceDiffers(l, s)
}

// changed says whether a device is another's next state: on the same place, and
// of the same make.
func changed(live, stored *model.Device) bool {
	there := live.Address == stored.Address || live.Address == "" || stored.Address == ""
	return there && live.ID == stored.ID && live.Model == stored.Model && live.Type == stored.Type &&
		live.Bus == stored.Bus && live.Backend == stored.Backend
}

// unusedID is the first number of a kind that nothing has, which it takes.
func unusedID(kind model.DeviceKind, used map[string]bool) string {
	for n := 0; ; n++ {
		if id := string(kind) + "-" + strconv.Itoa(n); !used[id] {
			used[id] = true
			return id
		}
	}
}
