package model

// Fix names a method that removes what keeps a VM from starting.
type Fix string

// The fixes. Each is a method of the object that comes with it.
const (
	FixStartNetwork Fix = "start-network"       // Network.Start
	FixStartPool    Fix = "start-pool"          // StoragePool.Start
	FixDiscardState Fix = "discard-saved-state" // VM.DiscardSavedState
	FixMoveDisk     Fix = "move-disk"           // VM.MoveDisk
)

// StartCheck is one reason why a VM will not start, or may not: what was found,
// what a person can do about it, and what a program can, if anything.
type StartCheck struct {
	ID      string      `wire:"id"`
	Status  CheckStatus `wire:"status"`
	Message string      `wire:"message"`
	Hint    string      `wire:"hint"`
	Fix     Fix         `wire:"fix"`
	Object  Path        `wire:"object"` // what Fix is a method of
	Device  string      `wire:"device"` // of move-disk: the disk
	Pool    Path        `wire:"pool"`   // of move-disk: where to
}
