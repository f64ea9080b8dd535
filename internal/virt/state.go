package virt

import (
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/model"
)

// states maps libvirt's states. Blocked is a running VM that waits for
// something, and NoState one that a hypervisor knows no more of.
var states = map[libvirt.DomainState]model.VMState{
	libvirt.DOMAIN_NOSTATE:     model.VMRunning,
	libvirt.DOMAIN_RUNNING:     model.VMRunning,
	libvirt.DOMAIN_BLOCKED:     model.VMRunning,
	libvirt.DOMAIN_PAUSED:      model.VMPaused,
	libvirt.DOMAIN_SHUTDOWN:    model.VMShuttingDown,
	libvirt.DOMAIN_SHUTOFF:     model.VMShutOff,
	libvirt.DOMAIN_CRASHED:     model.VMCrashed,
	libvirt.DOMAIN_PMSUSPENDED: model.VMSuspended,
}

// Words for the reasons of each state, by libvirt's numbers.
var (
	runningReasons = map[libvirt.DomainRunningReason]string{
		libvirt.DOMAIN_RUNNING_BOOTED:             "booted",
		libvirt.DOMAIN_RUNNING_MIGRATED:           "migrated",
		libvirt.DOMAIN_RUNNING_RESTORED:           "restored",
		libvirt.DOMAIN_RUNNING_FROM_SNAPSHOT:      "from-snapshot",
		libvirt.DOMAIN_RUNNING_UNPAUSED:           "unpaused",
		libvirt.DOMAIN_RUNNING_MIGRATION_CANCELED: "migration-cancelled",
		libvirt.DOMAIN_RUNNING_SAVE_CANCELED:      "save-cancelled",
		libvirt.DOMAIN_RUNNING_WAKEUP:             "wakeup",
		libvirt.DOMAIN_RUNNING_CRASHED:            "crashed",
		libvirt.DOMAIN_RUNNING_POSTCOPY:           "post-copy",
		libvirt.DOMAIN_RUNNING_POSTCOPY_FAILED:    "post-copy-failed",
	}
	pausedReasons = map[libvirt.DomainPausedReason]string{
		libvirt.DOMAIN_PAUSED_USER:            "user",
		libvirt.DOMAIN_PAUSED_MIGRATION:       "migration",
		libvirt.DOMAIN_PAUSED_SAVE:            "save",
		libvirt.DOMAIN_PAUSED_DUMP:            "dump",
		libvirt.DOMAIN_PAUSED_IOERROR:         "io-error",
		libvirt.DOMAIN_PAUSED_WATCHDOG:        "watchdog",
		libvirt.DOMAIN_PAUSED_FROM_SNAPSHOT:   "from-snapshot",
		libvirt.DOMAIN_PAUSED_SHUTTING_DOWN:   "shutting-down",
		libvirt.DOMAIN_PAUSED_SNAPSHOT:        "snapshot",
		libvirt.DOMAIN_PAUSED_CRASHED:         "crashed",
		libvirt.DOMAIN_PAUSED_STARTING_UP:     "starting-up",
		libvirt.DOMAIN_PAUSED_POSTCOPY:        "post-copy",
		libvirt.DOMAIN_PAUSED_POSTCOPY_FAILED: "post-copy-failed",
		libvirt.DOMAIN_PAUSED_API_ERROR:       "api-error",
	}
	shutOffReasons = map[libvirt.DomainShutoffReason]string{
		libvirt.DOMAIN_SHUTOFF_SHUTDOWN:      "shutdown",
		libvirt.DOMAIN_SHUTOFF_DESTROYED:     "destroyed",
		libvirt.DOMAIN_SHUTOFF_CRASHED:       "crashed",
		libvirt.DOMAIN_SHUTOFF_MIGRATED:      "migrated",
		libvirt.DOMAIN_SHUTOFF_SAVED:         "saved",
		libvirt.DOMAIN_SHUTOFF_FAILED:        "failed",
		libvirt.DOMAIN_SHUTOFF_FROM_SNAPSHOT: "from-snapshot",
		libvirt.DOMAIN_SHUTOFF_DAEMON:        "daemon",
	}
)

// stateOf translates a state and its reason. A reason that has no word yet is
// "unknown".
func stateOf(state libvirt.DomainState, reason int) (model.VMState, string) {
	word := ""
	switch state {
	case libvirt.DOMAIN_RUNNING:
		word = runningReasons[libvirt.DomainRunningReason(reason)]
	case libvirt.DOMAIN_PAUSED:
		word = pausedReasons[libvirt.DomainPausedReason(reason)]
	case libvirt.DOMAIN_SHUTOFF:
		word = shutOffReasons[libvirt.DomainShutoffReason(reason)]
	case libvirt.DOMAIN_CRASHED:
		if libvirt.DomainCrashedReason(reason) == libvirt.DOMAIN_CRASHED_PANICKED {
			word = "panicked"
		}
	case libvirt.DOMAIN_SHUTDOWN:
		if libvirt.DomainShutdownReason(reason) == libvirt.DOMAIN_SHUTDOWN_USER {
			word = "user"
		}
	}
	if word == "" {
		word = "unknown"
	}
	name, ok := states[state]
	if !ok {
		name = model.VMRunning // a state newer than this program: something runs
	}
	return name, word
}
