//go:build system

package system_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
)

// recorder keeps every signal of the service, in order.
type recorder struct {
	*client
	incoming chan *dbus.Signal
	seen     []*dbus.Signal // since the last mark
}

const (
	manySignals = 4096
	// ownInterface is that of a signal of the test's own.
	ownInterface = "org.kvmmanager.test"
)

// record connects as root and listens to the service.
func record(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{client: as(t, "root"), incoming: make(chan *dbus.Signal, manySignals)}
	r.listen()
	if err := r.conn.AddMatchSignal(dbus.WithMatchInterface(ownInterface)); err != nil {
		t.Fatal(err)
	}
	r.conn.Signal(r.incoming)
	return r
}

func (c *client) listen() {
	c.t.Helper()
	if err := c.conn.AddMatchSignal(dbus.WithMatchSender(api.BusName)); err != nil {
		c.t.Fatal(err)
	}
}

// mark forgets what was sent before now: what comes before the answer to a call
// of ours, and before a signal of ours after that.
func (r *recorder) mark() {
	r.t.Helper()
	r.must(api.RootPath, "org.freedesktop.DBus.Peer.Ping")
	if err := r.conn.Emit(api.RootPath, ownInterface+".Mark"); err != nil {
		r.t.Fatal(err)
	}
	deadline := time.After(patience)
	for {
		select {
		case s := <-r.incoming:
			if s.Name == ownInterface+".Mark" && s.Sender == r.conn.Names()[0] {
				r.seen = nil
				return
			}
		case <-deadline:
			r.t.Fatal("our own signal does not come back")
		}
	}
}

// until waits for a signal since the mark.
func (r *recorder) until(limit time.Duration, what string, is func(*dbus.Signal) bool) *dbus.Signal {
	r.t.Helper()
	for _, s := range r.seen {
		if is(s) {
			return s
		}
	}
	deadline := time.After(limit)
	for {
		select {
		case s := <-r.incoming:
			r.seen = append(r.seen, s)
			if is(s) {
				return s
			}
		case <-deadline:
			r.t.Fatalf("within %v there was no %s; there was only\n%s", limit, what, describe(r.seen))
		}
	}
}

// awaits waits until a property has a value, as its signals tell; it looks at
// the property once only, so that a change without a signal is found out.
func (r *recorder) awaits(limit time.Duration, path dbus.ObjectPath, property string, want any) {
	r.t.Helper()
	r.awaitsThat(limit, path, property, fmt.Sprintf("%v", want), func(got any) bool { return equal(got, want) })
}

func (r *recorder) awaitsThat(limit time.Duration, path dbus.ObjectPath, property, what string, is func(any) bool) {
	r.t.Helper()
	before := r.get(path, property)
	if is(before) {
		return
	}
	iface, name, _ := strings.Cut(property, ".")
	r.until(limit, fmt.Sprintf("change of %s of %s from %v to %s", property, path, before, what), func(s *dbus.Signal) bool {
		changed, ok := changes(s, path, iface)[name]
		return ok && is(changed.Value())
	})
}

// changes is what a PropertiesChanged of this object and interface says.
func changes(s *dbus.Signal, path dbus.ObjectPath, iface string) map[string]dbus.Variant {
	if s.Name != properties+"PropertiesChanged" || s.Path != path || s.Body[0] != api.BusName+"."+iface {
		return nil
	}
	return s.Body[1].(map[string]dbus.Variant)
}

// emitted says whether a signal is this one of ours: "Host.VMAdded".
func emitted(s *dbus.Signal, path dbus.ObjectPath, name string, args ...any) bool {
	if s.Path != path || s.Name != api.BusName+"."+name || len(s.Body) < len(args) {
		return false
	}
	for i, want := range args {
		if !equal(s.Body[i], want) {
			return false
		}
	}
	return true
}

// added waits for a new object of the object manager.
func (r *recorder) added(limit time.Duration, is func(path dbus.ObjectPath, interfaces map[string]map[string]dbus.Variant) bool) *dbus.Signal {
	r.t.Helper()
	return r.until(limit, "InterfacesAdded", func(s *dbus.Signal) bool {
		return s.Name == "org.freedesktop.DBus.ObjectManager.InterfacesAdded" &&
			is(s.Body[0].(dbus.ObjectPath), s.Body[1].(map[string]map[string]dbus.Variant))
	})
}

// removed waits until an object is gone.
func (r *recorder) removed(limit time.Duration, path dbus.ObjectPath) {
	r.t.Helper()
	r.until(limit, "InterfacesRemoved of "+string(path), func(s *dbus.Signal) bool {
		return s.Name == "org.freedesktop.DBus.ObjectManager.InterfacesRemoved" && s.Body[0] == path
	})
}

// describe prints signals, one a line.
func describe(signals []*dbus.Signal) string {
	var b strings.Builder
	for _, s := range signals {
		fmt.Fprintf(&b, "  %s %s %.300v\n", s.Path, s.Name[strings.LastIndexByte(s.Name, '.')+1:], s.Body)
	}
	return b.String()
}

// eavesdrop connects as root and keeps every message, replies included, in the
// order in which they come. The connection is good for transcript only.
func eavesdrop(t *testing.T) *client {
	t.Helper()
	c := as(t, "root")
	c.listen()
	c.received = make(chan *dbus.Message, manySignals)
	c.conn.Eavesdrop(c.received)
	// godbus would close the channel and might still send to it.
	t.Cleanup(func() { c.conn.Eavesdrop(nil) })
	return c
}

// transcript calls a method and gives what came from then on, one line a
// message, up to its reply.
func (c *client) transcript(path dbus.ObjectPath, method string, args ...any) []string {
	c.t.Helper()
	m := message(path, method, args...)
	call := c.conn.Send(m, make(chan *dbus.Call, 1))
	if call.Err != nil {
		c.t.Fatal(call.Err)
	}
	var lines []string
	deadline := time.After(patience)
	for {
		select {
		case got := <-c.received:
			lines = append(lines, line(got))
			if got.Type == dbus.TypeMethodReply || got.Type == dbus.TypeError {
				return lines
			}
		case <-deadline:
			c.t.Fatalf("no reply to %s after\n%s", method, strings.Join(lines, "\n"))
		}
	}
}

// line is a message as a test compares it: what happened, not every value.
func line(m *dbus.Message) string {
	path, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	member, _ := m.Headers[dbus.FieldMember].Value().(string)
	kind := strings.Trim(strings.TrimPrefix(string(path), api.RootPath), "/")
	kind, _, _ = strings.Cut(kind, "/")
	switch {
	case m.Type == dbus.TypeMethodReply:
		return "reply"
	case m.Type == dbus.TypeError:
		return fmt.Sprintf("error %v", m.Headers[dbus.FieldErrorName].Value())
	case member == "PropertiesChanged":
		changed := m.Body[1].(map[string]dbus.Variant)
		if state, ok := changed["State"]; ok {
			return kind + " State " + state.Value().(string)
		}
		return kind + " PropertiesChanged"
	case member == "InterfacesAdded", member == "InterfacesRemoved":
		object := strings.TrimPrefix(string(m.Body[0].(dbus.ObjectPath)), api.RootPath+"/")
		object, _, _ = strings.Cut(object, "/")
		return object + " " + member
	case member == "VMStateChanged":
		return fmt.Sprintf("%s VMStateChanged %v to %v", kind, m.Body[1], m.Body[2])
	default:
		return kind + " " + member
	}
}
