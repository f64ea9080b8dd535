package bus

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
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
			_, _, _, _ = c.receive() // an answer, or the end
			r.alive(t)
		}
	}
	if !r.server.Connected() {
		t.Error("the service lost its connection")
	}
}

// TestOnlyTheBusAndWhoeverAnsweredIsHeard has others send what is theirs to
// send: nothing of it is kept, let alone decoded.
func TestOnlyTheBusAndWhoeverAnsweredIsHeard(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	signals := make(chan *dbus.Signal, 100)
	r.server.Signal(signals)
	stranger, answerer := newRawClient(t, r.bus.Address), r.bus.Connect(t)
	deep, _, err := marshal("v", []any{nested(63, map[string]dbus.Variant{})})
	if err != nil {
		t.Fatal(err)
	}
	long := encoder{}
	long.string(strings.Repeat("x", 4<<20))
	self := r.server.Names()[0]
	for _, s := range []struct {
		path, signature string
		body            []byte
	}{{"/x", "v", deep}, {"/x", "s", long.b}, {"/x", "", nil}, {"/" + strings.Repeat("x", 1<<20), "s", long.b}} {
		signal := &header{typ: dbus.TypeSignal, destination: self, path: dbus.ObjectPath(s.path), iface: "a.b", member: "C", signature: s.signature}
		if err := stranger.send(signal, s.body, nil); err != nil {
			t.Fatal(err)
		}
	}
	stranger.call(t, &header{destination: self, path: "/test", iface: peerName, member: "Ping"}, nil, nil)

	if err := answerer.Export(answers{}, "/x", "a.b"); err != nil {
		t.Fatal(err)
	}
	say := func(word string) {
		t.Helper()
		m := &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(self), dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/x")),
			dbus.FieldInterface: dbus.MakeVariant("a.b"), dbus.FieldMember: dbus.MakeVariant(word),
		}}
		if err := answerer.Send(m, nil).Err; err != nil {
			t.Fatal(err)
		}
	}
	say("Before")
	if err := r.server.Object(answerer.Names()[0], "/x").Call("a.b.Ask", 0).Err; err != nil {
		t.Fatal(err)
	}
	say("After")
	for {
		s := wait(t, signals, "the signal of whom we asked")
		if s.Name == "a.b.After" {
			break
		}
		if s.Sender != daemonName {
			t.Errorf("the signal %s of %s was heard", s.Name, s.Sender)
		}
	}
	r.alive(t)
}

type answers struct{}

func (answers) Ask() *dbus.Error { return nil }

// TestAnAnswerToNothingIsDropped looks at what the bus would not let through.
func TestAnAnswerToNothingIsDropped(t *testing.T) {
	t.Parallel()
	l, other := socketpair(t, New("/test", nil, nil, nil, newTestLog()))
	call := (&header{typ: dbus.TypeMethodCall, path: "/", member: "M"}).encode(5, 0)
	quiet := (&header{typ: dbus.TypeMethodCall, flags: dbus.FlagNoReplyExpected, path: "/", member: "M"}).encode(6, 0)
	for _, message := range [][]byte{call, quiet} {
		l.waiting.sent(message)
	}
	for _, c := range []struct {
		serial uint32
		want   bool
	}{{4, false}, {6, false}, {5, true}, {5, false}} {
		answer := &header{typ: dbus.TypeMethodReply, replySerial: c.serial, destination: ":1.1", signature: "s"}
		text := encoder{}
		text.string("yes")
		go func() { _, _ = other.Write(append(answer.encode(1, len(text.b)), text.b...)) }()
		frame, err := l.next()
		if err != nil || (frame != nil) != c.want {
			t.Errorf("the answer to %d: %d bytes are read, %v; want any: %v", c.serial, len(frame), err, c.want)
		}
	}
}

// TestWhatIsUnwantedTakesNoMemory sends what anybody may send, in sizes that
// must not be kept.
func TestWhatIsUnwantedTakesNoMemory(t *testing.T) {
	const size = 8 << 20
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	tree.Apply(Put("/test/a", "test.Thing", thing("a", 1)))
	l, other := socketpair(t, tree)
	go func() { _, _ = io.Copy(io.Discard, other) }()
	body := make([]byte, size)
	for name, h := range map[string]*header{
		"a signal":         {typ: dbus.TypeSignal, path: "/x", iface: "a.b", member: "C", signature: "ay"},
		"an answer":        {typ: dbus.TypeMethodReply, replySerial: 7, signature: "ay"},
		"too long a call":  {typ: dbus.TypeMethodCall, path: "/test/a", iface: "test.Thing", member: "Echo", signature: "s"},
		"wrong types":      {typ: dbus.TypeMethodCall, path: "/test/a", iface: "test.Thing", member: "Echo", signature: "ay"},
		"an unknown call":  {typ: dbus.TypeMethodCall, path: "/test/a", member: "Nope", signature: "ay"},
		"no known message": {typ: 77, path: "/test/a", member: "Nope", signature: "ay"},
		"a long path":      {typ: dbus.TypeMethodCall, path: "/" + dbus.ObjectPath(strings.Repeat("x", size)), member: "Nope"},
	} {
		head := withSender(h.encode(1, len(body)), ":1.1")
		go func() {
			_, _ = other.Write(head)
			_, _ = other.Write(body)
		}()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if frame, err := l.next(); frame != nil || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(frame), err)
		}
		settled(t, tree)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s takes %d bytes", name, took)
		}
	}
}

// withSender adds the header field that the bus adds.
func withSender(head []byte, name string) []byte {
	out := encoder{head}
	out.text(dbus.FieldSender, 's', name)
	binary.LittleEndian.PutUint32(out.b[12:], uint32(len(out.b)-fixedHeader))
	out.align(8)
	return out.b
}

func TestTooLongACallIsRefusedUnread(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ context.Context, c *Call) ([]any, error) { return []any{"got it"}, nil })
	c := newRawClient(t, r.bus.Address)
	for _, call := range []struct {
		member string
		length int
		want   string
	}{
		{"Echo", maxCallSize - 16, ""},
		{"Echo", maxCallSize, errorPrefix + "LimitsExceeded"},
		{"EchoLong", 1 << 20, ""},
		{"EchoLong", 1<<20 + 100, errorPrefix + "LimitsExceeded"},
		{"EchoLong", 16 << 20, errorPrefix + "LimitsExceeded"},
	} {
		body := encoder{}
		body.string(strings.Repeat("x", call.length))
		h := &header{destination: r.server.Names()[0], path: "/test/things/a", iface: "test.Thing", member: call.member, signature: "s"}
		if answer, _ := c.call(t, h, body.b, nil); answer.errorName != call.want {
			t.Errorf("%s of %d bytes is answered with %q, want %q", call.member, call.length, answer.errorName, call.want)
		}
	}
}

// TestALongPathIsAnswered calls objects with names that no object has.
func TestALongPathIsAnswered(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	c := newRawClient(t, r.bus.Address)
	for _, length := range []int{900, 1100, maxHeader - 100, maxHeader, windowSize, 1 << 20} {
		path := dbus.ObjectPath("/" + strings.Repeat("x", length))
		h := &header{destination: r.server.Names()[0], path: path, iface: "test.Thing", member: "Echo", signature: "s"}
		text := encoder{}
		text.string("x")
		if answer, _ := c.call(t, h, text.b, nil); answer.errorName != errorPrefix+"UnknownObject" {
			t.Errorf("a path of %d bytes is answered with %q", length, answer.errorName)
		}
		h = &header{destination: r.server.Names()[0], path: path, iface: peerName, member: "Ping"}
		if answer, _ := c.call(t, h, nil, nil); answer.typ != dbus.TypeMethodReply {
			t.Errorf("Ping to a path of %d bytes is answered with %q", length, answer.errorName)
		}
	}
}

// TestManyValuesAreRefusedUndecoded packs as many values as fit.
func TestManyValuesAreRefusedUndecoded(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	c := newRawClient(t, r.bus.Address)
	list := func(n int) []dbus.Variant {
		values := make([]dbus.Variant, n)
		for i := range values {
			values[i] = dbus.MakeVariant(byte(1))
		}
		return values
	}
	for name, call := range map[string]struct {
		value any
		want  string
	}{
		"many variants":     {list(2000), ""},
		"too many variants": {list(5000), errorPrefix + "LimitsExceeded"},
		"many bytes":        {make([]byte, 4000), ""},
		"too many bytes":    {make([]byte, 5000), errorPrefix + "LimitsExceeded"},
		"deep":              {nested(20, "x"), ""},
		"too deep":          {nested(40, "x"), errorPrefix + "LimitsExceeded"},
	} {
		body, _, err := marshal("v", []any{dbus.MakeVariant(call.value)})
		if err != nil {
			t.Fatal(err)
		}
		h := &header{destination: r.server.Names()[0], path: "/test/things/a", iface: "test.Thing", member: "Any", signature: "v"}
		if answer, _ := c.call(t, h, body, nil); answer.errorName != call.want {
			t.Errorf("%s: answered with %q, want %q", name, answer.errorName, call.want)
		}
	}
}

func TestTooLongAnAnswerCostsTheCallNotTheConnection(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	tree.Apply(Put("/test/a", "test.Thing", thing("a", 1)))
	_, o := tree.find("/test/a")
	long := &encoding{padded: make([]byte, maxReply+8), length: maxReply + 8, props: [][2]int{{0, maxReply + 8}}}
	o.cache.Store(long)
	o.brief.Store(long)
	l, other := socketpair(t, tree)
	text := encoder{}
	text.string("test.Thing")
	for _, h := range []*header{
		{path: "/test", iface: objectManagerName, member: "GetManagedObjects"},
		{path: "/test/a", iface: propertiesName, member: "GetAll", signature: "s"},
	} {
		h.typ, h.sender = dbus.TypeMethodCall, ":1.1"
		serveFrame(l, h, text.b)
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
	l = newLink(conns[0], tree)
	l.framed = true
	tb.Cleanup(l.end)
	return l, conns[1]
}

// serveFrame answers a call as if it had been its turn.
func serveFrame(l *link, h *header, body []byte) {
	in := &incoming{header: h, link: l, frame: append(h.encode(1, len(body)), body...)}
	h.bodyLength = len(body)
	l.tree.serve(in)
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
		serveFrame(l, h, text.b) // returns when all is said
		marker := signalHeader("/marker", "a.b", fmt.Sprintf("M%d", l.id.Load()), "")
		if err := l.send(marker, nil, nil); err != nil {
			t.Fatal(err)
		}
		if got := receiveHeader(t, other); got.member != marker.member {
			t.Errorf("%s was answered: %+v", name, got)
		}
	}
	if tree.shares.served != 0 {
		t.Errorf("%d calls are still served", tree.shares.served)
	}
}

func receiveHeader(tb testing.TB, conn *net.UnixConn) *header {
	tb.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	h, err := (&receiver{conn: conn}).next()
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
	serveFrame(l, h, make([]byte, 4))
	if got := receiveHeader(t, other); got.errorName != errorPrefix+"LimitsExceeded" {
		t.Errorf("answered %q", got.errorName)
	}
}

// FuzzNext feeds the link whatever bytes, as a bus that does not validate
// would. Whatever happens, nothing panics, and every share is given back.
func FuzzNext(f *testing.F) {
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
		order, err := byteOrder(frame[0])
		if err != nil || order.Uint32(frame[12:]) > maxMessage {
			return
		}
		if uint64(order.Uint32(frame[4:]))+uint64(pad8(order.Uint32(frame[12:])))+fixedHeader != uint64(len(frame)) {
			return
		}
		go func() { _, _ = other.Write(frame) }()
		if _, err := l.next(); err != nil {
			t.Fatal(err)
		}
		settled(t, tree)
	})
}

// settled waits until no call is under way, and checks that nothing is kept of
// those that were.
func settled(tb testing.TB, tree *Tree) {
	tb.Helper()
	q := tree.shares
	for start := time.Now(); ; time.Sleep(100 * time.Microsecond) {
		q.mu.Lock()
		asking := 0
		for _, s := range q.senders {
			asking += len(s.waiting)
		}
		idle := len(q.users) == 0 && asking == 0 && q.served == 0 && q.bytes == 0 && q.strange == 0 && q.long == 0 && len(q.turns) == 0
		state := fmt.Sprintf("%d users, %d calls, %d served, %d and %d bytes, %d turns", len(q.users), asking, q.served, q.bytes, q.long, len(q.turns))
		q.mu.Unlock()
		if idle {
			return
		}
		if time.Since(start) > bustest.Timeout {
			tb.Fatalf("after all calls were answered there are %s", state)
		}
	}
}
