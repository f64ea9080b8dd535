package polkit

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"
)

const (
	busDaemon        = "org.freedesktop.DBus"
	nameOwnerChanged = busDaemon + ".NameOwnerChanged"
	changedSignal    = authorityName + ".Changed"
)

// Watch implements Checker. It follows polkit's own signal, which comes when
// rules, actions, sessions or temporary authorizations change, and restarts of
// polkit, which may have lost any of them.
func (a *Authority) Watch(ctx context.Context, changed func()) error {
	signals := make(chan *dbus.Signal, 16)
	a.conn.Signal(signals)
	if err := a.subscribe(ctx); err != nil {
		a.unsubscribe(signals)
		return fmt.Errorf("cannot watch polkit: %w", err)
	}
	w := watch{owner: a.owner(ctx), greet: a.greet, changed: func() {
		a.permissions.forget()
		changed()
	}}
	if w.owner != "" {
		<-w.greet(ctx, w.owner)
	}
	go func() {
		defer a.unsubscribe(signals)
		w.run(ctx, signals)
	}()
	return nil
}

func (a *Authority) subscribe(ctx context.Context) error {
	for _, rule := range matches() {
		if err := a.conn.AddMatchSignalContext(ctx, rule...); err != nil {
			return err
		}
	}
	return nil
}

func (a *Authority) unsubscribe(signals chan *dbus.Signal) {
	a.conn.RemoveSignal(signals)
	for _, rule := range matches() {
		// It fails when the rule was never added or the connection is gone.
		_ = a.conn.RemoveMatchSignal(rule...)
	}
}

func matches() [][]dbus.MatchOption {
	return [][]dbus.MatchOption{
		{
			dbus.WithMatchSender(busDaemon), dbus.WithMatchInterface(busDaemon),
			dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, busName),
		},
		{
			dbus.WithMatchSender(busName), dbus.WithMatchObjectPath(objectPath),
			dbus.WithMatchInterface(authorityName), dbus.WithMatchMember("Changed"),
		},
	}
}

// owner is polkit's unique name, empty while it does not run.
func (a *Authority) owner(ctx context.Context) string {
	var owner string
	err := a.conn.BusObject().CallWithContext(ctx, busDaemon+".GetNameOwner", 0, busName).Store(&owner)
	if err != nil {
		return ""
	}
	return owner
}

// greet calls polkit, and returns a channel that has something when it has
// answered: the service's connection hears only whom it has asked something.
func (a *Authority) greet(ctx context.Context, owner string) <-chan *dbus.Call {
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	call := a.conn.Object(owner, objectPath).GoWithContext(ctx, "org.freedesktop.DBus.Peer.Ping", dbus.FlagNoAutoStart, make(chan *dbus.Call, 1))
	context.AfterFunc(call.Context(), cancel)
	return call.Done
}

// watch tells polkit's signals from those that anybody may send to the
// service's connection.
type watch struct {
	owner   string
	changed func()
	greet   func(ctx context.Context, owner string) <-chan *dbus.Call
}

func (w *watch) run(ctx context.Context, signals <-chan *dbus.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case signal, open := <-signals:
			if !open {
				return // with the connection
			}
			before := w.owner
			if w.concerns(signal) {
				w.changed()
			}
			if w.owner != before && w.owner != "" {
				w.greet(ctx, w.owner)
			}
		}
	}
}

func (w *watch) concerns(signal *dbus.Signal) bool {
	switch signal.Name {
	case changedSignal:
		return signal.Sender == w.owner && signal.Path == objectPath
	case nameOwnerChanged:
		return signal.Sender == busDaemon && w.follow(signal.Body)
	default:
		return false
	}
}

// follow takes over polkit's new owner and says whether it is another one. A
// polkit that went away changes nothing yet: the next question starts it.
func (w *watch) follow(body []any) bool {
	var name, before, after string
	if dbus.Store(body, &name, &before, &after) != nil || name != busName {
		return false
	}
	w.owner = after
	return after != ""
}
