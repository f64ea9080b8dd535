package store

import (
	"fmt"
	"path"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// DiskChoice is a disk in the question what to delete with a VM.
type DiskChoice struct {
	ID      string
	Label   string
	Can     bool // it can be deleted, and is unless a person says otherwise
	Deleted bool
}

// DiskChoices is what can be deleted with a VM: the disks that no other VM uses.
// Whether a volume is the base of another one is for the service to say.
func (w Words) DiskChoices(vm *model.VM, all []*model.VM, permissions map[string]client.Permission) []DiskChoice {
	var choices []DiskChoice
	for _, d := range vm.Disks {
		if d.Kind != model.KindDisk || d.Source == "" && d.Volume == "" {
			continue
		}
		label := fmt.Sprintf("%s · %s", d.Target, imageName(d))
		if d.Capacity > 0 {
			label += " · " + w.Size(d.Capacity)
		}
		why := ""
		switch other := diskUser(vm, d, all); {
		case permissions[rightStorage] == client.Denied:
			why = w.text("you may not delete storage")
		case d.ReadOnly, d.Shareable:
			why = w.text("shared or read-only")
		case other != nil:
			why = fmt.Sprintf(w.text("“%s” uses it, too"), Title(other))
		}
		if why != "" {
			label += " · " + why
		}
		choices = append(choices, DiskChoice{ID: d.ID, Label: label, Can: why == "", Deleted: why == ""})
	}
	return choices
}

// imageName is what people know an image by.
func imageName(d *model.Device) string {
	if d.Volume != "" {
		return d.Volume
	}
	return path.Base(d.Source)
}

// diskUser is another VM of the same host with the same image.
func diskUser(vm *model.VM, d *model.Device, all []*model.VM) *model.VM {
	for _, other := range all {
		if other.UUID == vm.UUID || other.Host != vm.Host {
			continue
		}
		for _, theirs := range other.Disks {
			if d.Volume != "" && theirs.Volume == d.Volume && theirs.Pool == d.Pool || d.Source != "" && theirs.Source == d.Source {
				return other
			}
		}
	}
	return nil
}
