package bus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
)

const testXML = `<node>
<!-- a comment that nobody is served -->
<interface name="test.Root"><property name="Version" type="s" access="read"/></interface>
<interface name="test.Thing">
 <method name="Echo">
  <!-- another one -->
  <arg name="text" type="s" direction="in"/>
  <arg name="same" type="s" direction="out"/>
 </method>
 <method name="EchoLong">
  <annotation name="org.kvmmanager.MaxSize" value="1048592"/>
  <arg name="text" type="s" direction="in"/>
  <arg name="same" type="s" direction="out"/>
 </method>
 <method name="Do"><arg name="options" type="a{sv}" direction="in"/></method>
 <method name="Any"><arg name="value" type="v" direction="in"/><arg name="value" type="v" direction="out"/></method>
 <method name="Give"><arg name="file" type="h" direction="in"/></method>
 <method name="Open"><arg name="file" type="h" direction="out"/><arg name="details" type="a{sv}" direction="out"/></method>
 <property name="Name" type="s" access="read"/>
 <property name="Size" type="t" access="read"/>
 <property name="Log" type="as" access="read">
  <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="invalidates"/>
 </property>
 <property name="Kind" type="s" access="read">
  <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>
 </property>
 <property name="Quiet" type="u" access="read">
  <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="false"/>
 </property>
 <signal name="Happened"><arg name="what" type="s"/></signal>
</interface>
<interface name="test.Extra"><method name="Only"/></interface>
<interface name="test.Deep"><annotation name="org.freedesktop.DBus.Deprecated" value="true"/></interface>
<interface name="test.Loose">
 <property name="Name" type="s" access="read"/>
 <property name="Size" type="t" access="read"/>
 <property name="Log" type="as" access="read">
  <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="invalidates"/>
 </property>
 <property name="Records" type="aa{sv}" access="read"/>
</interface>
</node>`

// props is state as a plain map.
type props map[string]any

func (p props) Get(name string) (dbus.Variant, bool) {
	v, ok := p[name]
	if !ok {
		return dbus.Variant{}, false
	}
	return dbus.MakeVariant(v), true
}

func (p props) Changed(old Properties) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if !reflect.DeepEqual(p[name], old.(props)[name]) {
			names = append(names, name)
		}
	}
	return names
}

func thing(name string, size uint64) props {
	return props{"Name": name, "Size": size, "Log": []string{"born"}, "Kind": "toy", "Quiet": uint32(1)}
}

// with is p with one value changed.
func (p props) with(name string, value any) props {
	c := maps.Clone(p)
	c[name] = value
	return c
}

func testInterfaces(tb testing.TB) []*Interface {
	tb.Helper()
	ifaces, err := ParseInterfaces([]byte(testXML))
	if err != nil {
		tb.Fatal(err)
	}
	return ifaces
}

// rig is a tree on a private bus, and a client.
type rig struct {
	bus    *bustest.Bus
	tree   *Tree
	server *dbus.Conn
	client *dbus.Conn
	log    *logBuffer
	users  sync.Map // uid or error by unique name: of who is not somebody
}

// somebody is the user that everybody is.
func somebody(context.Context, string) (uid, pid uint32, err error) { return 1000, 1, nil }

// callers tells who a client of the rig is.
func (r *rig) callers(ctx context.Context, sender string) (uid, pid uint32, err error) {
	switch of, _ := r.users.Load(sender); of := of.(type) {
	case uint32:
		return of, 1, nil
	case error:
		return 0, 0, of
	}
	return somebody(ctx, sender)
}

func newRig(tb testing.TB, handler Handler, config ...string) *rig {
	tb.Helper()
	r := &rig{bus: bustest.Start(tb, config...), log: &logBuffer{}}
	r.tree = New("/test", testInterfaces(tb), handler, r.callers, slog.New(slog.NewTextHandler(r.log, nil)))
	server, err := r.tree.Connect(r.bus.Address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close() })
	r.server, r.client = server, r.bus.Connect(tb)
	r.tree.Apply(
		Put("/test", "test.Root", props{"Version": "1"}),
		Put("/test/things/a", "test.Thing", thing("a", 1)),
	)
	return r
}

func (r *rig) object(path dbus.ObjectPath) dbus.BusObject {
	return r.client.Object(r.server.Names()[0], path)
}

// call calls and waits for the answer, but not for ever.
func (r *rig) call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	return r.object(path).CallWithContext(ctx, method, 0, args...)
}

// alive fails the test unless the service still answers on its connection.
func (r *rig) alive(tb testing.TB) {
	tb.Helper()
	if err := r.call("/test", peerName+".Ping").Err; err != nil {
		tb.Fatalf("the service does not answer any more: %v", err)
	}
}

func echo(_ context.Context, c *Call) ([]any, error) { return c.Args, nil }

// errorName is the D-Bus name of the error with which a call failed.
func errorName(err error) string {
	if e, ok := err.(dbus.Error); ok { //nolint:errorlint // godbus gives it so
		return e.Name
	}
	return fmt.Sprint(err)
}

func wantError(tb testing.TB, call *dbus.Call, name string) {
	tb.Helper()
	if got := errorName(call.Err); got != name {
		tb.Errorf("the call failed with %s (%v), want %s", got, call.Err, name)
	}
}

// wait receives from c, or fails the test.
func wait[T any](tb testing.TB, c <-chan T, what string) T {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(bustest.Timeout):
		tb.Fatalf("timed out waiting for %s", what)
	}
	panic("unreachable")
}

// logBuffer is a log that goroutines share.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newTestLog() *slog.Logger { return slog.New(slog.NewTextHandler(&logBuffer{}, nil)) }
