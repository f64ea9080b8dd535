package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/tests/bench/rig"
)

// attack is what one kind of attackers does on each of its connections, until
// ctx ends. It counts messages.
type attack struct {
	name        string
	connections int
	every       time.Duration // the pause between two messages of a connection
	run         func(ctx context.Context, a *attacker, every time.Duration, sent *atomic.Int64) error
}

// attacks are all at work at the same time, again and again. Together they have
// fewer than the 256 connections that a bus allows a user.
//
// Between two messages each connection pauses, since what is attacked is the
// service and not the bus. dbus-daemon has one thread for everybody, which reads,
// checks and copies what any user sends to any connection: 4 MiB take it some 30
// ms, and a user who wants to hold up the bus itself needs no service for it. The
// pauses leave it about half of its time; what it takes nevertheless is shown by a
// call to another service, which is measured beside.
var attacks = []attack{
	{"signals of 4 MiB to the name", 5, 4 * time.Second, flood(signalTo(toName))},
	{"signals of 4 MiB to the connection that asks polkit", 5, 4 * time.Second, flood(signalTo(toAsker))},
	{"answers of 4 MiB to nothing", 2, 4 * time.Second, flood(func(a *attacker) []byte {
		return a.message(dbus.TypeMethodReply, a.asker, 0, "", "", strings.Repeat("x", 4<<20))
	})},
	{"errors of 4 MiB to nothing", 2, 4 * time.Second, flood(func(a *attacker) []byte {
		return a.message(dbus.TypeError, a.name, 0, "", "", strings.Repeat("x", 4<<20))
	})},
	{"calls of 4 MiB with as many values as possible", 12, 10 * time.Second, flood(callWith("CreateVM", 4<<20))},
	{"calls of 60 KiB with as many values as possible", 2, 40 * time.Millisecond, flood(callWith("PlanVM", 60<<10))},
	{"calls of 250 KiB with as many values as possible", 1, 200 * time.Millisecond, flood(callWith("PlanVM", 250<<10))},
	{"XML of 1 MiB", 2, time.Second, flood(func(a *attacker) []byte {
		return a.message(dbus.TypeMethodCall, api.BusName, dbus.FlagNoReplyExpected, rig.LocalHost, api.HostInterface+".DefineXML",
			"<domain>"+strings.Repeat("<x/>", (1<<20-100)/4)+"</domain>", map[string]dbus.Variant{})
	})},
	{"GetPermissions", 4, 5 * time.Millisecond, ask(32, func(_ *attacker, n int) (dbus.ObjectPath, string, []any) {
		objects := []dbus.ObjectPath{rig.LocalHost, api.RootPath, stallHost}
		return api.RootPath, api.ManagerInterface + ".GetPermissions", []any{objects[n%len(objects)], map[string]dbus.Variant{}}
	})},
	{"GetManagedObjects", 3, 40 * time.Millisecond, ask(8, func(*attacker, int) (dbus.ObjectPath, string, []any) {
		return api.RootPath, "org.freedesktop.DBus.ObjectManager.GetManagedObjects", nil
	})},
	{"refused calls", 2, 10 * time.Millisecond, ask(32, func(*attacker, int) (dbus.ObjectPath, string, []any) {
		return stallVM, api.VMInterface + ".Shutdown", []any{rig.Options("timeout", uint32(1<<32-1))}
	})},
	{"Ping without an answer", 2, time.Millisecond, flood(func(a *attacker) []byte {
		return a.message(dbus.TypeMethodCall, api.BusName, dbus.FlagNoReplyExpected, api.RootPath, "org.freedesktop.DBus.Peer.Ping")
	})},
	{"subscriptions", 150, time.Second, ask(1, func(*attacker, int) (dbus.ObjectPath, string, []any) {
		return api.RootPath, api.ManagerInterface + ".SubscribeStatistics", []any{uint32(500), map[string]dbus.Variant{}}
	})},
	{"connections that come and go", 1, 20 * time.Millisecond, comeAndGo},
}

// beAttacker is a process that attacks until its input ends, as whatever user it
// runs as. It writes how much of everything it sent.
func beAttacker(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	counts := make([]atomic.Int64, len(attacks))
	var wait sync.WaitGroup
	for i, kind := range attacks {
		for range kind.connections {
			a, err := newAttacker()
			if err != nil {
				return err
			}
			wait.Add(1)
			go func() {
				defer wait.Done()
				defer a.close()
				_ = pause(ctx, rand.N(kind.every+1)) // not all in the same moment
				// An attacker whom the bus has thrown out comes again.
				for ctx.Err() == nil {
					if err := kind.run(ctx, a, kind.every, &counts[i]); err != nil && ctx.Err() == nil {
						a.close()
						if a, err = newAttacker(); err != nil {
							time.Sleep(10 * time.Millisecond)
							a = &attacker{}
						}
					}
				}
			}()
		}
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	for i, kind := range attacks {
		fmt.Printf("%d %s\n", counts[i].Load(), kind.name)
	}
	os.Exit(0) // whatever still hangs in a write
	return nil
}

// attacker is a connection to the bus that also writes messages as they are.
type attacker struct {
	conn        *dbus.Conn
	socket      *net.UnixConn
	name, asker string // unique names of the service's connections
}

func newAttacker() (*attacker, error) {
	socket, err := bus.Dial(bus.SystemAddress())
	if err != nil {
		return nil, err
	}
	a := &attacker{socket: socket}
	if a.conn, err = dbus.NewConn(socket); err == nil {
		err = a.conn.Auth(nil)
	}
	if err == nil {
		err = a.conn.Hello()
	}
	if err == nil {
		err = a.find()
	}
	if err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("cannot connect an attacker: %w", err)
	}
	return a, nil
}

// askers remembers the answer of find, which is the same for all.
var askers struct {
	mu          sync.Mutex
	name, asker string
}

// find finds the service's two connections: both are of one process.
func (a *attacker) find() error {
	askers.mu.Lock()
	defer askers.mu.Unlock()
	var owner string
	if err := a.conn.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, api.BusName).Store(&owner); err != nil {
		return err
	}
	a.name, a.asker = owner, askers.asker
	if askers.name == owner {
		return nil
	}
	pid := func(name string) (pid uint32) {
		_ = a.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, name).Store(&pid)
		return pid
	}
	var names []string
	if err := a.conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		return err
	}
	service := pid(owner)
	other := slices.IndexFunc(names, func(name string) bool {
		return name[0] == ':' && name != owner && pid(name) == service
	})
	if other < 0 {
		return fmt.Errorf("the service has no second connection")
	}
	askers.name, askers.asker, a.asker = owner, names[other], names[other]
	return nil
}

func (a *attacker) close() {
	if a.conn != nil {
		_ = a.conn.Close()
	}
}

// message is a message as bytes.
func (a *attacker) message(typ dbus.Type, to string, flags dbus.Flags, path dbus.ObjectPath, member string, body ...any) []byte {
	m := &dbus.Message{Type: typ, Flags: flags, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(to),
	}}
	if len(body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	switch typ {
	case dbus.TypeMethodReply, dbus.TypeError:
		m.Headers[dbus.FieldReplySerial] = dbus.MakeVariant(uint32(7))
		m.Headers[dbus.FieldErrorName] = dbus.MakeVariant("a.b.C")
	default:
		dot := strings.LastIndexByte(member, '.')
		m.Headers[dbus.FieldPath] = dbus.MakeVariant(path)
		m.Headers[dbus.FieldInterface] = dbus.MakeVariant(member[:dot])
		m.Headers[dbus.FieldMember] = dbus.MakeVariant(member[dot+1:])
	}
	if typ == dbus.TypeMethodReply {
		delete(m.Headers, dbus.FieldErrorName)
	}
	var out bytes.Buffer
	if err := m.EncodeTo(&out, binary.LittleEndian); err != nil {
		panic(err) // it is ours
	}
	binary.LittleEndian.PutUint32(out.Bytes()[8:], 1<<30) // a serial of its own
	return out.Bytes()
}

// flood writes one message again and again.
func flood(make func(*attacker) []byte) func(context.Context, *attacker, time.Duration, *atomic.Int64) error {
	return func(ctx context.Context, a *attacker, every time.Duration, sent *atomic.Int64) error {
		if a.conn == nil {
			return net.ErrClosed
		}
		for message := make(a); pause(ctx, every) == nil; sent.Add(1) {
			if _, err := a.socket.Write(message); err != nil {
				return err
			}
		}
		return nil
	}
}

func toName(a *attacker) string  { return a.name }
func toAsker(a *attacker) string { return a.asker }

func signalTo(to func(*attacker) string) func(*attacker) []byte {
	return func(a *attacker) []byte {
		return a.message(dbus.TypeSignal, to(a), 0, "/x", "a.b.C", strings.Repeat("x", 4<<20))
	}
}

// callWith is a call of a method of the host that takes options, with this many
// bytes of variants that take least.
func callWith(member string, size int) func(*attacker) []byte {
	return func(a *attacker) []byte {
		values := make([]dbus.Variant, size/4)
		for i := range values {
			values[i] = dbus.MakeVariant(byte(i))
		}
		spec := map[string]dbus.Variant{"name": dbus.MakeVariant("x"), "packages": dbus.MakeVariant(values)}
		return a.message(dbus.TypeMethodCall, api.BusName, dbus.FlagNoReplyExpected, rig.LocalHost, api.HostInterface+"."+member,
			spec, map[string]dbus.Variant{})
	}
}

// ask makes calls and has this many of them under way. A refusal is an answer.
func ask(underWay int, what func(a *attacker, n int) (dbus.ObjectPath, string, []any)) func(context.Context, *attacker, time.Duration, *atomic.Int64) error {
	return func(ctx context.Context, a *attacker, every time.Duration, sent *atomic.Int64) error {
		if a.conn == nil {
			return net.ErrClosed
		}
		answers := make(chan *dbus.Call, underWay)
		for n := 0; pause(ctx, every) == nil; n++ {
			if n >= underWay {
				select {
				case <-answers:
					sent.Add(1)
				case <-ctx.Done():
					return nil
				}
			}
			if !a.conn.Connected() {
				return net.ErrClosed
			}
			path, method, args := what(a, n)
			a.conn.Object(api.BusName, path).Go(method, 0, answers, args...)
		}
		return nil
	}
}

// comeAndGo makes a connection for each call.
func comeAndGo(ctx context.Context, _ *attacker, every time.Duration, sent *atomic.Int64) error {
	for ; pause(ctx, every) == nil; sent.Add(1) {
		conn, err := rig.Connect()
		if err != nil {
			return err
		}
		_ = conn.Object(api.BusName, api.RootPath).CallWithContext(ctx, "org.freedesktop.DBus.Peer.Ping", 0).Err
		_ = conn.Close()
	}
	return nil
}

// asUser makes this program's process of another user, with these arguments.
func asUser(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, group := range groups {
		if id, err := strconv.ParseUint(group, 10, 32); err == nil {
			credential.Groups = append(credential.Groups, uint32(id))
		}
	}
	// Its own path may lead through folders that only root may look into.
	process := exec.CommandContext(ctx, "/proc/self/exe", args...)
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGKILL}
	return process, nil
}
