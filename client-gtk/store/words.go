package store

import (
	"fmt"
	"math"
	"time"

	"org.kvmmanager/internal/model"
)

// Words turns values into what people read.
type Words struct {
	// Translate gives a text in the user's language. Nil: English.
	Translate func(string) string
}

// mark marks a text that is translated later, by text.
func mark(s string) string { return s }

func (w Words) text(s string) string {
	if w.Translate == nil {
		return s
	}
	return w.Translate(s)
}

// Size is a number of bytes, such as 1.5 GiB.
func (w Words) Size(bytes uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	value, unit := float64(bytes), 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if value >= 1023.5 && unit < len(units)-1 { // it would read 1024
		value, unit = 1, unit+1
	}
	// TRANSLATORS: a number and a unit.
	return fmt.Sprintf(w.text("%s %s"), short(value), w.text(units[unit]))
}

// short is a number with up to three digits, and a decimal place where it
// tells something.
func short(v float64) string {
	if r := math.Round(v*10) / 10; r < 10 && r != math.Trunc(r) {
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", v)
}

// Rate is a number of bytes a second.
func (w Words) Rate(bytesPerSecond float64) string {
	// TRANSLATORS: a size, such as 1.5 MiB, each second.
	return fmt.Sprintf(w.text("%s/s"), w.Size(uint64(max(bytesPerSecond, 0))))
}

// Percent is a share of 100.
func (w Words) Percent(p float64) string { return fmt.Sprintf(w.text("%.0f %%"), p) }

// Duration is a time span with its two largest units, such as 3 d 4 h. Units
// are short, since the rules for plurals differ.
func (w Words) Duration(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case days > 0:
		return fmt.Sprintf(w.text("%d d %d h"), days, hours)
	case hours > 0:
		return fmt.Sprintf(w.text("%d h %d min"), hours, minutes)
	case minutes > 0:
		return fmt.Sprintf(w.text("%d min"), minutes)
	default:
		return fmt.Sprintf(w.text("%d s"), int(d.Seconds()))
	}
}

// Uptime is how long a VM has been running; empty when it is off or nobody
// knows.
func (w Words) Uptime(vm *model.VM, now time.Time) string {
	if vm.StartedAt.IsZero() || !vm.State.Active() {
		return ""
	}
	return w.Duration(now.Sub(vm.StartedAt))
}

// VMStateFor returns what a VM does, and for how long. since is when its state
// changed; zero if that was not seen. The state while the host cannot be reached
// is unknown: that is said after the last known one.
func (w Words) VMStateFor(vm *model.VM, host *model.Host, since, now time.Time) string {
	state, duration := w.VMState(vm), ""
	switch {
	case !Reachable(host):
		return state + " · " + w.HostState(host.State)
	case vm.State == model.VMRunning:
		duration = w.Uptime(vm, now)
	case vm.State.Active() && !since.IsZero():
		duration = w.Duration(now.Sub(since))
	}
	if duration == "" {
		return state
	}
	// TRANSLATORS: a state, such as Running, and for how long.
	return fmt.Sprintf(w.text("%s for %s"), state, duration)
}

var vmStates = map[model.VMState]string{
	model.VMRunning: mark("Running"), model.VMPaused: mark("Paused"), model.VMShuttingDown: mark("Shutting down"),
	model.VMShutOff: mark("Off"), model.VMCrashed: mark("Crashed"), model.VMSuspended: mark("Suspended"),
	model.VMStarting: mark("Starting"), model.VMSaving: mark("Saving"), model.VMRestoring: mark("Restoring"), model.VMMigrating: mark("Migrating"),
}

// VMState is what a VM does. A state that is not known here stays as it is.
func (w Words) VMState(vm *model.VM) string {
	switch {
	case vm.State == model.VMShutOff && vm.Template:
		return w.text("Template")
	case vm.State == model.VMShutOff && vm.HasSavedState:
		return w.text("Saved")
	case vm.State == model.VMShutOff && vm.StateReason == "crashed":
		return w.text("Crashed")
	case vm.State == model.VMShutOff && vm.StateReason == "failed":
		return w.text("Failed to start")
	case vm.State == model.VMPaused && vm.StateReason == "io-error":
		return w.text("Paused by a storage error")
	}
	return lookUp(w, vmStates, vm.State)
}

var hostStates = map[model.ConnectionState]string{
	model.Connecting: mark("Connecting"), model.Connected: mark("Connected"), model.Disconnected: mark("Not connected"),
}

// HostState says whether a host can be reached.
func (w Words) HostState(s model.ConnectionState) string { return lookUp(w, hostStates, s) }

var poolStates = map[model.PoolState]string{
	model.PoolInactive: mark("Inactive"), model.PoolBuilding: mark("Being prepared"), model.PoolRunning: mark("Active"),
	model.PoolDegraded: mark("Degraded"), model.PoolInaccessible: mark("Inaccessible"),
}

// PoolState is how a storage pool is.
func (w Words) PoolState(s model.PoolState) string { return lookUp(w, poolStates, s) }

var jobStates = map[model.JobState]string{
	model.JobQueued: mark("Waiting"), model.JobRunning: mark("Running"), model.JobCancelling: mark("Cancelling"),
	model.JobDone: mark("Done"), model.JobFailed: mark("Failed"), model.JobCancelled: mark("Cancelled"),
}

// JobState is where a job is in its life.
func (w Words) JobState(s model.JobState) string { return lookUp(w, jobStates, s) }

var operations = map[string]string{
	"start": mark("Starting"), "shutdown": mark("Shutting down"), "reboot": mark("Rebooting"), "reset": mark("Resetting"),
	"power-off": mark("Turning off"), "pause": mark("Pausing"), "resume": mark("Resuming"), "save": mark("Saving"),
	"discard-saved-state": mark("Discarding the saved state"), "delete": mark("Deleting"), "clone": mark("Cloning"), "create": mark("Creating"), "start-pool": mark("Starting the storage pool"),
	"create-pool": mark("Creating the storage pool"), "refresh-pool": mark("Looking for changes"), "delete-pool": mark("Removing the storage pool"),
	"create-volume": mark("Creating a volume"), "delete-volume": mark("Deleting a volume"), "resize-volume": mark("Resizing a volume"),
	"wipe-volume": mark("Wiping a volume"), "clone-volume": mark("Cloning a volume"), "upload-volume": mark("Uploading"), "download-volume": mark("Downloading"),
	"resize-disk":     mark("Resizing a disk"),
	"move-disk":       mark("Copying a disk into a storage pool"),
	"create-snapshot": mark("Taking a snapshot"), "revert-snapshot": mark("Going back to a snapshot"), "delete-snapshot": mark("Deleting a snapshot"),
	"freeze-filesystems": mark("Freezing the file systems"), "thaw-filesystems": mark("Thawing the file systems"), "trim-filesystems": mark("Trimming the file systems"),
}

// Operation is what a job does.
func (w Words) Operation(operation string) string { return lookUp(w, operations, operation) }

// Work returns what a job does, and how far it is if that is known.
func (w Words) Work(job *model.Job) string {
	text := w.Operation(job.Operation)
	if job.Progress <= 0 {
		return text
	}
	// TRANSLATORS: what is done, such as Cloning, and how far it is, such as 42 %.
	return fmt.Sprintf(w.text("%s, %s"), text, w.Percent(100*job.Progress))
}

func lookUp[K ~string](w Words, words map[K]string, key K) string {
	if text, known := words[key]; known {
		return w.text(text)
	}
	return string(key)
}
