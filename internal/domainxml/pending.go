package domainxml

import (
	"reflect"
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// pendingChanges names what the stored configuration has otherwise than the
// live one: properties first, as they are called on the bus, then the ids of
// devices. It compares only what somebody can have changed, and not what
// libvirt and the guest fill in while the VM runs.
func pendingChanges(live, stored *model.VM) []string {
	var names []string
	for _, p := range []struct {
		name    string
		differs bool
	}{
		{"Title", live.Title != stored.Title},
		{"Description", live.Description != stored.Description},
		{"VCPUs", live.VCPUs != stored.VCPUs},
		{"MaxVCPUs", live.MaxVCPUs != stored.MaxVCPUs},
		{"Memory", memoryDiffers(live, stored)},
		{"MaxMemory", rounded(live.MaxMemory, live) != rounded(stored.MaxMemory, live)},
		{"Architecture", live.Architecture != stored.Architecture},
		{"MachineType", live.MachineType != stored.MachineType},
		{"Firmware", live.Firmware != stored.Firmware},
		{"SecureBoot", live.SecureBoot != stored.SecureBoot},
		{"TPM", live.TPM != stored.TPM},
		{"CPUMode", live.CPUMode != stored.CPUMode},
		{"CPUModel", live.CPUMode == stored.CPUMode && live.CPUModel != stored.CPUModel},
		{"CPUSockets", live.CPUSockets != stored.CPUSockets},
		{"CPUDies", live.CPUDies != stored.CPUDies},
		{"CPUCores", live.CPUCores != stored.CPUCores},
		{"CPUThreads", live.CPUThreads != stored.CPUThreads},
		{"SharedMemory", live.SharedMemory != stored.SharedMemory},
		{"OSId", live.OSID != stored.OSID},
		{"BootOrder", !slices.Equal(live.BootOrder, stored.BootOrder)},
		{"Tags", !slices.Equal(live.Tags, stored.Tags)},
	} {
		if p.differs {
			names = append(names, p.name)
		}
	}
	return append(names, pendingDevices(live, stored)...)
}

// memoryDiffers does not count a balloon that has not reached its target: a
// guest has all its memory until its balloon driver is up, and for good when
// it has none. A lower target for the next boot cannot be told from that.
func memoryDiffers(live, stored *model.VM) bool {
	now, next := rounded(live.Memory, live), rounded(stored.Memory, live)
	full := now == rounded(live.MaxMemory, live)
	if full && next < now && rounded(stored.MaxMemory, live) >= now {
		return false
	}
	return now != next
}

// rounded is the amount of memory that libvirt gives a running VM for the one that
// is stored: it rounds up to whole MiB, on ppc64 to whole blocks of 256 MiB.
func rounded(bytes uint64, live *model.VM) uint64 {
	unit := uint64(1 << 20)
	if strings.HasPrefix(live.Architecture, "ppc64") {
		unit = 256 << 20
	}
	return bytes/unit + min(bytes%unit, 1)
}

// pendingDevices names the devices that the next boot adds, removes or changes.
// Controllers are left out: libvirt makes them for the devices that need them.
func pendingDevices(live, stored *model.VM) []string {
	var ids []string
	storedLists := deviceLists(stored)
	for i, list := range deviceLists(live) {
		ids = append(ids, changedDevices(*list, *storedLists[i])...)
	}
	return ids
}

func changedDevices(live, stored []*model.Device) []string {
	var ids []string
	left := make(map[string]*model.Device, len(stored))
	for _, s := range stored {
		left[s.ID] = s
	}
	for _, l := range live {
		s := left[l.ID]
		delete(left, l.ID)
		if l.Kind != model.KindController && (s == nil || deviceDiffers(*l, *s)) {
			ids = append(ids, l.ID)
		}
	}
	for _, s := range stored {
		if left[s.ID] != nil && s.Kind != model.KindController {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// deviceDiffers compares what is left of two devices without what belongs to
// the running VM only.
func deviceDiffers(live, stored model.Device) bool {
	settle(&live, &stored)
	settle(&stored, &live)
	return !reflect.DeepEqual(live, stored)
}

// settle removes from d what cannot be compared with other.
func settle(d, other *model.Device) {
	d.Alias, d.Address, d.State, d.IPAddresses = "", "", "", nil
	if d.Kind == model.KindInterface {
		settleInterface(d, other)
	}
	if d.Kind == model.KindGraphics {
		settleGraphics(d, other)
	}
	// A drive without a medium has no format while it runs.
	if other.Format == "" {
		d.Format = ""
	}
	// A pty, and the socket of a channel, get their path at start.
	if d.Type == "pty" || other.Source == "" && d.Type == "unix" {
		d.Source = ""
	}
	// libvirt gives out a context id at start.
	if other.CID == 0 {
		d.CID = 0
	}
}

// settleInterface removes the host's side of an interface, and what the
// network rather than the interface decides.
func settleInterface(d, other *model.Device) {
	d.Target = ""
	if d.NetworkName == "" {
		return
	}
	d.Bridge, d.HostDevice, d.Mode, d.Source = "", "", "", ""
	if other.MTU == 0 {
		d.MTU = 0
	}
}

// settleGraphics removes a port that was given out at start, and an address
// that is the default.
func settleGraphics(d, other *model.Device) {
	if d.AutoPort {
		d.Port = 0
	}
	if other.Listen == "" {
		d.Listen = ""
	}
}
