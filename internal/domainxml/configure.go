package domainxml

import (
	"strconv"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Configure gives a stored definition another machine. What this program does
// not know, and what is not to change, stays as it is. Errors are
// InvalidArgument and NotSupported.
func Configure(doc string, c *model.Configuration) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", err
	}
	configureCPU(dom, c)
	configureCount(dom, c)
	if err := configureMemory(dom, c); err != nil {
		return "", err
	}
	if err := configureMachine(dom, c); err != nil {
		return "", err
	}
	if err := configureFirmware(dom, c); err != nil {
		return "", err
	}
	return dom.document()
}

// child is the first child with this name, which is made if there is none.
func (n *node) child(name string) *node {
	found := n.find(name)
	if found == nil {
		found = &node{name: name}
		n.children = append(n.children, found)
	}
	return found
}

// configureCPU keeps the topology, the NUMA nodes, the caches and the width of
// addresses of the element, since only the model changes.
func configureCPU(dom *node, c *model.Configuration) {
	if !c.Given["cpu-mode"] && !c.Given["cpu-model"] {
		return
	}
	old := dom.find("cpu")
	cpu := &node{name: "cpu"}
	if c.CPUMode != "" {
		cpu.set("mode", c.CPUMode)
	}
	switch c.CPUMode {
	case "custom":
		cpu.set("match", "exact")
		name := &node{name: "model", text: c.CPUModel}
		name.set("fallback", "forbid")
		cpu.children = append(cpu.children, name)
	case "host-passthrough", "maximum":
		cpu.set("check", "none")
	}
	host := c.CPUMode == "host-passthrough" || c.CPUMode == "maximum"
	if value, given := old.lookup("migratable"); given && host {
		cpu.set("migratable", value)
	}
	for _, part := range []string{"topology", "maxphysaddr", "cache", "numa"} {
		kept := old.find(part)
		if kept == nil || kept.attr("mode") == "passthrough" && !host {
			continue // which is what the host has
		}
		cpu.children = append(cpu.children, kept)
	}
	dom.drop("cpu")
	if len(cpu.attrs)+len(cpu.children) > 0 {
		dom.children = append(dom.children, cpu)
	}
}

// configureCount sets the topology and, as libvirt wants it, the most vCPUs
// that it has room for. The number in use becomes less where it must.
func configureCount(dom *node, c *model.Configuration) {
	most := c.MaxVCPUs
	sockets, cores, threads, given := c.Topology()
	if given {
		most = sockets * cores * threads
	}
	if given || c.Given["max-vcpus"] {
		dom.find("cpu").dropIn("topology") // it was for another number
	}
	if most > 0 {
		in := dom.child("vcpu")
		used := number(in.content())
		if current := number(in.attr("current")); current > 0 {
			used = current
		}
		in.text = strconv.FormatUint(uint64(most), 10)
		in.set("current", strconv.FormatUint(uint64(min(max(used, 1), most)), 10))
		dom.drop("vcpus") // they list each of the old ones
	}
	if given && most > 0 {
		topology := &node{name: "topology"}
		topology.set("sockets", strconv.FormatUint(uint64(sockets), 10))
		topology.set("cores", strconv.FormatUint(uint64(cores), 10))
		topology.set("threads", strconv.FormatUint(uint64(threads), 10))
		cpu := dom.child("cpu")
		cpu.children = append(cpu.children, topology)
	}
}

// dropIn is drop for an element that may not be there.
func (n *node) dropIn(name string) {
	if n != nil {
		n.drop(name)
	}
}

func configureMemory(dom *node, c *model.Configuration) error {
	if c.Given["max-memory"] {
		if dom.has("maxMemory") || dom.find("cpu").has("numa") {
			return errs.New(errs.NotSupported, "The memory of this virtual machine is divided into NUMA nodes. Change it in its XML.")
		}
		kib := (c.MaxMemory + 1023) / 1024
		now := dom.find("currentMemory").size("KiB")
		if now == 0 {
			now = dom.find("memory").size("KiB")
		}
		setKiB(dom.child("memory"), kib)
		setKiB(dom.child("currentMemory"), min(now/1024, kib))
	}
	if !c.Given["shared-memory"] {
		return nil
	}
	backing := dom.child("memoryBacking")
	backing.drop("access")
	if c.SharedMemory {
		backing.child("access").set("mode", "shared")
		backing.child("source").set("type", "memfd")
	} else if backing.find("source").attr("type") == "memfd" {
		backing.drop("source")
	}
	return nil
}

func setKiB(n *node, kib uint64) {
	n.set("unit", "KiB")
	n.text = strconv.FormatUint(kib, 10)
}

// configureMachine changes the version of a machine, but not its family: the
// places of all devices are those of its buses.
func configureMachine(dom *node, c *model.Configuration) error {
	if !c.Given["machine-type"] {
		return nil
	}
	kind := dom.find("os", "type")
	if kind == nil {
		return errs.New(errs.NotSupported, "The machine of this virtual machine cannot be changed.")
	}
	if family(kind.attr("machine")) != family(c.MachineType) {
		return errs.New(errs.NotSupported, "A machine of another family has other buses, on which most guests do not start. Make a new virtual machine with the same disks instead.")
	}
	kind.set("machine", c.MachineType)
	return nil
}

// family is a machine type without its version: pc-q35-10.0 is a q35.
func family(machine string) string {
	switch {
	case strings.Contains(machine, "q35"):
		return "q35"
	case machine == "pc", strings.HasPrefix(machine, "pc-i440fx"):
		return "pc"
	}
	name, _, _ := strings.Cut(machine, "-")
	return name
}

// configureFirmware leaves the choice of the files to libvirt, which knows what
// is installed. Without a file for UEFI's variables they begin anew, if it is one
// that is not there; see SetVariables.
func configureFirmware(dom *node, c *model.Configuration) error {
	if !c.Given["firmware"] && !c.Given["secure-boot"] {
		return nil
	}
	os := dom.find("os")
	if os == nil {
		return errs.New(errs.NotSupported, "The firmware of this virtual machine cannot be changed.")
	}
	var before model.VM
	setOS(&before, os)
	now, secure := before.Firmware, before.SecureBoot
	if c.Given["firmware"] {
		now = c.Firmware
	}
	if c.Given["secure-boot"] {
		secure = c.SecureBoot
	}
	if now != model.FirmwareUEFI {
		if c.SecureBoot {
			return errs.New(errs.InvalidArgument, "Only UEFI firmware has Secure Boot.")
		}
		secure = false
	}
	if now == before.Firmware && secure == before.SecureBoot {
		return nil
	}
	for _, part := range []string{"loader", "nvram", "firmware"} {
		os.drop(part)
	}
	os.unset("firmware")
	if now == model.FirmwareUEFI {
		os.set("firmware", "efi")
		enabled := "no"
		if secure {
			enabled = "yes"
			dom.child("features").child("smm").set("state", "on")
		}
		features := os.child("firmware")
		for _, name := range []string{"enrolled-keys", "secure-boot"} {
			feature := &node{name: "feature"}
			feature.set("enabled", enabled)
			feature.set("name", name)
			features.children = append(features.children, feature)
		}
	}
	return nil
}
