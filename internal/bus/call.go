package bus

import (
	"os"

	"github.com/godbus/dbus/v5"
)

// Call is one method call that reached the handler: the object existed and the
// arguments have the declared types.
type Call struct {
	Sender      string // the caller's unique name
	UID, PID    uint32 // the caller's; the process is 0 if the bus does not know it
	Path        dbus.ObjectPath
	Interface   string // filled in when the caller left it out
	Member      string
	Args        []any // as godbus decodes them; a descriptor is a dbus.UnixFDIndex
	Interactive bool  // the caller allows a password dialog
	NoReply     bool  // the caller does not want to know

	incoming *incoming
}

// Serial returns the number of the call's message, which its reply refers to.
func (c *Call) Serial() uint32 {
	if c.incoming == nil {
		return 0
	}
	return c.incoming.serial
}

// File gives the handler a descriptor of the call, which it then closes
// itself. False when there is none of this number, or it was taken before.
// Descriptors that nobody takes are closed when the handler returns.
func (c *Call) File(index dbus.UnixFDIndex) (*os.File, bool) {
	if c.incoming == nil || int64(index) >= int64(len(c.incoming.fds)) || c.incoming.fds[index] < 0 {
		return nil, false
	}
	fd := c.incoming.fds[index]
	c.incoming.fds[index] = -1
	return os.NewFile(uintptr(fd), c.Member), true
}

// incoming is a call as it came from the bus. One goroutine owns it.
type incoming struct {
	*header
	link     *link
	frame    []byte
	fds      []int  // -1 where the handler has taken one
	uid, pid uint32 // of the caller, as the bus has it
	refused  error  // why it is not even read

	// Guarded by the mutex of shares.
	known   bool // uid and pid are
	cost    int  // bytes of the user's share that the call takes up
	charged bool // the user has paid
	strange bool // cost counts among those of senders that are not known,
	long    bool // and among their long calls
	slot    bool // one of those that are served
}

func (in *incoming) wantsReply() bool { return in.flags&dbus.FlagNoReplyExpected == 0 }

func (in *incoming) closeFDs() {
	for _, fd := range in.fds {
		if fd >= 0 {
			closeAll([]int{fd})
		}
	}
	in.fds = nil
}
