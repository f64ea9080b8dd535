package model

import (
	"slices"
	"strings"
	"time"
)

// SnapshotKind says where the data of a snapshot is.
type SnapshotKind string

// The kinds of snapshots.
const (
	SnapshotInternal SnapshotKind = "internal" // inside the VM's disk images
	SnapshotExternal SnapshotKind = "external" // the disks go on in new images on top of the old ones
)

// Snapshot is a state of a VM that it can go back to.
type Snapshot struct {
	Name        string
	VM          Path
	Description string
	CreatedAt   time.Time
	Parent      Path // empty for a root
	Children    []Path
	Current     bool    // what the VM has now began there
	VMState     VMState // running, paused or shut-off: how the VM is after a revert
	Kind        SnapshotKind

	// Truncated names the properties that were cut, in what a client has read. The
	// service leaves it empty.
	Truncated []string
}

// Path is the snapshot's object path.
func (s *Snapshot) Path() Path { return snapshotPath(s.VM, s.Name) }

// SnapshotPath is the path of a VM's snapshot with this name.
func SnapshotPath(vmUUID, name string) Path { return snapshotPath(VMPath(vmUUID), name) }

func snapshotPath(vm Path, name string) Path { return vm + snapshotsBelow + Path(EscapeName(name)) }

const snapshotsBelow = "/snapshots/"

// VMOfSnapshot is the path of the VM that a snapshot's path is below; empty for
// any other path.
func VMOfSnapshot(path Path) Path {
	vm, name, found := strings.Cut(string(path), snapshotsBelow)
	if !found || name == "" {
		return ""
	}
	return Path(vm)
}

// Snapshot is the VM's snapshot at this path; nil when there is none.
func (v *VM) Snapshot(path Path) *Snapshot {
	for _, s := range v.Snapshots {
		if s.Path() == path {
			return s
		}
	}
	return nil
}

// LinkSnapshots completes a VM's new snapshots: parents is the name of each
// one's parent, by its own name. A parent that is not there is none.
func LinkSnapshots(vmUUID string, list []*Snapshot, parents map[string]string) {
	byName := make(map[string]*Snapshot, len(list))
	for _, s := range list {
		s.VM, s.Parent, s.Children = VMPath(vmUUID), "", nil
		byName[s.Name] = s
	}
	for _, s := range list {
		if parent := byName[parents[s.Name]]; parent != nil && parent != s {
			s.Parent = parent.Path()
			parent.Children = append(parent.Children, s.Path())
		}
	}
	for _, s := range list {
		slices.Sort(s.Children)
	}
	slices.SortFunc(list, func(a, b *Snapshot) int { return strings.Compare(a.Name, b.Name) })
}
