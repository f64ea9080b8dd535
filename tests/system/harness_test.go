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
	"errors"
	"fmt"
	"os"
	"os/user"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
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

	needsPassword = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
	properties    = "org.freedesktop.DBus.Properties."
)

// client is one connection to the bus, of one user.
type client struct {
	t        *testing.T
	conn     *dbus.Conn
	received chan *dbus.Message // see eavesdrop
}

// as connects a user of the reference system: root, alice or bob.
func as(t *testing.T, name string) *client {
	t.Helper()
	return dial(t, name, "unix:path=/run/dbus/system_bus_socket")
}

// dial connects a user to a bus.
func dial(t *testing.T, name, address string) *client {
	t.Helper()
	who := userOf(t, name)
	type result struct {
		conn *dbus.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		// The bus looks at who the connecting thread is. The thread stays
		// with this goroutine, so that nothing else ever runs on it, and never
		// ends: processes that it started before would die with it.
		runtime.LockOSThread()
		defer func() { select {} }()
		if err := who.become(); err != nil {
			done <- result{nil, err}
			return
		}
		conn, err := dbus.Dial(address, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
		if err == nil {
			err = errors.Join(conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(who.uid))}), conn.Hello())
		}
		done <- result{conn, err}
	}()
	r := <-done
	if r.err != nil {
		t.Fatalf("%s cannot connect to %s: %v", name, address, r.err)
	}
	t.Cleanup(func() { _ = r.conn.Close() })
	return &client{t: t, conn: r.conn}
}

// identity is what a process has of a user.
type identity struct {
	uid, gid int
	groups   []uint32
}

func userOf(t *testing.T, name string) identity {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("the system tests run as root in the reference system: ./dev test")
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatalf("this is not the reference system: %v", err)
	}
	var who identity
	ids, err := u.GroupIds()
	for _, id := range ids {
		var gid int
		if err == nil {
			gid, err = strconv.Atoi(id)
		}
		who.groups = append(who.groups, uint32(gid))
	}
	if err == nil {
		who.uid, err = strconv.Atoi(u.Uid)
	}
	if err == nil {
		who.gid, err = strconv.Atoi(u.Gid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// become makes the calling thread the user's: unlike the functions of package
// syscall, which change all threads.
func (who identity) become() error {
	uid, gid := uintptr(who.uid), uintptr(who.gid)
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, uintptr(len(who.groups)), uintptr(unsafe.Pointer(&who.groups[0]))},
		{unix.SYS_SETRESGID, gid, gid, gid},
		{unix.SYS_SETRESUID, uid, uid, uid},
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return errno
		}
	}
	return nil
}

// message is a call of a method: "VM.Start" is one of ours, a full name
// anybody's.
func message(path dbus.ObjectPath, method string, args ...any) *dbus.Message {
	if !strings.HasPrefix(method, "org.") {
		method = api.BusName + "." + method
	}
	dot := strings.LastIndexByte(method, '.')
	m := &dbus.Message{
		Type: dbus.TypeMethodCall,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(api.BusName),
			dbus.FieldPath:        dbus.MakeVariant(path),
			dbus.FieldInterface:   dbus.MakeVariant(method[:dot]),
			dbus.FieldMember:      dbus.MakeVariant(method[dot+1:]),
		},
		Body: args,
	}
	if len(args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(args...))
	}
	return m
}

// send sends a call and waits for its end.
func (c *client) send(m *dbus.Message) *dbus.Call {
	c.t.Helper()
	call := c.conn.Send(m, make(chan *dbus.Call, 1))
	select {
	case <-call.Done:
		return call
	case <-time.After(guestPatience): // the end of a job, too, such as of a guest's shutdown
		c.t.Fatalf("%v gets no answer", m.Headers[dbus.FieldMember])
		return nil
	}
}

// call calls a method without allowing a password dialog.
func (c *client) call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	c.t.Helper()
	return c.send(message(path, method, args...))
}

// must calls a method that has to succeed.
func (c *client) must(path dbus.ObjectPath, method string, args ...any) []any {
	c.t.Helper()
	call := c.call(path, method, args...)
	if call.Err != nil {
		c.t.Fatalf("%s of %s fails: %s: %v", method, path, errorName(call.Err), call.Err)
	}
	return call.Body
}

// refused calls a method that has to fail with this error: the name of one of
// our kinds, or a full name.
func (c *client) refused(want string, path dbus.ObjectPath, method string, args ...any) {
	c.t.Helper()
	if !strings.Contains(want, ".") {
		want = errs.Kind(want).DBusName()
	}
	call := c.call(path, method, args...)
	if got := errorName(call.Err); got != want {
		c.t.Errorf("%s of %s with %.200q: got %q (%v), want %q", method, path, args, got, call.Err, want)
	}
}

// get is a property's value.
func (c *client) get(path dbus.ObjectPath, property string) any {
	c.t.Helper()
	iface, name, _ := strings.Cut(property, ".")
	body := c.must(path, properties+"Get", api.BusName+"."+iface, name)
	return body[0].(dbus.Variant).Value()
}

// vm is the path of a VM of the host local, by name.
func (c *client) vm(name string) dbus.ObjectPath {
	c.t.Helper()
	return c.must(local, "Host.FindVM", name, none())[0].(dbus.ObjectPath)
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

// errorName is the D-Bus name of an error; empty for none.
// equal compares values as they come from the bus.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

func errorName(err error) string {
	var e dbus.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Name
	default:
		return err.Error()
	}
}

// none is no options.
func none() map[string]dbus.Variant { return map[string]dbus.Variant{} }

// with makes options of pairs of key and value.
func with(pairs ...any) map[string]dbus.Variant {
	options := none()
	for i := 0; i < len(pairs); i += 2 {
		options[pairs[i].(string)] = dbus.MakeVariant(pairs[i+1])
	}
	return options
}

// wait is the option of jobs.
func wait() map[string]dbus.Variant { return with("wait", true) }

func vmPath(uuid string) dbus.ObjectPath { return dbus.ObjectPath(model.VMPath(uuid)) }

// eventually waits until a condition holds that nothing announces, such as the
// state of a file or a process.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if err := within(patience, holds); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func within(limit time.Duration, holds func() bool) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-deadline.C:
			return fmt.Errorf("not so within %v", limit)
		}
	}
	return nil
}
