package objects_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/internal/testutil/servicetest"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/objects"
	"org.kvmmanager/service/pictures"
	"org.kvmmanager/service/unfinished"
)

const deadline = 20 * time.Second

// The users of the access tests: the first of the system's own, since a bus
// admits only users that exist.
const (
	aliceUID = 1
	bobUID   = 2
)

// world is a service on a private bus, with a fake hypervisor behind it and a
// fake polkit beside it. By default polkit says yes.
type world struct {
	t       *testing.T
	ctx     context.Context
	bus     *bustest.Bus
	hv      *fakehv.Hypervisor
	polkit  *polkittest.Authority
	service *objects.Service
	name    string // unique name of the service
	shots   *pictures.Store
	conn    *dbus.Conn
}

func newWorld(t *testing.T, rules ...polkittest.Rule) *world {
	t.Helper()
	return newWorldAfter(t, nil, rules...)
}

// newWorldAfter is one where another service has left something.
func newWorldAfter(t *testing.T, left *unfinished.Records, rules ...polkittest.Rule) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	around := servicetest.New(t, rules)
	around.Unfinished = left
	service := around.Serve(ctx)
	return &world{
		t: t, ctx: ctx, bus: around.Bus, hv: around.HV, polkit: around.Polkit,
		service: service.Service, name: service.Name, shots: pictures.New(service.Pictures, "local"), conn: around.Bus.Connect(t),
	}
}

// withHost adds the host and waits until it is connected.
func (w *world) withHost(vms ...*model.VM) *world {
	w.t.Helper()
	for _, vm := range vms {
		w.hv.Put(vm)
	}
	host, err := w.service.Inventory().Add("local", "fake:///system")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := host.AwaitState(w.ctx, func(s model.ConnectionState) bool { return s == model.Connected }); err != nil {
		w.t.Fatal(err)
	}
	// An answer through the bus comes after every signal that it had to pass.
	w.property(host.Info().Path(), api.HostInterface, "State")
	return w
}

// host is the host that withHost added.
func (w *world) host() *inventory.Host {
	return w.service.Inventory().Host(model.HostPath("local"))
}

func running(n int, name string) *model.VM {
	vm := fakehv.VM(n, name)
	vm.State, vm.StateReason, vm.ID = model.VMRunning, "booted", int32(n)
	return vm
}

// as connects as another user, which only root can.
func (w *world) as(uid int) *dbus.Conn {
	w.t.Helper()
	if os.Getuid() != 0 {
		w.t.Skip("only root can be several users")
	}
	type result struct {
		conn *dbus.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		// The bus looks at who the connecting thread is. The thread stays with
		// this goroutine for good: buses that it started die with it.
		runtime.LockOSThread()
		defer func() { select {} }()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- result{nil, errno}
			return
		}
		conn, err := dbus.Dial(w.bus.Address, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
		if err == nil {
			err = conn.Auth([]dbus.Auth{dbus.AuthExternal(fmt.Sprint(uid))})
		}
		if err == nil {
			err = conn.Hello()
		}
		done <- result{conn, err}
	}()
	r := <-done
	if r.err != nil {
		w.t.Fatal(r.err)
	}
	w.t.Cleanup(func() { r.conn.Close() })
	return r.conn
}

func (w *world) object(conn *dbus.Conn, path model.Path) dbus.BusObject {
	return conn.Object(w.name, dbus.ObjectPath(path))
}

// call calls a method of the service's own interfaces as the world's client.
func (w *world) call(path model.Path, method string, args ...any) *dbus.Call {
	return w.object(w.conn, path).CallWithContext(w.ctx, "org.kvmmanager."+method, 0, args...)
}

// callWith is call with flags, which godbus's own call does not pass on.
func (w *world) callWith(conn *dbus.Conn, flags dbus.Flags, path model.Path, method string, args ...any) <-chan *dbus.Call {
	w.t.Helper()
	dot := strings.LastIndexByte(method, '.')
	iface, member := method[:dot], method[dot+1:]
	return conn.SendWithContext(w.ctx, &dbus.Message{
		Type: dbus.TypeMethodCall, Flags: flags,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(w.name), dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath(path)),
			dbus.FieldInterface: dbus.MakeVariant("org.kvmmanager." + iface), dbus.FieldMember: dbus.MakeVariant(member),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(args...)),
		},
		Body: args,
	}, make(chan *dbus.Call, 1)).Done
}

func none() map[string]dbus.Variant { return map[string]dbus.Variant{} }

func opts(pairs ...any) map[string]dbus.Variant {
	m := none()
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = dbus.MakeVariant(pairs[i+1])
	}
	return m
}

func (w *world) property(path model.Path, iface, name string) any {
	w.t.Helper()
	var v dbus.Variant
	err := w.object(w.conn, path).CallWithContext(w.ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, name).Store(&v)
	if err != nil {
		w.t.Fatalf("%s.%s: %v", iface, name, err)
	}
	return v.Value()
}

func errorName(err error) string {
	if e, ok := err.(dbus.Error); ok { //nolint:errorlint // as it came from the bus
		return e.Name
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

var vmPath = model.VMPath(fakehv.UUID(1))

const vmIface = api.VMInterface

// blockSave makes saving last until it is aborted, which closes the channel.
func (w *world) blockSave() <-chan struct{} {
	aborted := make(chan struct{})
	w.hv.Hook("save", func(context.Context, string) error {
		<-aborted
		return errs.New(errs.Cancelled, "aborted")
	})
	abort := sync.OnceFunc(func() { close(aborted) })
	w.hv.Hook("abort-save", func(context.Context, string) error {
		abort()
		return nil
	})
	return aborted
}
