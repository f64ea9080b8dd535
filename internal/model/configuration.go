package model

// Configuration is what a caller wants to be otherwise about a VM's machine.
// What is not in Given stays as it is.
type Configuration struct {
	CPUMode      string   `wire:"cpu-mode"`
	CPUModel     string   `wire:"cpu-model"` // of the mode custom
	CPUSockets   uint32   `wire:"cpu-sockets"`
	CPUCores     uint32   `wire:"cpu-cores"`
	CPUThreads   uint32   `wire:"cpu-threads"`
	MaxVCPUs     uint32   `wire:"max-vcpus"`
	MaxMemory    uint64   `wire:"max-memory"` // bytes
	MachineType  string   `wire:"machine-type"`
	Firmware     Firmware `wire:"firmware"`
	SecureBoot   bool     `wire:"secure-boot"`
	SharedMemory bool     `wire:"shared-memory"`

	Given map[string]bool `wire:"-"` // keys that the caller gave
}

// topology says whether the caller gave any part of a topology.
func (c *Configuration) topology() bool {
	return c.Given["cpu-sockets"] || c.Given["cpu-cores"] || c.Given["cpu-threads"]
}

// Topology is sockets, cores and threads, and whether there are any: none
// leaves the topology to the hypervisor. What is not given is 1.
func (c *Configuration) Topology() (sockets, cores, threads uint32, given bool) {
	if !c.topology() {
		return 0, 0, 0, false
	}
	if c.CPUSockets == 0 && c.CPUCores == 0 && c.CPUThreads == 0 {
		return 0, 0, 0, true
	}
	return max(c.CPUSockets, 1), max(c.CPUCores, 1), max(c.CPUThreads, 1), true
}

// The most that a caller can mean.
const (
	maxCPUs       = 4096
	leastMemory   = 1 << 20
	mostMemory    = 1 << 62
	maxConfigWord = 128 // bytes
)

// Validate says what is wrong with a configuration by itself.
func (c *Configuration) Validate() error {
	for key, word := range map[string]string{"cpu-mode": c.CPUMode, "cpu-model": c.CPUModel, "machine-type": c.MachineType} {
		if err := ValidateDeviceValue(key, word); err != nil {
			return err
		}
		if len(word) > maxConfigWord || key != "cpu-mode" && c.Given[key] && word == "" {
			return invalid("The key “%s” must be a name.", key)
		}
	}
	switch c.CPUMode {
	case "", "host-passthrough", "host-model", "maximum":
		if c.CPUModel != "" {
			return invalid("Only the CPU mode “custom” has a model.")
		}
	case "custom":
		if c.CPUModel == "" {
			return invalid("The CPU mode “custom” needs a “cpu-model”.")
		}
	default:
		return invalid("The CPU mode must be host-passthrough, host-model, maximum or custom.")
	}
	sockets, cores, threads, _ := c.Topology()
	total := uint64(sockets) * uint64(cores)
	switch {
	case len(c.Given) == 0:
		return invalid("Nothing is given that could change.")
	case c.Given["max-vcpus"] && (c.MaxVCPUs == 0 || c.MaxVCPUs > maxCPUs):
		return invalid("A virtual machine has 1 to %d virtual CPUs.", maxCPUs)
	case max(sockets, cores, threads) > maxCPUs, total*uint64(threads) > maxCPUs:
		return invalid("A virtual machine has at most %d virtual CPUs.", maxCPUs)
	case total > 0 && c.Given["max-vcpus"] && total*uint64(threads) != uint64(c.MaxVCPUs):
		return invalid("Sockets times cores times threads must be the largest number of virtual CPUs. Leave “max-vcpus” out.")
	case c.Given["max-memory"] && (c.MaxMemory < leastMemory || c.MaxMemory > mostMemory):
		return invalid("A virtual machine has at least 1 MiB of memory.")
	case c.Given["firmware"] && c.Firmware != FirmwareBIOS && c.Firmware != FirmwareUEFI:
		return invalid("The firmware must be bios or uefi.")
	case c.SecureBoot && c.Firmware == FirmwareBIOS:
		return invalid("Only UEFI firmware has Secure Boot.")
	}
	return nil
}
