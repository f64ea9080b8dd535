package store

import (
	"fmt"
	"time"

	"org.kvmmanager/internal/model"
)

// SnapshotRequest is a snapshot that a person wants.
type SnapshotRequest struct {
	Name, Description string
	Memory            bool
	Quiesce           bool               // the guest freezes its file systems meanwhile
	Kind              model.SnapshotKind // empty: whatever is possible
}

// SnapshotKinds is what the dialog for a new snapshot offers, in its order.
var SnapshotKinds = []model.SnapshotKind{"", model.SnapshotInternal, model.SnapshotExternal}

// SnapshotName is a name for a snapshot that is taken now, which any VM can have
// and none of these has.
func SnapshotName(prefix string, now time.Time, all []*model.Snapshot) string {
	base := prefix + now.Local().Format("2006-01-02-150405")
	name := base
	for n := 2; snapshotNamed(all, name) != nil; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// SnapshotProblem says what is wrong with a request, as far as that can be seen
// from here; empty when nothing is.
func (w Words) SnapshotProblem(r SnapshotRequest, vm *model.VM, all []*model.Snapshot) string {
	switch {
	case r.Name == "":
		return w.text("A snapshot needs a name.")
	case snapshotNamed(all, r.Name) != nil:
		return w.text("There is a snapshot with this name already.")
	case model.ValidateSnapshotName(r.Name) != nil:
		return w.text("A name has no slash, does not begin with a dot or a space, and is not longer than 128 bytes.")
	case vm.State.Active() && r.Kind != model.SnapshotExternal && !r.Quiesce && !plain(r.Name):
		return w.text("While the virtual machine is on, a name has only the letters A to Z, digits, “.”, “-” and “_”, unless the snapshot is in files of its own.")
	case len(r.Description) > model.MaxDescription:
		return w.text("The description is too long.")
	}
	return ""
}

// plain is whether QEMU takes a name for a snapshot inside of its images.
func plain(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func snapshotNamed(all []*model.Snapshot, name string) *model.Snapshot {
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Below is how many snapshots would be deleted with one and its children.
func Below(s *model.Snapshot, all []*model.Snapshot) int {
	n := 0
	for _, other := range all {
		if other.Parent == s.Path() && other != s {
			n += 1 + Below(other, all)
		}
	}
	return n
}

// RevertLoses says what going back to a snapshot costs.
func (w Words) RevertLoses(vm *model.VM, s *model.Snapshot) string {
	text := fmt.Sprintf(w.text("“%s” becomes what it was then. What has changed on its disks and in its hardware since, and is in no other snapshot, is lost."), Title(vm))
	if vm.State.Active() {
		text += " " + w.text("Its guest is stopped as if its plug were pulled.")
	}
	if s.VMState != model.VMShutOff {
		text += " " + w.text("It goes on from the memory that the snapshot has.")
	}
	return text
}
