package bus

import (
	"context"
	"fmt"
	"sync"

	"github.com/godbus/dbus/v5"
)

const daemonName = "org.freedesktop.DBus"

// Watcher tells when callers leave the bus. One match rule is for all names: a
// connection may have some hundred rules, and any user many connections.
type Watcher struct {
	conn    *dbus.Conn
	signals chan *dbus.Signal

	// setup is held while the match rule is added.
	setup    sync.Mutex
	watching bool // the rule is there, and stays

	mu    sync.Mutex
	names map[string]map[*watch]struct{} // by unique name
}

// watch is one caller of Watch.
type watch struct{ gone func() }

// NewWatcher watches over a connection, and ends with it. Signals on the
// connection must keep their order, as on those of Tree.Connect.
func NewWatcher(conn *dbus.Conn) *Watcher {
	w := &Watcher{conn: conn, signals: make(chan *dbus.Signal, 16), names: make(map[string]map[*watch]struct{})}
	conn.Signal(w.signals)
	go w.run()
	return w
}

// Watch calls gone once, in a goroutine of its own, when the unique name is no
// longer on the bus, also when it left before Watch was called. stop, which
// may be called more than once, ends the watch; gone may be under way then.
// Without an error, stop must be called some time unless gone has been.
func (w *Watcher) Watch(ctx context.Context, name string, gone func()) (stop func(), err error) {
	if err := w.subscribe(ctx); err != nil {
		return nil, fmt.Errorf("cannot watch %s: %w", name, err)
	}
	entry := &watch{gone}
	w.add(name, entry)
	// Whoever left before is not announced any more.
	var present bool
	err = w.conn.BusObject().CallWithContext(ctx, daemonName+".NameHasOwner", 0, name).Store(&present)
	if err != nil {
		w.remove(name, entry)
		return nil, fmt.Errorf("cannot watch %s: %w", name, err)
	}
	if !present {
		w.left(name)
	}
	return func() { w.remove(name, entry) }, nil
}

// subscribe asks the bus to announce departures, unless it does so already.
func (w *Watcher) subscribe(ctx context.Context) error {
	w.setup.Lock()
	defer w.setup.Unlock()
	if w.watching {
		return nil
	}
	// The last argument is the new owner: nobody.
	err := w.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(daemonName), dbus.WithMatchInterface(daemonName),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(2, ""))
	w.watching = err == nil
	return err
}

// Credentials is the user and the process of a caller, as the bus has it.
// Buses since D-Bus 1.16 add a descriptor to the answer, which a connection of
// Tree.Connect closes and one of godbus's own leaks.
func (w *Watcher) Credentials(ctx context.Context, name string) (uid, pid uint32, err error) {
	var all map[string]dbus.Variant
	err = w.conn.BusObject().CallWithContext(ctx, daemonName+".GetConnectionCredentials", 0, name).Store(&all)
	if err != nil {
		return 0, 0, fmt.Errorf("cannot ask who %s is: %w", name, err)
	}
	uid, known := all["UnixUserID"].Value().(uint32)
	if !known {
		return 0, 0, fmt.Errorf("cannot ask who %s is: the bus does not know", name)
	}
	pid, _ = all["ProcessID"].Value().(uint32) // absent across some containers
	return uid, pid, nil
}

// run ends when the connection does, which closes the channel.
func (w *Watcher) run() {
	for s := range w.signals {
		var name, before, after string
		if s.Sender != daemonName || s.Name != daemonName+".NameOwnerChanged" {
			continue
		}
		if dbus.Store(s.Body, &name, &before, &after) == nil && after == "" {
			w.left(name)
		}
	}
}

// left tells everybody who watches name.
func (w *Watcher) left(name string) {
	w.mu.Lock()
	watches := w.names[name]
	delete(w.names, name)
	w.mu.Unlock()
	for entry := range watches {
		go entry.gone()
	}
}

func (w *Watcher) watched(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.names[name])
}

func (w *Watcher) add(name string, entry *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names[name] == nil {
		w.names[name] = make(map[*watch]struct{})
	}
	w.names[name][entry] = struct{}{}
}

func (w *Watcher) remove(name string, entry *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.names[name], entry)
	if len(w.names[name]) == 0 {
		delete(w.names, name)
	}
}
