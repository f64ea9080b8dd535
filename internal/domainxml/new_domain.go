package domainxml

import (
	"encoding/xml"
	"fmt"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/model"
)

// NewDomain is the definition of a new VM. domainType is how it runs (kvm,
// qemu), and windows says that its clock is in local time and that it likes to
// know its hypervisor. What ParseVM reads is what NewDomain writes.
func NewDomain(vm *model.VM, domainType string, windows bool) (string, error) {
	metadata, err := newMetadata(vm)
	if err != nil {
		return "", err
	}
	d := libvirtxml.Domain{
		Type: domainType, Name: vm.Name, UUID: vm.UUID, Title: vm.Title, Description: vm.Description, Metadata: metadata,
		Memory:        &libvirtxml.DomainMemory{Unit: "b", Value: uint(vm.MaxMemory)},
		CurrentMemory: &libvirtxml.DomainCurrentMemory{Unit: "b", Value: uint(vm.Memory)},
		VCPU:          &libvirtxml.DomainVCPU{Placement: "static", Value: uint(vm.MaxVCPUs)},
		OS:            newOS(vm),
		Features:      newFeatures(vm, domainType, windows),
		Clock:         newClock(vm, domainType, windows),
		OnPoweroff:    "destroy", OnReboot: "restart", OnCrash: "destroy",
		PM: &libvirtxml.DomainPM{
			SuspendToMem:  &libvirtxml.DomainPMPolicy{Enabled: "no"},
			SuspendToDisk: &libvirtxml.DomainPMPolicy{Enabled: "no"},
		},
		Devices: &libvirtxml.DomainDeviceList{},
	}
	if vm.CPUMode != "" {
		d.CPU = &libvirtxml.DomainCPU{Mode: vm.CPUMode}
	}
	for _, list := range deviceLists(vm) {
		for _, device := range *list {
			if err := build.Append(d.Devices, device); err != nil {
				return "", err
			}
		}
	}
	text, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write <domain>: %w", err)
	}
	return text, nil
}

// libosinfoElement is what other programs read the operating system from.
type libosinfoElement struct {
	XMLName xml.Name `xml:"http://libosinfo.org/xmlns/libvirt/domain/1.0 libosinfo"`
	OS      struct {
		ID string `xml:"id,attr"`
	} `xml:"os"`
}

// taggedElement is tagsElement with its namespace, which libvirt does not add in
// a whole definition.
type taggedElement struct {
	XMLName xml.Name `xml:"https://kvmmanager.org/xmlns/1 tags"`
	Tags    []string `xml:"tag"`
}

func newMetadata(vm *model.VM) (*libvirtxml.DomainMetadata, error) {
	var elements []any
	if vm.OSID != "" {
		e := libosinfoElement{}
		e.OS.ID = vm.OSID
		elements = append(elements, e)
	}
	if len(vm.Tags) > 0 {
		elements = append(elements, taggedElement{Tags: vm.Tags})
	}
	if elements == nil {
		return nil, nil
	}
	text := ""
	for _, e := range elements {
		out, err := xml.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("cannot write <metadata>: %w", err)
		}
		text += string(out)
	}
	return &libvirtxml.DomainMetadata{XML: text}, nil
}

// newOS leaves the choice of the firmware's file to libvirt, which knows what is
// installed.
func newOS(vm *model.VM) *libvirtxml.DomainOS {
	os := &libvirtxml.DomainOS{Type: &libvirtxml.DomainOSType{Arch: vm.Architecture, Machine: vm.MachineType, Type: "hvm"}}
	if vm.Firmware != model.FirmwareUEFI {
		return os
	}
	secure := "no"
	if vm.SecureBoot {
		secure = "yes"
	}
	os.Firmware = "efi"
	os.FirmwareInfo = &libvirtxml.DomainOSFirmwareInfo{Features: []libvirtxml.DomainOSFirmwareFeature{
		{Name: "enrolled-keys", Enabled: secure}, {Name: "secure-boot", Enabled: secure},
	}}
	return os
}

func newFeatures(vm *model.VM, domainType string, windows bool) *libvirtxml.DomainFeatureList {
	f := &libvirtxml.DomainFeatureList{ACPI: &libvirtxml.DomainFeature{}}
	if !isPC(vm.Architecture) {
		return f
	}
	on := &libvirtxml.DomainFeatureState{State: "on"}
	f.APIC = &libvirtxml.DomainFeatureAPIC{}
	if vm.SecureBoot {
		f.SMM = &libvirtxml.DomainFeatureSMM{State: "on"}
	}
	if windows && domainType == "kvm" {
		f.HyperV = &libvirtxml.DomainFeatureHyperV{
			Relaxed: on, VAPIC: on, VPIndex: on, Runtime: on, Synic: on, Frequencies: on,
			Spinlocks: &libvirtxml.DomainFeatureHyperVSpinlocks{DomainFeatureState: *on, Retries: 8191},
			STimer:    &libvirtxml.DomainFeatureHyperVSTimer{DomainFeatureState: *on},
		}
	}
	return f
}

func newClock(vm *model.VM, domainType string, windows bool) *libvirtxml.DomainClock {
	clock := &libvirtxml.DomainClock{Offset: "utc"}
	if windows {
		clock.Offset = "localtime"
	}
	if isPC(vm.Architecture) {
		clock.Timer = []libvirtxml.DomainTimer{
			{Name: "rtc", TickPolicy: "catchup"}, {Name: "pit", TickPolicy: "delay"}, {Name: "hpet", Present: "no"},
		}
		if windows && domainType == "kvm" {
			clock.Timer = append(clock.Timer, libvirtxml.DomainTimer{Name: "hypervclock", Present: "yes"})
		}
	}
	return clock
}
