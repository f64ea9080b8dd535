package model

import "time"

// VMState is what a VM does right now.
type VMState string

// The states of a VM. Starting, Saving, Restoring and Migrating are shown
// while a job of this service or a hypervisor task brings them about.
const (
	VMRunning      VMState = "running"
	VMPaused       VMState = "paused"
	VMShuttingDown VMState = "shutting-down"
	VMShutOff      VMState = "shut-off"
	VMCrashed      VMState = "crashed"
	VMSuspended    VMState = "suspended" // by the guest's own power management
	VMStarting     VMState = "starting"
	VMSaving       VMState = "saving"
	VMRestoring    VMState = "restoring"
	VMMigrating    VMState = "migrating"
)

// Active says whether a hypervisor process exists for a VM in this state.
func (s VMState) Active() bool { return s != VMShutOff && s != VMCrashed && s != "" }

// Firmware is what a VM boots with.
type Firmware string

// The kinds of firmware.
const (
	FirmwareBIOS Firmware = "bios"
	FirmwareUEFI Firmware = "uefi"
)

// AgentState says whether the QEMU guest agent can be asked.
type AgentState string

// The states of the guest agent.
const (
	AgentAbsent       AgentState = "absent"       // the VM has no agent channel
	AgentDisconnected AgentState = "disconnected" // it has one, nobody answers
	AgentConnected    AgentState = "connected"
)

// VM is one virtual machine. For an active VM the values are the live ones,
// and PendingChanges names what the stored configuration has otherwise.
//
// Its devices may be shared with other VMs that have the same: to change one
// is to replace it.
type VM struct {
	UUID           string
	Name           string
	Title          string
	Description    string
	Host           Path
	ID             int32 `wire:"Id"` // the hypervisor's number, -1 when off
	State          VMState
	StateReason    string // kebab-case: booted, user, crashed, …
	Persistent     bool
	Autostart      bool
	Template       bool // it is cloned, and not started
	HasSavedState  bool
	StartedAt      time.Time // zero when off or unknown
	VCPUs          uint32
	MaxVCPUs       uint32
	Memory         uint64 // bytes
	MaxMemory      uint64 // bytes
	Architecture   string
	MachineType    string
	Firmware       Firmware
	SecureBoot     bool
	TPM            bool
	CPUMode        string
	CPUModel       string // of the mode custom
	CPUSockets     uint32 // 0 while the topology is left to the hypervisor, as are the next two
	CPUCores       uint32
	CPUThreads     uint32
	CPUDies        uint32 // in a socket; 0 where the topology does not say
	SharedMemory   bool
	OSID           string `wire:"OSId"`      // libosinfo's id, a URL
	OSShortID      string `wire:"OSShortId"` // as CreateVM's os takes it
	OSName         string
	BootOrder      []string // device ids, or the legacy names hd, cdrom, network, fd
	Tags           []string
	Disks          []*Device
	Interfaces     []*Device
	Graphics       []*Device
	Consoles       []*Device
	Devices        []*Device // everything that has no list of its own
	Shares         []*Device
	DiskSize       uint64 // bytes, sum of the disks' capacities
	IPAddresses    []string
	GuestAgent     AgentState
	PendingChanges []string // names of properties and ids of devices that the next boot changes
	ConfigVersion  uint64   // moves on with each change of the stored configuration

	// Snapshots are objects of their own on the bus. They are ordered by name.
	Snapshots []*Snapshot `wire:"-"`

	// Truncated names the properties that were cut, in what a client has read. The
	// service leaves it empty.
	Truncated []string
}

// Path is the VM's object path.
func (v *VM) Path() Path { return VMPath(v.UUID) }

// Console is the device with this id among the VM's consoles, or the first
// one for the empty id. Nil when there is none.
func (v *VM) Console(id string) *Device {
	for _, d := range v.Consoles {
		if id == "" || d.ID == id {
			return d
		}
	}
	return nil
}
