package store

import (
	"slices"

	"org.kvmmanager/internal/model"
)

// PoolKindsOf is what the dialog for a storage pool offers, in its order, of what
// a host can do. A folder can be had everywhere.
func PoolKindsOf(can []string) []string {
	all := []string{"dir", "netfs", "fs", "logical", "disk", "iscsi", "rbd", "zfs"}
	return slices.DeleteFunc(all, func(kind string) bool { return kind != "dir" && !slices.Contains(can, kind) })
}

// PoolForm is a storage pool as a person writes it down.
type PoolForm struct {
	Name, Kind           string
	Server, Path, Device string
	Source               string // name of a volume group, a target, a pool of another kind
	Target               string // empty: chosen
	Build, Autostart     bool
}

// Needs says by the names of the fields which of them the kind has.
func (f PoolForm) Needs() map[string]bool {
	is := func(kinds ...string) bool { return slices.Contains(kinds, f.Kind) }
	return map[string]bool{
		"host": is("netfs", "iscsi", "rbd"), "path": is("netfs"), "device": is("fs", "disk", "logical", "zfs"),
		"source": is("logical", "iscsi", "rbd", "zfs"), "target": is("dir", "fs", "netfs"),
	}
}

// CanBuild is whether there may be something to make on the device.
func (f PoolForm) CanBuild() bool { return f.Needs()["device"] && f.Device != "" }

// Spec is the storage pool to be made. The error is a sentence for people.
func (f PoolForm) Spec() (model.PoolSpec, error) {
	needs := f.Needs()
	s := model.PoolSpec{Name: f.Name, Kind: f.Kind, Autostart: &f.Autostart}
	one := func(field, value string) []string {
		if needs[field] && value != "" {
			return []string{value}
		}
		return nil
	}
	s.SourceHosts, s.SourceDevices = one("host", f.Server), one("device", f.Device)
	if needs["path"] {
		s.SourcePath = f.Path
	}
	if needs["source"] {
		s.SourceName = f.Source
	}
	if needs["target"] {
		s.Target = f.Target
	}
	s.Build = f.Build && f.CanBuild()
	if s.Build && f.Kind == "fs" {
		s.SourceFormat = "ext4"
	}
	return s, sentence(model.ValidatePoolSpec(&s))
}
