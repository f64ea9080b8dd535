// Package polkit asks whether a caller on the bus may do something.
//
// Authority asks polkit, for the service on the system bus. SameUID lets a
// user do everything in a service of their own, where there is no polkit. No
// answer that allows something is kept: polkit's depend on the details, on the
// session and on time.
package polkit

import (
	"context"
)

// Result is the answer to one check. At most one of its fields is set; none
// means a plain no.
type Result struct {
	// Authorized says that the caller may do it.
	Authorized bool
	// Challenge says that the caller could, after authentication. From an
	// interactive check it means that no authentication agent was there to
	// ask for the password.
	Challenge bool
	// Dismissed says that the person closed the password dialog.
	Dismissed bool
}

// Permission is what a caller may do without being asked anything.
type Permission string

// The permissions, in the words of Manager.GetPermissions.
const (
	Yes  Permission = "yes"
	Auth Permission = "auth" // after authentication
	No   Permission = "no"
)

// Permission is the result of a check without interaction in one word.
func (r Result) Permission() Permission {
	switch {
	case r.Authorized:
		return Yes
	case r.Challenge:
		return Auth
	default:
		return No
	}
}

// Caller is a connection to the bus.
type Caller struct {
	Sender string // its unique name
	UID    uint32 // the user that it belongs to, who waits for his own questions
}

// Checker decides about callers. Whoever gets an error from it has no
// permission: a failure denies.
type Checker interface {
	// Check asks whether caller may do action, and tells polkit's rules the
	// details. With interactive set the person may be asked for a password, which takes as long as it takes: it
	// ends with ctx, and the dialog goes away with it. The error is ctx's own
	// in that case, else one with a sentence for people.
	Check(ctx context.Context, caller Caller, action string, details map[string]string, interactive bool) (Result, error)
	// Permissions answers for many actions at once, without interaction, for a
	// user interface: the answers may be a second old.
	Permissions(ctx context.Context, caller Caller, actions []string, details map[string]string) (map[string]Permission, error)
	// Watch calls changed, from one goroutine, whenever earlier answers may no
	// longer hold, until ctx ends. It returns when no change can be missed any
	// more.
	Watch(ctx context.Context, changed func()) error
}
