package client

import (
	"math"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
)

// Option changes how a method works. The service refuses an option that the
// method does not have with InvalidArgument.
type Option func(*request)

// Interactive lets the service ask the person for a password. The call can
// then take as long as the person does. It is Wanted.
func Interactive() Option {
	return func(r *request) {
		r.flags |= dbus.FlagAllowInteractiveAuthorization
		r.starts = true
	}
}

// Wanted is for what a person has asked for: a service that does not run is
// started.
func Wanted() Option { return func(r *request) { r.starts = true } }

func set(key string, value any) Option {
	return func(r *request) { r.options[key] = dbus.MakeVariant(value) }
}

// Wait makes a method return when its job has ended, with the job's error.
func Wait() Option { return set("wait", true) }

// BindLifetime has the job cancelled if this program leaves the bus.
func BindLifetime() Option { return set("bind-lifetime", true) }

// ExpectedVersion has the call fail with VersionMismatch if the VM's
// ConfigVersion is another.
func ExpectedVersion(version uint64) Option { return set("expected-version", version) }

// ApplyTo says what a change of hardware is for.
type ApplyTo string

// What a change of hardware can be for.
const (
	ApplyNow      ApplyTo = "now"       // the running VM only
	ApplyNextBoot ApplyTo = "next-boot" // the stored configuration only
	ApplyBoth     ApplyTo = "both"      // both where possible, which is the default
)

// Apply says what a change of hardware is for.
func Apply(to ApplyTo) Option { return set("apply", string(to)) }

// Paused leaves a VM that starts paused before its first instruction.
func Paused() Option { return set("paused", true) }

// Actions has permissions asked for these polkit actions only.
func Actions(actions ...string) Option { return set("actions", actions) }

// Dependents removes with a device what depends on it.
func Dependents() Option { return set("dependents", true) }

// AllStorage stands for every disk that nobody else uses.
const AllStorage = "*"

// DeleteStorage deletes the volumes of disks with a VM, by the disks' ids. What
// others use is kept, and named in the job's result.
func DeleteStorage(disks ...string) Option { return set("delete-storage", disks) }

// Linked makes a clone whose disks are made of those of its template, and hold
// only what differs.
func Linked() Option { return set("linked", true) }

// Description is the text for people of a new snapshot.
func Description(text string) Option { return set("description", text) }

// Memory says whether a snapshot has the guest's memory.
func Memory(with bool) Option { return set("memory", with) }

// Kind says where the data of a new snapshot is kept, instead of wherever it
// can be.
func Kind(kind model.SnapshotKind) Option { return set("kind", string(kind)) }

// Quiesce has the guest agent freeze the file systems while a snapshot is made.
func Quiesce() Option { return set("quiesce", true) }

// Children deletes everything below a snapshot with it.
func Children() Option { return set("children", true) }

// StartAfter has a VM run after it has gone back to a snapshot.
func StartAfter() Option { return set("start", true) }

// Timeout is how long Shutdown waits for the guest, in whole seconds.
func Timeout(d time.Duration) Option {
	seconds := min(max(int64(math.Ceil(d.Seconds())), 1), math.MaxUint32)
	return set("timeout", uint32(seconds))
}

// Inactive asks for the stored configuration even if the VM runs.
func Inactive() Option { return set("inactive", true) }

// Secrets asks for passwords as well.
func Secrets() Option { return set("secrets", true) }

// Force takes a console over from whoever uses it, and stops or deletes a network
// that VMs have interfaces in.
func Force() Option { return set("force", true) }

// Screen is which screen to take a picture of, from 0.
func Screen(number uint32) Option { return set("screen", number) }

// The interfaces, short.
const (
	managerIface  = api.ManagerInterface
	hostIface     = api.HostInterface
	vmIface       = api.VMInterface
	guestIface    = api.GuestInterface
	snapshotIface = api.SnapshotInterface
	jobIface      = api.JobInterface
)
