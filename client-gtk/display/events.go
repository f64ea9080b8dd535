package display

import "os"

// Events are what a Screen reports, all on GTK's main loop. Each may be nil.
type Events struct {
	// Connected: the protocol is set up and pictures are on their way.
	Connected func()
	// Closed ends what Open began, exactly once for each that gave no error.
	// The error is nil after Close; otherwise it says why the connection
	// ended. The last picture stays until Clear or the next Open.
	Closed func(err error)
	// Resized: the guest's screen has this size in pixels.
	Resized func(width, height int)
	// MoreChannels is asked for another connection to the same display, which
	// SPICE needs several of, and answers with give, once and at any time.
	// Without it SPICE has no picture.
	MoreChannels func(give func(*os.File, error))
}

func (e *Events) connected() {
	if e.Connected != nil {
		e.Connected()
	}
}

func (e *Events) closed(err error) {
	if e.Closed != nil {
		e.Closed(err)
	}
}

func (e *Events) resized(width, height int) {
	if e.Resized != nil {
		e.Resized(width, height)
	}
}
