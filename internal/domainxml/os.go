package domainxml

import (
	"cmp"
	"slices"

	"org.kvmmanager/internal/model"
)

// setOS fills what the os element says about the machine and its firmware.
func setOS(vm *model.VM, os *node) {
	kind := os.find("type")
	vm.Architecture = kind.attr("arch")
	vm.MachineType = kind.attr("machine")
	vm.Firmware = firmware(os, vm.Architecture)
	vm.SecureBoot = os.find("loader").yes("secure") || firmwareFeature(os, "secure-boot")
}

// firmware follows libvirt: firmware='efi' asks for UEFI, and so does a loader
// in flash memory. A PC without either has SeaBIOS; what another machine has is
// unknown.
func firmware(os *node, arch string) model.Firmware {
	switch {
	case os.attr("firmware") == "efi", os.find("loader").attr("type") == "pflash":
		return model.FirmwareUEFI
	case os.attr("firmware") == "bios", isPC(arch):
		return model.FirmwareBIOS
	default:
		return ""
	}
}

// isPC says whether an architecture's machines have a BIOS of their own.
func isPC(arch string) bool { return arch == "x86_64" || arch == "i686" }

func firmwareFeature(os *node, name string) bool {
	for f := range os.find("firmware").all("feature") {
		if f.attr("name") == name {
			return f.yes("enabled")
		}
	}
	return false
}

// setBootOrder lists the devices that have a place in the boot order, or the
// legacy names of the os element; libvirt allows one or the other.
func setBootOrder(vm *model.VM, os *node) {
	var order []*model.Device
	for _, list := range deviceLists(vm) {
		for _, d := range *list {
			if d.BootIndex > 0 {
				order = append(order, d)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b *model.Device) int { return cmp.Compare(a.BootIndex, b.BootIndex) })
	for _, d := range order {
		vm.BootOrder = append(vm.BootOrder, d.ID)
	}
	if len(order) > 0 {
		return
	}
	for boot := range os.all("boot") {
		vm.BootOrder = append(vm.BootOrder, boot.attr("dev"))
	}
}
