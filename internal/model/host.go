package model

// ConnectionState says whether the service can reach a host's hypervisor.
type ConnectionState string

// The states of a connection.
const (
	Connecting   ConnectionState = "connecting"
	Connected    ConnectionState = "connected"
	Disconnected ConnectionState = "disconnected"
)

// Host is one libvirt connection and the machine behind it.
type Host struct {
	ID                     string `wire:"Id"`
	URI                    string
	State                  ConnectionState
	StateMessage           string // a sentence a person can act on; empty while connected
	Hostname               string
	HypervisorName         string // as libvirt calls it: QEMU, TEST
	HypervisorVersion      string // "10.0.2"
	LibvirtVersion         string // of the daemon, not of the library
	Architecture           string // of the host's CPU: x86_64
	CPUModel               string
	CPUs                   uint32 // logical CPUs online
	CPUSockets             uint32
	CPUCores               uint32 // per socket
	CPUThreads             uint32 // per core
	MemoryTotal            uint64 // bytes
	HardwareVirtualization bool   // KVM guests can run
	IOMMU                  bool
}

// Path is the host's object path.
func (h *Host) Path() Path { return HostPath(h.ID) }

// CheckStatus is the outcome of one health check.
type CheckStatus string

// The outcomes, from good to bad.
const (
	CheckOK      CheckStatus = "ok"
	CheckWarning CheckStatus = "warning"
	CheckError   CheckStatus = "error"
)

// Check is one line of Host.CheckHealth: what was looked at, how it is, and
// what a person can do about it.
type Check struct {
	ID      string      `wire:"id"`
	Status  CheckStatus `wire:"status"`
	Message string      `wire:"message"`
	Hint    string      `wire:"hint"`
}

// Capabilities is what a host can give to a VM of its own architecture.
type Capabilities struct {
	Architectures []string `wire:"architectures"`
	DomainTypes   []string `wire:"domain-types"` // kvm, qemu, test
	MachineTypes  []string `wire:"machine-types"`
	Firmware      []string `wire:"firmware"` // bios, uefi
	SecureBoot    bool     `wire:"secure-boot"`
	CPUModes      []string `wire:"cpu-modes"`
	TPMModels     []string `wire:"tpm-models"`
	TPMBackends   []string `wire:"tpm-backends"`
	Graphics      []string `wire:"graphics"`
	VideoModels   []string `wire:"video-models"`
	DiskBuses     []string `wire:"disk-buses"`
	ChannelTypes  []string `wire:"channel-types"`
	MaxVCPUs      uint32   `wire:"max-vcpus"`
	PoolKinds     []string `wire:"pool-kinds"`
	// InterfaceBackends is what runs user networking: default, passt.
	InterfaceBackends []string `wire:"interface-backends"`
	Emulator          string   `wire:"-"`           // the hypervisor's program, on the host
	URLSchemes        []string `wire:"url-schemes"` // of media that a VM can read from web servers: https, http
}
