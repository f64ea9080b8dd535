package inventory

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// CheckStart says what in this picture keeps a VM from starting: its networks
// and pools, and what another VM has that it wants, too.
func (h *Host) CheckStart(vm *model.VM) []model.StartCheck {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var checks []model.StartCheck
	if vm.Template {
		checks = append(checks, model.StartCheck{
			ID: "template", Status: model.CheckError, Message: "The virtual machine is a template, which is cloned and not started.",
			Hint: "Clone it, or stop using it as a template.",
		})
	}
	for _, d := range vm.Interfaces {
		checks = append(checks, h.checkNetwork(d)...)
	}
	for _, d := range vm.Disks {
		checks = append(checks, h.checkPool(d)...)
	}
	for _, other := range sorted(h.vms, func(v *model.VM) string { return v.Name + "\x00" + v.UUID }) {
		if other.UUID != vm.UUID && other.State.Active() {
			checks = append(checks, h.taken(vm, other)...)
		}
	}
	// Two disks in one pool are one reason.
	return slices.CompactFunc(checks, func(a, b model.StartCheck) bool { return a == b })
}

func (h *Host) checkNetwork(d *model.Device) []model.StartCheck {
	if d.Type != "network" || d.NetworkName == "" {
		return nil
	}
	for _, n := range h.networks {
		if n.Name != d.NetworkName {
			continue
		}
		if n.Active {
			return nil
		}
		return []model.StartCheck{{
			ID: "network", Status: model.CheckError, Message: fmt.Sprintf("The network “%s” is not active.", n.Name),
			Hint: "Start the network.", Fix: model.FixStartNetwork, Object: n.Path(),
		}}
	}
	return []model.StartCheck{{
		ID: "network", Status: model.CheckError, Message: fmt.Sprintf("There is no network called “%s”.", d.NetworkName),
		Hint: "Create the network, or choose another one for the virtual machine.",
	}}
}

func (h *Host) checkPool(d *model.Device) []model.StartCheck {
	for _, p := range h.pools {
		// What is in a folder is there without its pool. What is mounted is not.
		if !p.Active && p.Kind != "dir" && p.Target != "" && strings.HasPrefix(d.Source, p.Target+"/") {
			return []model.StartCheck{asleep(p)}
		}
	}
	if d.Type != "volume" || d.Pool == "" {
		return nil
	}
	for _, p := range h.pools {
		if p.Name != d.Pool {
			continue
		}
		if p.Active {
			return nil
		}
		return []model.StartCheck{asleep(p)}
	}
	return []model.StartCheck{{
		ID: "pool", Status: model.CheckError, Message: fmt.Sprintf("There is no storage pool called “%s”.", d.Pool),
		Hint: "Create the storage pool, or choose another volume for the disk.",
	}}
}

func asleep(p *model.StoragePool) model.StartCheck {
	return model.StartCheck{
		ID: "pool", Status: model.CheckError, Message: fmt.Sprintf("The storage pool “%s” is not active.", p.Name),
		Hint: "Start the storage pool.", Fix: model.FixStartPool, Object: p.Path(),
	}
}

// taken is what a VM that runs has and this one needs for itself.
func (h *Host) taken(vm, other *model.VM) []model.StartCheck {
	var checks []model.StartCheck
	for _, mine := range vm.Disks {
		for _, theirs := range other.Disks {
			if image := h.imageOf(mine); image != "" && image == h.imageOf(theirs) && !together(mine, theirs) {
				checks = append(checks, model.StartCheck{
					ID: "disk", Status: model.CheckError,
					Message: fmt.Sprintf("“%s” is running and uses the image of the disk %s.", other.Name, mine.Target),
					Hint:    fmt.Sprintf("Turn off “%s”, or choose another image.", other.Name),
				})
			}
		}
	}
	for _, mine := range vm.Graphics {
		for _, theirs := range other.Graphics {
			if !mine.AutoPort && mine.Port > 0 && mine.Port == theirs.Port && mine.Listen == theirs.Listen {
				checks = append(checks, model.StartCheck{
					ID: "port", Status: model.CheckError, Message: fmt.Sprintf("“%s” is running and uses port %d.", other.Name, mine.Port),
					Hint: "Choose another port for the display, or let libvirt choose one.",
				})
			}
		}
	}
	for _, mine := range vm.Devices {
		for _, theirs := range other.Devices {
			if mine.Kind == model.KindHostDevice && mine.Source != "" && mine.ID == theirs.ID && mine.Source == theirs.Source {
				checks = append(checks, model.StartCheck{
					ID: "host-device", Status: model.CheckError, Message: fmt.Sprintf("“%s” is running and uses the device %s.", other.Name, mine.Source),
					Hint: fmt.Sprintf("Turn off “%s”, or remove the device from this virtual machine.", other.Name),
				})
			}
		}
	}
	return checks
}

// imageOf is the file, device or volume behind a disk, however the disk names
// it; empty for a drive without medium. The caller holds mu.
func (h *Host) imageOf(d *model.Device) string {
	if d.Source != "" || d.Volume == "" {
		return d.Source
	}
	for _, p := range h.pools {
		if p.Name == d.Pool && strings.HasPrefix(p.Target, "/") {
			return filepath.Join(p.Target, d.Volume)
		}
	}
	return d.Pool + "/" + d.Volume
}

// together says whether two VMs may use an image at the same time.
func together(a, b *model.Device) bool {
	reads := func(d *model.Device) bool { return d.ReadOnly || d.Kind == model.KindCDROM }
	return a.Shareable && b.Shareable || reads(a) && reads(b)
}
