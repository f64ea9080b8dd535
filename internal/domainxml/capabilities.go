package domainxml

import (
	"iter"
	"slices"

	"org.kvmmanager/internal/model"
)

// ParseCapabilities says what a host can give to a VM of its own architecture.
// domCapsXML is empty when the hypervisor has no domain capabilities; what they
// would say is unknown then.
func ParseCapabilities(capsXML, domCapsXML string) (model.Capabilities, error) {
	caps, err := parse(capsXML, "capabilities")
	if err != nil {
		return model.Capabilities{}, err
	}
	arch := caps.find("host", "cpu", "arch").content()
	var c model.Capabilities
	for g := range caps.all("guest") {
		c.Architectures = appendNew(c.Architectures, g.find("arch").attr("name"))
	}
	for d := range domains(caps, arch) {
		c.DomainTypes = appendNew(c.DomainTypes, d.attr("type"))
	}
	c.MachineTypes = machineTypes(caps, arch)
	if domCapsXML == "" {
		return c, nil
	}
	dom, err := parse(domCapsXML, "domainCapabilities")
	if err != nil {
		return model.Capabilities{}, err
	}
	addDomainCapabilities(&c, dom)
	return c, nil
}

func addDomainCapabilities(c *model.Capabilities, dom *node) {
	os, devices := dom.find("os"), dom.find("devices")
	c.Emulator = dom.find("path").content()
	for _, f := range enum(os, "firmware") {
		if f == "efi" {
			f = string(model.FirmwareUEFI)
		}
		c.Firmware = appendNew(c.Firmware, f)
	}
	if arch := dom.find("arch").content(); os.yes("supported") && isPC(arch) {
		// QEMU brings SeaBIOS along; libvirt lists what has a descriptor.
		c.Firmware = appendNew(c.Firmware, string(model.FirmwareBIOS))
	}
	c.SecureBoot = slices.Contains(enum(os.find("loader"), "secure"), "yes")
	for mode := range dom.find("cpu").all("mode") {
		if mode.yes("supported") {
			c.CPUModes = appendNew(c.CPUModes, mode.attr("name"))
		}
	}
	c.TPMModels = enum(devices.find("tpm"), "model")
	c.TPMBackends = enum(devices.find("tpm"), "backendModel")
	c.Graphics = enum(devices.find("graphics"), "type")
	c.VideoModels = enum(devices.find("video"), "modelType")
	c.DiskBuses = enum(devices.find("disk"), "bus")
	c.InterfaceBackends = enum(devices.find("interface"), "backendType")
	c.ChannelTypes = enum(devices.find("channel"), "type")
	c.MaxVCPUs = number(dom.find("vcpu").attr("max"))
}

// guests is the guest elements of an architecture.
func guests(caps *node, arch string) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for g := range caps.all("guest") {
			if g.find("arch").attr("name") == arch && !yield(g) {
				return
			}
		}
	}
}

// domains is the ways to run a guest of an architecture.
func domains(caps *node, arch string) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for g := range guests(caps, arch) {
			for d := range g.find("arch").all("domain") {
				if !yield(d) {
					return
				}
			}
		}
	}
}

// machineTypes is sorted, since libvirt's order changes from start to start.
func machineTypes(caps *node, arch string) []string {
	var types []string
	for g := range guests(caps, arch) {
		for m := range g.find("arch").all("machine") {
			types = appendNew(types, m.content())
		}
	}
	for d := range domains(caps, arch) {
		for m := range d.all("machine") {
			types = appendNew(types, m.content())
		}
	}
	slices.Sort(types)
	return types
}

// enum is the values of one of an element's lists, none when the host does not
// support the element.
func enum(n *node, name string) []string {
	if n.attr("supported") == "no" {
		return nil
	}
	var values []string
	for e := range n.all("enum") {
		if e.attr("name") != name {
			continue
		}
		for v := range e.all("value") {
			values = appendNew(values, v.content())
		}
	}
	return values
}

func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
