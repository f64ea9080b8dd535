package ui

import (
	"os"

	"org.kvmmanager/client-gtk/display"
	"org.kvmmanager/client-gtk/prefs"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// Service is what the windows need of the world. Each method returns at once;
// answers come on the main loop. What fails is shown by whoever implements it,
// but where an error is handed over.
type Service interface {
	HostService
	HardwareService
	// Do does something with VMs that needs no further words.
	Do(a store.Action, vms ...*model.VM)
	// Delete deletes VMs and disks of theirs, after a moment in which that can be
	// undone.
	Delete(deletions []Deletion)
	// Clone makes a VM like this one.
	Clone(vm *model.VM, name string, linked bool)
	// SetTemplate says whether a VM is there to be cloned.
	SetTemplate(vm *model.VM, on bool)
	// Plan tells what Create would make. file is the path of what the VM starts
	// from, or empty.
	Plan(host model.Path, spec model.VMSpec, file string, then func(client.Plan, error))
	// Create makes a VM, and shows it. begun hears whether that was begun.
	Create(host model.Path, spec model.VMSpec, file string, begun func(error))
	// TakeSnapshot keeps what a VM is now. begun hears whether that was begun.
	TakeSnapshot(vm *model.VM, r store.SnapshotRequest, begun func(error))
	// RevertSnapshot takes a VM back to a snapshot, after taking one with the
	// name before if that is not empty. start has the VM run then.
	RevertSnapshot(vm *model.VM, s *model.Snapshot, before string, start bool)
	// DeleteSnapshot deletes a snapshot, and what is below it if that is wanted.
	DeleteSnapshot(s *model.Snapshot, children bool)
	// DescribeSnapshot sets a snapshot's text for people.
	DescribeSnapshot(s *model.Snapshot, description string, then func(error))
	// VMs is all VMs of all hosts.
	VMs() []*model.VM
	// GuestInfo asks a guest about itself, if that takes no password. What fails
	// is shown by nobody.
	GuestInfo(vm model.Path, then func(*model.GuestInfo))
	// Edit changes what is set in changes, up to what does not work.
	Edit(vm *model.VM, changes Changes, then func(error))
	// Press sends keys to a VM's guest, by the names of Linux.
	Press(vm model.Path, keys []string)
	// Cancel asks a job to stop.
	Cancel(job model.Path)
	// Ready is whether the service is there.
	Ready() bool
	// Connect tries again to reach the service.
	Connect()
	// Reconnect has the service try again to reach a host.
	Reconnect(host model.Path)
	// HasWork is whether there is work of several steps that only this program can
	// bring to its end.
	HasWork() bool
	// TakeKeys gives all keys to a guest whose console has the keyboard now, or
	// gives the program its shortcuts back. Each console takes and gives in turn.
	TakeKeys(guest bool)
	// Preferences is what the person prefers. What is changed there takes
	// effect and is kept with PreferencesChanged.
	Preferences() *prefs.Preferences
	PreferencesChanged()

	// Snapshots is those of a VM, from memory.
	Snapshots(vm model.Path) []*model.Snapshot
	Permissions(vm model.Path, then func(map[string]client.Permission))
	Health(host model.Path, then func([]model.Check, error))
	// Thumbnail is a screenshot that fits into a size; nil when there is none,
	// or when it would take a password. The taker frees it.
	Thumbnail(vm model.Path, width, height int, then func(*display.Image))
	// SnapshotPicture is the same of what a guest showed when a snapshot was made.
	SnapshotPicture(snapshot model.Path, width, height int, then func(*display.Image))
	Screenshot(vm model.Path, then func(image []byte, err error))
	OpenDisplay(vm model.Path, index uint32, then func(socket *os.File, kind string, err error))
	OpenConsole(vm model.Path, id string, then func(*os.File, error))

	// Head reads the beginning of a file, at most size bytes of it. It is not nil
	// without an error.
	Head(file string, size int64, then func([]byte, error))
	// Write writes a file.
	Write(file string, content []byte)

	// Watch asks for samples for as long as one page or the other wants them.
	Watch(page *Page, wanted bool)
}

// Changes is what a person changed about a VM; nil is left as it is.
type Changes struct {
	Name, Title, Description *string
	Tags                     *[]string
	VCPUs                    *uint32
	Memory                   *uint64
	Autostart                *bool
}
