package client

// State says how things stand with the service.
type State string

// The states of the service.
const (
	// Starting: nothing is known yet; the service is being started or read.
	Starting State = "starting"
	// Ready: the mirror is complete and live.
	Ready State = "ready"
	// Gone: the service has left the bus. The mirror is stale. It comes back when
	// somebody starts it, with the next Wanted call, or with Activate. Other
	// calls get Disconnected.
	Gone State = "gone"
	// NotInstalled: there is no such service on this bus, and no way to start
	// it. If one appears all the same, the state changes.
	NotInstalled State = "not-installed"
	// Failed: the service cannot be started or read; Status.Err says why.
	Failed State = "failed"
	// Closed: the connection to the bus has ended, and the client with it. Its
	// mirror is empty.
	Closed State = "closed"
)

// Status is a state, with the reason of one that is no good.
type Status struct {
	State State
	Err   error // an errs.Error in NotInstalled, Failed and Closed
}

// settled says that nothing more happens by itself.
func (s Status) settled() bool { return s.State != Starting && s.State != Gone }
