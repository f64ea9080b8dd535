// Package errs holds the kinds of errors that cross the D-Bus border and
// their names, both ways.
//
// An error's message is one sentence for a person. Its cause is for the log
// only and never crosses the border.
package errs

import (
	"context"
	"errors"
	"fmt"
)

// Prefix starts the D-Bus name of every error of the service.
const Prefix = "org.kvmmanager.Error."

// Kind says what sort of failure an error is. Its value is the last element
// of the D-Bus name.
type Kind string

// The kinds of api.md, section 5.
const (
	NotFound                Kind = "NotFound"
	AlreadyExists           Kind = "AlreadyExists"
	InvalidArgument         Kind = "InvalidArgument"
	InvalidState            Kind = "InvalidState"
	Busy                    Kind = "Busy"
	NotSupported            Kind = "NotSupported"
	NotAuthorized           Kind = "NotAuthorized"
	AuthenticationDismissed Kind = "AuthenticationDismissed"
	NoSpace                 Kind = "NoSpace"
	PermissionDenied        Kind = "PermissionDenied"
	Disconnected            Kind = "Disconnected"
	Timeout                 Kind = "Timeout"
	Cancelled               Kind = "Cancelled"
	VersionMismatch         Kind = "VersionMismatch"
	DeviceInUse             Kind = "DeviceInUse"
	GuestAgentUnavailable   Kind = "GuestAgentUnavailable"
	LibvirtFailed           Kind = "LibvirtFailed"
	Internal                Kind = "Internal"
)

// Kinds is every kind, in the order of api.md.
func Kinds() []Kind {
	return []Kind{
		NotFound, AlreadyExists, InvalidArgument, InvalidState, Busy, NotSupported,
		NotAuthorized, AuthenticationDismissed, NoSpace, PermissionDenied, Disconnected,
		Timeout, Cancelled, VersionMismatch, DeviceInUse, GuestAgentUnavailable,
		LibvirtFailed, Internal,
	}
}

// DBusName is the kind's error name on the bus.
func (k Kind) DBusName() string { return Prefix + string(k) }

// FromDBusName is the kind with this error name; false for a foreign name.
func FromDBusName(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.DBusName() == name {
			return k, true
		}
	}
	return "", false
}

// Error is a failure with a kind and a sentence for people.
type Error struct {
	Kind    Kind
	Message string
	cause   error
}

// Error is the message and, for logs, the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// New makes an error of this kind.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an error of this kind whose cause is kept for the log.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), cause: cause}
}

// Of finds the outermost kind and message in err. A context's end is Cancelled
// or Timeout; whatever else has no kind is Internal, and its text stays inside.
func Of(err error) (Kind, string) {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind, e.Message
	case errors.Is(err, context.Canceled):
		return Cancelled, "The operation was cancelled."
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout, "The operation took too long."
	default:
		return Internal, "The service made a mistake. Its journal has the details."
	}
}

// Clean is err with a message that clean has gone over. What has no kind is
// left as it is.
func Clean(err error, clean func(string) string) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	if message := clean(e.Message); message != e.Message {
		return &Error{Kind: e.Kind, Message: message, cause: err}
	}
	return err
}

// Is says whether err is of this kind.
func Is(err error, kind Kind) bool {
	if err == nil {
		return false
	}
	k, _ := Of(err)
	return k == kind
}
