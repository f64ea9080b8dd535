package client

import (
	"context"
	"errors"
	"strings"

	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/errs"
)

// ErrNeedsInteraction is in the chain of errors of calls that would have
// succeeded after a password, had the option Interactive been given.
var ErrNeedsInteraction = errors.New("interactive authorization is required")

const standardPrefix = "org.freedesktop.DBus.Error."

// toError is an error of the bus or the service as an errs.Error. The end of a
// context stays what it is.
func toError(err error) error {
	var e *busconn.Error
	var known *errs.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &known):
		return err
	case errors.As(err, &e):
		return fromBus(e)
	case errors.Is(err, busconn.ErrClosed):
		return errs.Wrap(errs.Disconnected, err, "The connection to the service is closed.")
	default:
		return errs.Wrap(errs.Disconnected, err, "The connection to the service is lost.")
	}
}

func fromBus(e *busconn.Error) error {
	if kind, ok := errs.FromDBusName(e.Name); ok {
		return errs.New(kind, "%s", e.Message)
	}
	name, standard := strings.CutPrefix(e.Name, standardPrefix)
	if !standard {
		return errs.Wrap(errs.Internal, e, "The service failed in a way that is not known here.")
	}
	switch name {
	case "InteractiveAuthorizationRequired":
		return errs.Wrap(errs.NotAuthorized, ErrNeedsInteraction, "%s", e.Message)
	case "AccessDenied", "AuthFailed":
		return errs.Wrap(errs.NotAuthorized, e, "The message bus does not let you use the KVM Manager service.")
	case "UnknownObject":
		return errs.Wrap(errs.NotFound, e, "The object does not exist any more.")
	case "UnknownMethod", "UnknownInterface", "UnknownProperty":
		return errs.Wrap(errs.NotSupported, e, "The KVM Manager service that runs is too old for this.")
	case "InvalidArgs":
		return errs.Wrap(errs.NotSupported, e, "The KVM Manager service that runs expects this in another way.")
	case "ServiceUnknown", "NameHasNoOwner":
		return errs.Wrap(errs.Disconnected, e, "The KVM Manager service does not run.")
	case "NoReply", "Disconnected":
		return errs.Wrap(errs.Disconnected, e, "The KVM Manager service stopped before it answered.")
	case "LimitsExceeded":
		return errs.Wrap(errs.Busy, e, "The KVM Manager service has too much to do. Try again in a moment.")
	case "Timeout", "TimedOut":
		return errs.Wrap(errs.Timeout, e, "The KVM Manager service took too long.")
	}
	if strings.HasPrefix(name, "Spawn.") {
		return errs.Wrap(errs.Disconnected, e, "The KVM Manager service cannot be started.")
	}
	return errs.Wrap(errs.Internal, e, "The message bus failed in a way that is not known here.")
}

// isName says whether an error came with one of these standard names.
func isName(err error, names ...string) bool {
	var e *busconn.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, name := range names {
		if e.Name == standardPrefix+name {
			return true
		}
	}
	return false
}
