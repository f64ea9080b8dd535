//go:build system

// Package system_test tests the installed service as a whole, in the reference
// system: real systemd, bus, polkit and users, real libvirt and QEMU.
//
// The tests run as root and share one system, so they run one after the other
// and each leaves the system as it found it: the VM tiny is off and defined as
// it was, and nothing else is left behind. They wait for signals and
// conditions, with a deadline, and never for time to pass.
package system_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/system/caller"
)

const (
	// patience is how long a test waits for what must come, and guestPatience for
	// what a guest has to do. Guests are emulated, and the machine may be busy.
	patience      = 60 * time.Second
	guestPatience = 3 * time.Minute
	// soon is the bar for changes that other tools make.
	soon = 2 * time.Second

	local = "/org/kvmmanager/hosts/local"
	demo  = "/org/kvmmanager/hosts/demo"

	needsPassword = caller.NeedsPassword
	properties    = caller.Properties
)

// client is one connection to the bus, of one user.
type client struct {
	*caller.Caller
	t        *testing.T
	conn     *dbus.Conn
	received chan *dbus.Message // see eavesdrop
}

// as connects a user of the reference system: root, alice or bob.
func as(t *testing.T, name string) *client {
	t.Helper()
	return wrap(caller.As(t, name))
}

// dial connects a user to a bus.
func dial(t *testing.T, name, address string) *client {
	t.Helper()
	return wrap(caller.Dial(t, name, address))
}

func wrap(c *caller.Caller) *client { return &client{Caller: c, t: c.T, conn: c.Conn} }

// The short names of package caller, which nearly every line of the tests uses.
var (
	userOf   = caller.Lookup
	message  = caller.Message
	none     = caller.None
	with     = caller.With
	wait     = caller.Wait
	within   = caller.Within
	virsh    = caller.Virsh
	tryVirsh = caller.TryVirsh

	errorName = caller.ErrorName
)

func (c *client) send(m *dbus.Message) *dbus.Call {
	c.t.Helper()
	return c.Send(m)
}

func (c *client) call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	c.t.Helper()
	return c.Call(path, method, args...)
}

func (c *client) must(path dbus.ObjectPath, method string, args ...any) []any {
	c.t.Helper()
	return c.Must(path, method, args...)
}

func (c *client) refused(want string, path dbus.ObjectPath, method string, args ...any) {
	c.t.Helper()
	c.Refused(want, path, method, args...)
}

func (c *client) get(path dbus.ObjectPath, property string) any {
	c.t.Helper()
	return c.Get(path, property)
}

func (c *client) vm(name string) dbus.ObjectPath {
	c.t.Helper()
	return c.VM(name)
}

// pid is the process of the service.
func (c *client) pid() int {
	c.t.Helper()
	var pid uint32
	if err := c.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, api.BusName).Store(&pid); err != nil {
		c.t.Fatal(err)
	}
	return int(pid)
}

// equal compares values as they come from the bus.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

func vmPath(uuid string) dbus.ObjectPath { return dbus.ObjectPath(model.VMPath(uuid)) }

// eventually waits until a condition holds that nothing announces, such as the
// state of a file or a process.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if err := within(patience, holds); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
