package bus

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// nested is a variant in so many others around value.
func nested(depth int, value any) dbus.Variant {
	v := dbus.MakeVariant(value)
	for range depth - 1 {
		v = dbus.MakeVariant(v)
	}
	return v
}

func TestDeepNestingCostsTheCallNotTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	for depth := 58; depth <= 64; depth++ {
		for _, value := range []any{map[string]dbus.Variant{}, []string{}, "text", []dbus.Variant{}} {
			body, _, err := marshal("v", []any{nested(depth, value)})
			if err != nil {
				t.Fatal(err)
			}
			// What the bus finds too deep costs the sender its connection, so
			// each has its own, and only the service's is looked at.
			h := &header{typ: dbus.TypeMethodCall, destination: r.server.Names()[0], path: "/test/things/a", iface: "test.Thing", member: "Any", signature: "v"}
			c := newRawClient(t, r.bus.Address)
			if err := c.send(h, body, nil); err != nil {
				t.Fatal(err)
			}
			_, _, _ = c.receive() // an answer, or the end
			r.alive(t)
		}
	}
	if !r.server.Connected() {
		t.Error("the service lost its connection")
	}
}

func TestSignalsThatGodbusCannotDecodeAreDropped(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	body, _, err := marshal("v", []any{nested(63, map[string]dbus.Variant{})})
	if err != nil {
		t.Fatal(err)
	}
	long := encoder{}
	long.string(strings.Repeat("x", maxCallSize))
	c := newRawClient(t, r.bus.Address)
	h := header{typ: dbus.TypeSignal, destination: r.server.Names()[0], path: "/x", iface: "a.b", member: "C"}
	for _, s := range []struct {
		signature string
		body      []byte
	}{{"v", body}, {"s", long.b}, {"", nil}} {
		signal := h
		signal.signature = s.signature
		if err := c.send(&signal, s.body, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.call(t, &header{destination: r.server.Names()[0], path: "/test", iface: peerName, member: "Ping"}, nil, nil)
	r.alive(t)
}

func TestTooLongACallIsRefusedUndecoded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ context.Context, c *Call) ([]any, error) { return []any{"got it"}, nil })
	c := newRawClient(t, r.bus.Address)
	for length, want := range map[int]string{maxCallSize / 2: "", maxCallSize: errorPrefix + "LimitsExceeded"} {
		body := encoder{}
		body.string(strings.Repeat("x", length))
		h := &header{destination: r.server.Names()[0], path: "/test/things/a", iface: "test.Thing", member: "Echo", signature: "s"}
		if answer, _ := c.call(t, h, body.b, nil); answer.errorName != want {
			t.Errorf("a call of %d bytes is answered with %q, want %q", length, answer.errorName, want)
		}
	}
}

func TestTooLongAnAnswerCostsTheCallNotTheConnection(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	tree.Apply(Put("/test/a", "test.Thing", thing("a", 1)))
	_, o := tree.find("/test/a")
	o.cache.Store(&encoding{padded: make([]byte, maxReply+8), length: maxReply + 8, props: [][2]int{{0, maxReply + 8}}})
	l, other := socketpair(t, tree)
	text := encoder{}
	text.string("test.Thing")
	for _, h := range []*header{
		{path: "/test", iface: objectManagerName, member: "GetManagedObjects"},
		{path: "/test/a", iface: propertiesName, member: "GetAll", signature: "s"},
	} {
		h.typ, h.sender = dbus.TypeMethodCall, ":1.1"
		l.slots <- struct{}{}
		tree.serve(l, &incoming{header: h, frame: append(h.encode(1, len(text.b)), text.b...)})
		if got := receiveHeader(t, other); got.errorName != errorPrefix+"LimitsExceeded" {
			t.Errorf("%s is answered with %+v", h.member, got)
		}
	}
}

func TestFlagsOfTheFutureAreIgnored(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	h := &header{destination: r.server.Names()[0], path: "/test/things/a", iface: "test.Thing", member: "Echo", signature: "s", flags: 0xf8}
	body, _, err := marshal("s", []any{"x"})
	if err != nil {
		t.Fatal(err)
	}
	if answer, _ := newRawClient(t, r.bus.Address).call(t, h, body, nil); answer.typ != dbus.TypeMethodReply {
		t.Errorf("answered with %s", answer.errorName)
	}
}

func TestBigEndianCallsAreUnderstood(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	c := newRawClient(t, r.bus.Address)
	m := dbus.Message{Type: dbus.TypeMethodCall, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(r.server.Names()[0]), dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/test/things/a")),
		dbus.FieldInterface: dbus.MakeVariant("test.Thing"), dbus.FieldMember: dbus.MakeVariant("Echo"),
		dbus.FieldSignature: dbus.MakeVariant(dbus.ParseSignatureMust("s")),
	}, Body: []any{"big"}}
	var buf bytes.Buffer
	if err := m.EncodeTo(&buf, binary.BigEndian); err != nil {
		t.Fatal(err)
	}
	serial := c.GetSerial()
	binary.BigEndian.PutUint32(buf.Bytes()[8:], serial)
	if _, err := c.conn.Write(buf.Bytes()); err != nil {
		t.Fatal(err)
	}
	answer, frame := c.answer(t, serial)
	if args, err := unmarshal(frame); err != nil || answer.errorName != "" || args[0] != "big" {
		t.Errorf("answered %v, %v, %s", args, err, answer.errorName)
	}
}

// socketpair is a link whose other end is read directly, without a bus that
// would drop what was not asked for.
func socketpair(tb testing.TB, tree *Tree) (l *link, other *net.UnixConn) {
	tb.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var conns [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		c, err := net.FileConn(f)
		_ = f.Close()
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = c.Close() })
		conns[i] = c.(*net.UnixConn)
	}
	l = &link{conn: conns[0], tree: tree, framed: true, slots: make(chan struct{}, maxReads)}
	l.ctx, l.end = tb.Context(), func() {}
	return l, conns[1]
}

func TestNothingIsAnsweredWhenNoReplyIsWanted(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	tree.Apply(Put("/test/a", "test.Thing", thing("a", 1)))
	l, other := socketpair(t, tree)
	text := encoder{}
	text.string("test.Thing")
	for name, h := range map[string]*header{
		"a call":                 {path: "/test/a", iface: "test.Thing", member: "Echo", signature: "s"},
		"a failing call":         {path: "/test/a", iface: "test.Thing", member: "Open"},
		"Ping":                   {path: "/test/a", iface: peerName, member: "Ping"},
		"GetMachineId":           {path: "/test/a", iface: peerName, member: "GetMachineId"},
		"Introspect":             {path: "/test/a", iface: introspectableName, member: "Introspect"},
		"GetAll":                 {path: "/test/a", iface: propertiesName, member: "GetAll", signature: "s"},
		"GetManagedObjects":      {path: "/test", iface: objectManagerName, member: "GetManagedObjects"},
		"an unknown object":      {path: "/nope", iface: "a.b", member: "C"},
		"an unknown method":      {path: "/test/a", member: "C"},
		"an unknown Peer method": {path: "/test/a", iface: peerName, member: "C"},
		"wrong types":            {path: "/test/a", iface: "test.Thing", member: "Echo", signature: "u"},
	} {
		h.typ, h.flags, h.sender = dbus.TypeMethodCall, dbus.FlagNoReplyExpected, ":1.1"
		frame := append(h.encode(1, len(text.b)), text.b...)
		l.slots <- struct{}{}
		tree.serve(l, &incoming{header: h, frame: frame}) // returns when all is said
		marker := signalHeader("/marker", "a.b", fmt.Sprintf("M%d", l.id.Load()), "")
		if err := l.send(marker, nil, nil); err != nil {
			t.Fatal(err)
		}
		if got := receiveHeader(t, other); got.member != marker.member {
			t.Errorf("%s was answered: %+v", name, got)
		}
	}
	if len(l.slots) != 0 {
		t.Errorf("%d slots are lost", len(l.slots))
	}
}

func receiveHeader(tb testing.TB, conn *net.UnixConn) *header {
	tb.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	frame, _, err := (&link{conn: conn}).receive()
	if err != nil {
		tb.Fatal(err)
	}
	h, err := parseHeader(frame)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func TestAMessageWithoutAllItsDescriptorsIsRefused(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	tree.Apply(Put("/test/a", "test.Thing", thing("a", 1)))
	l, other := socketpair(t, tree)
	h := &header{typ: dbus.TypeMethodCall, sender: ":1.1", path: "/test/a", iface: "test.Thing", member: "Give", signature: "h", fdCount: 2}
	l.slots <- struct{}{}
	tree.serve(l, &incoming{header: h, frame: append(h.encode(1, 4), 0, 0, 0, 0)})
	if got := receiveHeader(t, other); got.errorName != errorPrefix+"LimitsExceeded" {
		t.Errorf("answered %q", got.errorName)
	}
}

// FuzzRoute feeds the link whatever bytes, as a bus that does not validate
// would. Whatever happens, nothing panics, and every slot comes back.
func FuzzRoute(f *testing.F) {
	tree := New("/test", testInterfaces(f), echo, somebody, newTestLog())
	tree.Apply(Put("/test/a", "test.Thing", thing("a", 1)))
	body, _, err := marshal("a{sv}", []any{map[string]dbus.Variant{"k": nested(5, "v")}})
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range []*header{
		{typ: dbus.TypeMethodCall, sender: ":1.1", path: "/test/a", iface: "test.Thing", member: "Do", signature: "a{sv}"},
		{typ: dbus.TypeMethodCall, sender: ":1.1", path: "/test/a", member: "Do", signature: "a{sv}"},
		{typ: dbus.TypeSignal, sender: ":1.1", path: "/test/a", iface: "a.b", member: "C", signature: "a{sv}"},
		{typ: dbus.TypeMethodReply, sender: ":1.1", replySerial: 5, signature: "a{sv}"},
	} {
		f.Add(append(h.encode(7, len(body)), body...))
	}
	l, other := socketpair(f, tree)
	go func() {
		for b := make([]byte, 1<<16); ; {
			if _, err := other.Read(b); err != nil {
				return
			}
		}
	}()
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < fixedHeader {
			return
		}
		if size, err := frameSize(frame); err != nil || size != len(frame) {
			return
		}
		l.route(frame, nil)
		for range cap(l.slots) { // wait until the call has ended
			l.slots <- struct{}{}
		}
		for range cap(l.slots) {
			<-l.slots
		}
	})
}
