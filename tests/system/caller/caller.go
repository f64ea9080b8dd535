//go:build system

// Package caller connects tests to the bus of the reference system as one of its
// users, and calls the service's methods.
package caller

import (
	"errors"
	"fmt"
	"os"
	"os/user"
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
)

const (
	// Local is the host that is qemu:///system.
	Local dbus.ObjectPath = "/org/kvmmanager/hosts/local"

	// Properties is the prefix of the methods of D-Bus's interface for properties.
	Properties = "org.freedesktop.DBus.Properties."

	// NeedsPassword is the error of a call that polkit would allow after a
	// password, from a caller that does not allow interaction.
	NeedsPassword = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"

	systemBus = "unix:path=/run/dbus/system_bus_socket"
	// replyTimeout covers jobs that wait for an emulated guest, such as its shutdown.
	replyTimeout = 3 * time.Minute
)

// Caller is one connection of a user to the bus.
type Caller struct {
	T    *testing.T
	User string
	Conn *dbus.Conn
}

// As connects a user of the reference system to the system bus.
func As(t *testing.T, name string) *Caller {
	t.Helper()
	return Dial(t, name, systemBus)
}

// Dial connects a user to the bus at an address.
func Dial(t *testing.T, name, address string) *Caller {
	t.Helper()
	who := Lookup(t, name)
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
			err = errors.Join(conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(who.UID))}), conn.Hello())
		}
		done <- result{conn, err}
	}()
	r := <-done
	if r.err != nil {
		t.Fatalf("%s cannot connect to %s: %v", name, address, r.err)
	}
	t.Cleanup(func() { _ = r.conn.Close() })
	return &Caller{T: t, User: name, Conn: r.conn}
}

// Identity is the ids that a process of a user has.
type Identity struct {
	UID, GID int
	Groups   []uint32
}

// Lookup returns the identity of a user of the reference system.
func Lookup(t *testing.T, name string) Identity {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("the system tests run as root in the reference system: ./dev test")
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatalf("this is not the reference system: %v", err)
	}
	var who Identity
	ids, err := u.GroupIds()
	for _, id := range ids {
		var gid int
		if err == nil {
			gid, err = strconv.Atoi(id)
		}
		who.Groups = append(who.Groups, uint32(gid))
	}
	if err == nil {
		who.UID, err = strconv.Atoi(u.Uid)
	}
	if err == nil {
		who.GID, err = strconv.Atoi(u.Gid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// become gives the calling thread the user's ids: unlike the functions of package
// syscall, which change all threads.
func (who Identity) become() error {
	uid, gid := uintptr(who.UID), uintptr(who.GID)
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, uintptr(len(who.Groups)), uintptr(unsafe.Pointer(&who.Groups[0]))},
		{unix.SYS_SETRESGID, gid, gid, gid},
		{unix.SYS_SETRESUID, uid, uid, uid},
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return errno
		}
	}
	return nil
}

// Message returns a call of a method: "VM.Start" is one of the service's, a full
// name any other.
func Message(path dbus.ObjectPath, method string, args ...any) *dbus.Message {
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

// Send sends a call and waits for its reply.
func (c *Caller) Send(m *dbus.Message) *dbus.Call {
	c.T.Helper()
	call := c.Conn.Send(m, make(chan *dbus.Call, 1))
	select {
	case <-call.Done:
		return call
	case <-time.After(replyTimeout):
		c.T.Fatalf("%v gets no answer", m.Headers[dbus.FieldMember])
		return nil
	}
}

// Call calls a method without allowing a password dialog.
func (c *Caller) Call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	c.T.Helper()
	return c.Send(Message(path, method, args...))
}

// Must calls a method that has to succeed, and returns what it answers.
func (c *Caller) Must(path dbus.ObjectPath, method string, args ...any) []any {
	c.T.Helper()
	call := c.Call(path, method, args...)
	if call.Err != nil {
		c.T.Fatalf("%s of %s as %s fails: %s: %v", method, path, c.User, ErrorName(call.Err), call.Err)
	}
	return call.Body
}

// Refused calls a method that has to fail with this error: the name of one of the
// service's kinds, or a full name. It reports whether that was so.
func (c *Caller) Refused(want string, path dbus.ObjectPath, method string, args ...any) bool {
	c.T.Helper()
	if !strings.Contains(want, ".") {
		want = errs.Kind(want).DBusName()
	}
	call := c.Call(path, method, args...)
	got := ErrorName(call.Err)
	if got != want {
		c.T.Errorf("%s of %s as %s with %.200q: got %q (%v), want %q", method, path, c.User, args, got, call.Err, want)
	}
	return got == want
}

// Get returns a property's value, such as of "VM.State".
func (c *Caller) Get(path dbus.ObjectPath, property string) any {
	c.T.Helper()
	iface, name, _ := strings.Cut(property, ".")
	body := c.Must(path, Properties+"Get", api.BusName+"."+iface, name)
	return body[0].(dbus.Variant).Value()
}

// VM returns the path of a VM of the host local, by name.
func (c *Caller) VM(name string) dbus.ObjectPath {
	c.T.Helper()
	return c.Must(Local, "Host.FindVM", name, None())[0].(dbus.ObjectPath)
}

// Result calls a method that starts a job, and returns the job's result.
func (c *Caller) Result(path dbus.ObjectPath, method string, args ...any) map[string]dbus.Variant {
	c.T.Helper()
	job := c.Must(path, method, args...)[0].(dbus.ObjectPath)
	return c.Get(job, "Job.Result").(map[string]dbus.Variant)
}

// ErrorName returns the D-Bus name of an error, empty for none.
func ErrorName(err error) string {
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

// None returns no options.
func None() map[string]dbus.Variant { return map[string]dbus.Variant{} }

// With returns options made of pairs of key and value.
func With(pairs ...any) map[string]dbus.Variant {
	options := None()
	for i := 0; i < len(pairs); i += 2 {
		options[pairs[i].(string)] = dbus.MakeVariant(pairs[i+1])
	}
	return options
}

// Wait returns the options of a call that replies when its job has ended.
func Wait() map[string]dbus.Variant { return With("wait", true) }

// Within waits until a condition holds that nothing announces, such as the state
// of a file or a process.
func Within(limit time.Duration, holds func() bool) error {
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

// Run runs fn on a thread with a user's ids, and waits for it.
func Run(t *testing.T, name string, fn func()) {
	t.Helper()
	who := Lookup(t, name)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good; see Dial
		defer func() { select {} }()
		err := who.become()
		if err == nil {
			fn()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
