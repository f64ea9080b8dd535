package bus

import (
	"context"
	"fmt"
	"sync"

	"github.com/godbus/dbus/v5"
)

const daemonName = "org.freedesktop.DBus"

// Watcher tells when callers leave the bus. It asks the bus for the departures
// of the names that it watches, and of no others.
type Watcher struct {
	conn    *dbus.Conn
	signals chan *dbus.Signal

	// setup is held while the match rule of a name is added or removed.
	setup sync.Mutex

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
	w.setup.Lock()
	defer w.setup.Unlock()
	if w.watched(name) == 0 {
		if err := w.conn.AddMatchSignalContext(ctx, match(name)...); err != nil {
			go w.unmatch(name) // the bus may have had it though we gave up waiting
			return nil, fmt.Errorf("cannot watch %s: %w", name, err)
		}
	}
	entry := &watch{gone}
	w.add(name, entry)
	// Whoever left before the rule was there is not announced.
	var present bool
	err = w.conn.BusObject().CallWithContext(ctx, daemonName+".NameHasOwner", 0, name).Store(&present)
	if err != nil {
		w.removeLocked(name, entry)
		return nil, fmt.Errorf("cannot watch %s: %w", name, err)
	}
	if !present {
		w.left(name)
	}
	return func() { w.remove(name, entry) }, nil
}

// Credentials is the user and the process of a caller. It asks the bus each
// time: the answer is one message away, and a cache would have to be watched.
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

func match(name string) []dbus.MatchOption {
	return []dbus.MatchOption{
		dbus.WithMatchSender(daemonName), dbus.WithMatchInterface(daemonName),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, name),
	}
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
	if len(watches) == 0 {
		return
	}
	go w.unmatch(name)
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
	w.setup.Lock()
	defer w.setup.Unlock()
	w.removeLocked(name, entry)
}

// removeLocked needs setup.
func (w *Watcher) removeLocked(name string, entry *watch) {
	w.mu.Lock()
	_, known := w.names[name][entry]
	delete(w.names[name], entry)
	last := known && len(w.names[name]) == 0
	if last {
		delete(w.names, name)
	}
	w.mu.Unlock()
	if last {
		w.removeMatch(name)
	}
}

func (w *Watcher) unmatch(name string) {
	w.setup.Lock()
	defer w.setup.Unlock()
	w.removeMatch(name)
}

// removeMatch needs setup. A failure means that the connection is lost, and
// its rules with it.
func (w *Watcher) removeMatch(name string) {
	_ = w.conn.RemoveMatchSignal(match(name)...)
}
