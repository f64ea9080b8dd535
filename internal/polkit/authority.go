package polkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
)

const (
	busName       = "org.freedesktop.PolicyKit1"
	objectPath    = dbus.ObjectPath("/org/freedesktop/PolicyKit1/Authority")
	authorityName = "org.freedesktop.PolicyKit1.Authority"

	// allowUserInteraction is the flag of CheckAuthorization that lets polkit
	// open a password dialog.
	allowUserInteraction = uint32(1)

	// patience is how long an answer that needs no person may take. polkit
	// ends a runaway rules file after 15 s, and the bus gives up starting
	// polkit after 25 s.
	patience = 30 * time.Second

	// A bus lets a connection wait for 128 answers (max_replies_per_connection
	// of dbus-daemon), and fails further calls. maxDialogs of them may take as
	// long as a person does, and never come; maxQuick are polkit's own.
	maxDialogs = 64
	maxQuick   = 48
	// maxQuickPerUser is how many of maxQuick one user may have. polkit answers
	// one question after the other, so it is how many others wait for.
	maxQuickPerUser = 4
)

// Authority asks polkit.
//
// Only root and the users that an action's policy names as its owner
// (org.freedesktop.policykit.owner) may ask about others and pass details.
type Authority struct {
	conn     *dbus.Conn
	patience time.Duration
	dialogs  chan struct{} // has something for each open dialog
	quick    *queue        // the other checks

	permissions permissionsCache
}

// New makes a client of the authority on the bus of conn, which stays the
// caller's. polkit may start and stop at any time.
func New(conn *dbus.Conn) *Authority {
	return &Authority{conn: conn, patience: patience, dialogs: make(chan struct{}, maxDialogs), quick: newQueue(maxQuick, maxQuickPerUser)}
}

// Check implements Checker.
func (a *Authority) Check(ctx context.Context, caller Caller, action string, details map[string]string, interactive bool) (Result, error) {
	var flags uint32
	asked := ctx
	if interactive {
		select {
		case a.dialogs <- struct{}{}:
			defer func() { <-a.dialogs }()
		default:
			return Result{}, errs.New(errs.Busy, "Too many people are being asked for a password. Try again in a moment.")
		}
		flags = allowUserInteraction
	} else {
		done, err := a.quick.take(ctx, caller.UID)
		if err != nil {
			return Result{}, err
		}
		defer done()
		var cancel context.CancelFunc
		asked, cancel = context.WithTimeout(ctx, a.patience)
		defer cancel()
	}
	reply, err := a.ask(asked, caller.Sender, action, details, flags)
	switch {
	case err == nil:
		return reply.result(), nil
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	default:
		// Not a refusal: polkit has said nothing.
		return Result{}, errs.Wrap(errs.Timeout, err,
			"The authorization service polkit could not be asked. Try again, or see “systemctl status polkit”.")
	}
}

// subject is polkit's (sa{sv}): a kind and what identifies one of that kind.
type subject struct {
	Kind    string
	Details map[string]dbus.Variant
}

// answer is polkit's (bba{ss}).
type answer struct {
	Authorized, Challenge bool
	Details               map[string]string
}

func (r answer) result() Result {
	return Result{
		Authorized: r.Authorized,
		Challenge:  r.Challenge && !r.Authorized,
		Dismissed:  !r.Authorized && !r.Challenge && r.Details["polkit.dismissed"] != "",
	}
}

// ask calls CheckAuthorization. When ctx ends first, it tells polkit, so that
// an open dialog goes away.
func (a *Authority) ask(ctx context.Context, sender, action string, details map[string]string, flags uint32) (answer, error) {
	if details == nil {
		details = map[string]string{}
	}
	// A system-bus-name subject cannot be swapped for another process, as one
	// named by its process id can.
	who := subject{"system-bus-name", map[string]dbus.Variant{"name": dbus.MakeVariant(sender)}}
	cancellation := rand.Text()

	authority := a.conn.Object(busName, objectPath)
	var reply answer
	err := authority.CallWithContext(ctx, authorityName+".CheckAuthorization", 0,
		who, action, details, flags, cancellation).Store(&reply)
	if err != nil && ctx.Err() != nil {
		// The call was sent before, so polkit reads this one after it. When
		// polkit had answered meanwhile it does not know the id, and nobody
		// needs to hear that.
		authority.Call(authorityName+".CancelCheckAuthorization",
			dbus.FlagNoReplyExpected|dbus.FlagNoAutoStart, cancellation)
		return answer{}, ctx.Err()
	}
	return reply, withName(err)
}

// withName adds a D-Bus error's name, which says more than its text.
func withName(err error) error {
	var e dbus.Error
	if errors.As(err, &e) {
		return fmt.Errorf("cannot check the authorization: %s: %w", e.Name, err)
	}
	return err
}
