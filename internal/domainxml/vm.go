package domainxml

import (
	"errors"
	"strings"

	"org.kvmmanager/internal/model"
)

// ParseVM makes a VM of libvirt's live and stored XML. liveXML is empty when
// the VM is off and storedXML when it is transient; one of them must be given.
//
// It fills everything that XML says. ID, State, StateReason, Autostart,
// HasSavedState, StartedAt, IPAddresses, the capacities, ConfigVersion, Host
// and Device.Network are the caller's.
//
// Memory is what the guest has now (currentMemory) and MaxMemory what the
// balloon can give back at most (memory). HasPassword of graphics is only
// known from XML that was read with secrets: libvirt leaves the attribute out
// otherwise.
func ParseVM(liveXML, storedXML string) (*model.VM, error) {
	if liveXML == "" && storedXML == "" {
		return nil, errors.New("cannot read <domain>: neither live nor stored XML is given")
	}
	live, err := parseDomain(liveXML)
	if err != nil {
		return nil, err
	}
	stored, err := parseDomain(storedXML)
	if err != nil {
		return nil, err
	}
	vm := live
	if vm == nil {
		vm = stored
	}
	vm.Persistent = stored != nil
	if live != nil && stored != nil {
		if mode := configuredCPUMode(live.CPUMode, stored.CPUMode); mode != live.CPUMode {
			vm.CPUMode, vm.CPUModel = mode, stored.CPUModel
		}
		adoptIDs(live.Devices, stored.Devices)
		vm.PendingChanges = pendingChanges(live, stored)
	}
	return vm, nil
}

// parseDomain reads one document; none gives no VM.
func parseDomain(doc string) (*model.VM, error) {
	if doc == "" {
		return nil, nil
	}
	dom, err := parse(doc, "domain")
	if err != nil {
		return nil, err
	}
	vm := &model.VM{
		UUID:        strings.ToLower(dom.find("uuid").content()),
		Name:        dom.find("name").verbatim(),
		Title:       dom.find("title").verbatim(),
		Description: dom.find("description").verbatim(),
		CPUMode:     dom.find("cpu").attr("mode"),
	}
	if vm.CPUMode == "" && dom.find("cpu", "model") != nil {
		vm.CPUMode = "custom" // libvirt's default for a cpu element
	}
	setCPU(vm, dom.find("cpu"))
	setVCPUs(vm, dom)
	setMemory(vm, dom)
	setOS(vm, dom.find("os"))
	setMetadata(vm, dom.find("metadata"))
	setDevices(vm, dom.find("devices"))
	setBootOrder(vm, dom.find("os"))
	return vm, nil
}

// setCPU reads the model and the topology, as far as they are configured.
func setCPU(vm *model.VM, cpu *node) {
	vm.CPUModel = cpu.find("model").content()
	topology := cpu.find("topology")
	vm.CPUDies = number(topology.attr("dies"))
	vm.CPUSockets, vm.CPUCores, vm.CPUThreads = number(topology.attr("sockets")), number(topology.attr("cores")), number(topology.attr("threads"))
}

// setVCPUs follows libvirt: current is left out when all are in use.
func setVCPUs(vm *model.VM, dom *node) {
	vcpu := dom.find("vcpu")
	vm.MaxVCPUs = max(number(vcpu.content()), 1)
	vm.VCPUs = vm.MaxVCPUs
	if current := number(vcpu.attr("current")); current > 0 && current < vm.MaxVCPUs {
		vm.VCPUs = current
	}
}

func setMemory(vm *model.VM, dom *node) {
	vm.MaxMemory = dom.find("memory").size("KiB")
	vm.Memory = dom.find("currentMemory").size("KiB")
	if vm.Memory == 0 {
		vm.Memory = vm.MaxMemory
	}
	vm.SharedMemory = dom.find("memoryBacking", "access").attr("mode") == "shared"
}

// configuredCPUMode undoes what libvirt does at start: host-model becomes the
// custom model that it stands for, and no model becomes the hypervisor's
// default.
func configuredCPUMode(live, stored string) string {
	if live == "custom" && (stored == "host-model" || stored == "") {
		return stored
	}
	return live
}
