// Package inventory keeps the in-memory picture of each host: it supervises the
// connection, reads what changed, and publishes values. It knows neither
// libvirt nor D-Bus.
package inventory

import (
	"context"
	"errors"
	"io"
	"os"

	"org.kvmmanager/internal/model"
)

// Hypervisor opens connections. internal/virt implements it with libvirt, the
// tests with a fake.
type Hypervisor interface {
	// Open connects to a libvirt URI and registers for every event before it
	// returns, so that a list made afterwards has no gap. It may take as long
	// as the network does; ctx ends the waiting, not necessarily the attempt.
	Open(ctx context.Context, uri string) (Conn, error)
}

// EventKind says what sort of object an event is about.
type EventKind uint8

// The kinds of events. Each means "read this object again", not "this is now
// true".
const (
	VMEvent      EventKind = iota + 1
	NetworkEvent           // ID is the network's UUID
	PoolEvent              // ID is the pool's UUID
	HostEvent              // something that has no event of its own changed: list everything again
)

// Event is one hint that an object changed.
type Event struct {
	Kind EventKind
	ID   string // UUID; empty for HostEvent
	// Crashed is set by an event that says so, since a VM that crashed and
	// restarted at once shows no trace of it when it is read again.
	Crashed bool
}

// Apply says when a change of a VM's hardware takes effect.
type Apply string

// The ways to apply a change. ApplyBoth is "now where possible, and at the
// next boot".
const (
	ApplyNow      Apply = "now"
	ApplyNextBoot Apply = "next-boot"
	ApplyBoth     Apply = "both"
)

// Applied says what became of a change.
type Applied struct {
	Now      bool // the running VM has it
	NextBoot bool // the stored configuration has it
}

// DeviceChange says how a change of a VM's devices is to be made.
type DeviceChange struct {
	Apply   Apply
	DryRun  bool // only say what would become of it
	Storage bool // the caller may use images that other VMs have
	// Dependents removes what cannot be without the device as well.
	Dependents bool
}

// ErrNeedsStorage is in the chain of an error because the caller may not use an
// image that another VM has, or a volume that an image is a layer over: with the
// right to manage storage it is possible.
var ErrNeedsStorage = errors.New("an image of another VM, or one with layers, takes the right to manage storage")

// Progress is how far a long operation of a VM has come. Total is zero when
// unknown.
type Progress struct{ Done, Total uint64 }

// DiskStorage is what is behind a disk.
type DiskStorage struct {
	Disk   string // the disk's id
	Volume string // the path of the volume
	Pool   string // UUID of its pool
	Name   string // of the volume in the pool
	Kept   string // why it is not deleted with the VM; empty if only that needs it
}

// CloneSpec says how to clone a VM.
type CloneSpec struct {
	Name     string
	Linked   bool                     // the disks are overlays of the original's
	Storage  bool                     // the caller may read the disks of any VM, and not only a template's
	Progress func(done, total uint64) // bytes
	Finish   func() bool              // asked before the VM is defined; false cancels
	// Unfinished is told of each volume before it is made.
	Unfinished Unfinished
}

// SnapshotSpec is a snapshot that somebody wants.
type SnapshotSpec struct {
	Name        string
	Description string
	Kind        model.SnapshotKind // empty: whichever is possible
	Memory      bool               // of a running VM
	Quiesce     bool               // the guest agent freezes the file systems meanwhile
}

// DisplayInfo describes an opened display.
type DisplayInfo struct {
	Type string // vnc, spice, dbus
}

// Counters is what a VM used since it started, in bytes and nanoseconds.
type Counters struct {
	CPUTime              uint64 // ns over all vCPUs
	VCPUs                uint32
	MemoryUsed           uint64 // as the guest sees it, 0 when it does not say
	MemoryResident       uint64 // of the hypervisor process
	DiskRead, DiskWrite  uint64
	NetReceive, NetTrans uint64
	// Disks and Interfaces are those whose counters are known, without the id.
	Disks      []model.DiskSample
	Interfaces []model.InterfaceSample
	// The hypervisor did not say this time, as while the VM is busy with
	// something else; the values are zero then.
	MemoryUnknown, DisksUnknown bool
	// NetworkUnknown says that no interface has counters, as those of user
	// networking have none.
	NetworkUnknown bool
}

// HostCounters is the same for the host itself.
type HostCounters struct {
	CPUBusy, CPUTotal uint64 // ns over all CPUs
	MemoryUsed        uint64
}

// Conn is one open connection to a hypervisor. Every method may be called from
// any goroutine and returns errors with a kind of internal/errs and a sentence
// for people. A VM, network or pool that does not exist is NotFound; when the
// connection is gone it is Disconnected. When ctx ends first, the method
// returns ctx's error at once, while the call into the hypervisor may go on.
//
// The values that it returns are new and belong to the caller; their Host path
// and other object references that need the whole picture (Device.Network,
// Network.VMs) are left empty.
type Conn interface {
	// Events delivers hints in order and is closed when the connection is lost
	// or closed. It never blocks the hypervisor: an overflow becomes one
	// HostEvent.
	Events() <-chan Event
	// Err says why Events was closed: nil after Close, else a Disconnected
	// error with a sentence for people.
	Err() error
	// Close ends the connection and waits for calls under way for a short
	// while only.
	Close()

	Host(ctx context.Context) (model.Host, error)
	VMs(ctx context.Context) ([]*model.VM, error)
	VM(ctx context.Context, uuid string) (*model.VM, error)
	Networks(ctx context.Context) ([]*model.Network, error)
	Network(ctx context.Context, uuid string) (*model.Network, error)
	Pools(ctx context.Context) ([]*model.StoragePool, error)
	Pool(ctx context.Context, uuid string) (*model.StoragePool, error)

	NetworkControl

	Capabilities(ctx context.Context) (model.Capabilities, error)
	CheckHealth(ctx context.Context) ([]model.Check, error)
	// CheckStart says what keeps a VM that is off from starting, as far as the
	// host and libvirt's words about the last start tell. What other VMs,
	// networks and pools have to do with it is Host.CheckStart's.
	CheckStart(ctx context.Context, uuid string) ([]model.StartCheck, error)
	Statistics(ctx context.Context) (map[string]Counters, HostCounters, error)

	PoolManager
	VolumeReader
	VolumeManager
	NewVolumes

	Start(ctx context.Context, uuid string, paused bool) error // restores a saved state, if there is one
	Shutdown(ctx context.Context, uuid string) error           // asks the guest; returns when it was asked
	Reboot(ctx context.Context, uuid string) error             // asks the guest; returns when it was asked
	Reset(ctx context.Context, uuid string) error
	PowerOff(ctx context.Context, uuid string) error
	Pause(ctx context.Context, uuid string) error
	Resume(ctx context.Context, uuid string) error
	Save(ctx context.Context, uuid string) error
	DiscardSavedState(ctx context.Context, uuid string) error
	JobProgress(ctx context.Context, uuid string) (Progress, error)
	// AbortSave ends a Save. While the hypervisor does not do that with the VM,
	// but nothing or what somebody else wants, it is an error and changes nothing.
	AbortSave(ctx context.Context, uuid string) error

	// GuestInfo asks a guest's agent, which must be connected. An agent that
	// does not answer in time is GuestAgentUnavailable.
	GuestInfo(ctx context.Context, uuid string) (model.GuestInfo, error)
	FreezeFilesystems(ctx context.Context, uuid string) error
	ThawFilesystems(ctx context.Context, uuid string) error
	TrimFilesystems(ctx context.Context, uuid string) error

	// Storage says what is behind each disk of a VM that has something.
	Storage(ctx context.Context, uuid string) ([]DiskStorage, error)
	// DeleteVolume removes the volume at a path that nobody needs: otherwise it
	// fails as DropUnused does.
	DeleteVolume(ctx context.Context, path string) error
	// Clone makes a VM like one that is off, with copies of its disks in their
	// pools, and returns its UUID. It returns when nothing goes on any more: a
	// clone that fails or is cancelled leaves nothing.
	Clone(ctx context.Context, uuid string, spec CloneSpec) (string, error)
	// SetTemplate marks a VM that is off as one to be cloned, and ends its
	// autostart; or ends that mark, unless there are linked clones.
	SetTemplate(ctx context.Context, uuid string, on bool) error

	// Delete removes the definition with its saved state, NVRAM, TPM state
	// and snapshot metadata. Disks stay.
	Delete(ctx context.Context, uuid string) error
	Rename(ctx context.Context, uuid, name string) error
	SetTitle(ctx context.Context, uuid, title string) error
	SetDescription(ctx context.Context, uuid, text string) error
	SetTags(ctx context.Context, uuid string, tags []string) error
	SetAutostart(ctx context.Context, uuid string, on bool) error
	SetVCPUs(ctx context.Context, uuid string, n uint32, apply Apply) (Applied, error)
	SetMemory(ctx context.Context, uuid string, bytes uint64, apply Apply) (Applied, error)

	// PlanSnapshot settles the kind of a snapshot, or says why there can be
	// none. It changes nothing.
	PlanSnapshot(ctx context.Context, uuid string, spec SnapshotSpec) (SnapshotSpec, error)
	// CreateSnapshot makes a snapshot, which becomes the current one. One with
	// the memory outside of the images can be aborted and shows progress.
	CreateSnapshot(ctx context.Context, uuid string, spec SnapshotSpec) error
	// AbortSnapshot ends a CreateSnapshot, as AbortSave does a Save.
	AbortSnapshot(ctx context.Context, uuid string) error
	// RevertSnapshot makes the VM what it was. What it is now is lost. With
	// start it runs afterwards in any case.
	//
	// Without storage it is NotAuthorized, with ErrNeedsStorage, if the VM had an
	// image that another VM has.
	RevertSnapshot(ctx context.Context, uuid, name string, start, storage bool) error
	// CheckRevert is what RevertSnapshot says of the images, and changes nothing.
	CheckRevert(ctx context.Context, uuid, name string, storage bool) error
	// DeleteSnapshot removes a snapshot, whose children become its parent's, or
	// with children everything below it, too.
	DeleteSnapshot(ctx context.Context, uuid, name string, children bool) error
	SetSnapshotDescription(ctx context.Context, uuid, name, text string) error
	// AddDevice adds a device and returns its id. If the running VM fails to
	// take it for another reason than that it cannot, nothing has changed.
	AddDevice(ctx context.Context, uuid string, device model.DeviceSpec, how DeviceChange) (string, Applied, error)
	// UpdateDevice changes a device; what is not given stays as it is.
	UpdateDevice(ctx context.Context, uuid, id string, changes model.DeviceSpec, how DeviceChange) (Applied, error)
	// RemoveDevice removes a device. A guest that does not let go of it in
	// time is Timeout, and the stored definition still has the device then.
	RemoveDevice(ctx context.Context, uuid, id string, how DeviceChange) (Applied, error)
	// Configure changes the machine, from the next boot.
	Configure(ctx context.Context, uuid string, c *model.Configuration, how DeviceChange) (Applied, error)
	// SetBootOrder replaces the stored boot order, by ids of devices.
	SetBootOrder(ctx context.Context, uuid string, ids []string) error
	// MoveDisk copies the image of a disk of a VM that is off into a pool, and has
	// the VM use it there. It returns when nothing goes on any more: when it fails
	// or is cancelled, everything is as before. One at a time.
	MoveDisk(ctx context.Context, uuid, id string, move DiskMove) (MovedDisk, error)
	// CheckCopy looks whether the images of a VM, or that of one disk, can be copied:
	// NotAuthorized if the rights do not cover what they refer to, otherwise as
	// Clone and MoveDisk fail, which look again.
	CheckCopy(ctx context.Context, uuid, id string, rights ImageRights) error
	// ResizeDisk makes a disk larger, in bytes, also while the VM runs.
	ResizeDisk(ctx context.Context, uuid, id string, size uint64) error

	// XML is the definition, the stored one if inactive is set and with
	// passwords if secrets is set.
	XML(ctx context.Context, uuid string, inactive, secrets bool) (string, error)
	// DefineXML stores a definition after libvirt has validated it against its
	// schema, and returns its UUID. With a non-empty uuid it replaces that
	// VM's definition, and any other UUID or name in the XML is
	// InvalidArgument; with an empty one, a VM that exists is AlreadyExists.
	DefineXML(ctx context.Context, xml, uuid string) (string, error)
	// DefineNew is DefineXML for a new VM of a caller who may not define just any
	// XML. Without storage it is NotAuthorized, with ErrNeedsStorage, if the VM gets
	// an image that another VM has.
	DefineNew(ctx context.Context, xml string, storage bool) (string, error)

	// Screenshot writes an image of one screen and returns its MIME type.
	Screenshot(ctx context.Context, uuid string, screen uint32, w io.Writer) (string, error)
	// SendKeys presses the keys together and releases them. They are Linux
	// input event codes.
	SendKeys(ctx context.Context, uuid string, codes []uint32) error
	// OpenDisplay connects to a VM's graphics device. The caller closes the
	// file.
	OpenDisplay(ctx context.Context, uuid string, index uint32) (*os.File, DisplayInfo, error)
	// OpenConsole connects to a serial device, by libvirt's alias. The caller
	// closes the file; both directions end when either side does. Unless force
	// is set, a console somebody else uses is Busy.
	OpenConsole(ctx context.Context, uuid, alias string, force bool) (*os.File, error)
}
