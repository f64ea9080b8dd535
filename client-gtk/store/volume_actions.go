package store

import (
	"fmt"
	"path"
	"strings"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// VolumeAction is something that a person can do with a volume.
type VolumeAction string

// What can be done with a volume.
const (
	ResizeVolume   VolumeAction = "resize"
	CloneVolume    VolumeAction = "clone"
	DownloadVolume VolumeAction = "download"
	UploadVolume   VolumeAction = "upload"
	WipeVolume     VolumeAction = "wipe"
	DeleteVolume   VolumeAction = "delete"
)

// VolumeUser is a VM that uses a volume.
type VolumeUser struct {
	Name    string
	Running bool
}

// WhyNotVolume is why somebody with these permissions on a volume's pool cannot
// do something with it now; empty when they can.
func (w Words) WhyNotVolume(
	a VolumeAction, pool *model.StoragePool, users []VolumeUser, host *model.Host, permissions map[string]client.Permission,
) string {
	if why := w.WhyNotPool(MakeVolume, pool, host, permissions); why != "" {
		return why
	}
	for _, user := range users {
		switch {
		case user.Running:
			// TRANSLATORS: the name of a virtual machine.
			return fmt.Sprintf(w.text("“%s” is running with this volume"), user.Name)
		case a == WipeVolume || a == DeleteVolume || a == UploadVolume:
			// TRANSLATORS: the name of a virtual machine.
			return fmt.Sprintf(w.text("“%s” uses this volume"), user.Name)
		}
	}
	return ""
}

// VolumeSummary is a volume in one line.
func (w Words) VolumeSummary(v *model.StorageVolume, users []VolumeUser) []string {
	parts := nonEmpty([]string{v.Format, w.Size(v.Capacity)})
	if len(users) > 0 {
		// TRANSLATORS: the names of virtual machines.
		parts = append(parts, fmt.Sprintf(w.text("used by %s"), userNames(users)))
	}
	return parts
}

func userNames(users []VolumeUser) string {
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = user.Name
	}
	return strings.Join(names, ", ")
}

// VolumeFacts is what to know of a volume, in rows.
func (w Words) VolumeFacts(v *model.StorageVolume, users []VolumeUser) []Fact {
	facts := w.facts()
	facts.add(mark("Size"), w.Size(v.Capacity))
	facts.add(mark("Takes"), w.Size(v.Allocation))
	facts.add(mark("Format"), v.Format)
	facts.add(mark("Place"), v.Place)
	facts.add(mark("Made from"), v.Backing)
	facts.add(mark("Used by"), userNames(users))
	return facts.list
}

// VolumeFormats is what the dialog for a new volume offers, the usual first.
// Kinds of pools whose volumes are no files have none.
func VolumeFormats(poolKind string) []string {
	switch poolKind {
	case "dir", "fs", "netfs":
		return []string{"qcow2", "raw"}
	default:
		return nil
	}
}

// FreeName is a name like this one that no volume of a pool has yet.
func (l *Volumes) FreeName(pool model.Path, name string) string {
	if !l.Has(pool, name) {
		return name
	}
	extension := path.Ext(name)
	base := strings.TrimSuffix(name, extension)
	for n := 2; ; n++ {
		if other := fmt.Sprintf("%s-%d%s", base, n, extension); !l.Has(pool, other) {
			return other
		}
	}
}
