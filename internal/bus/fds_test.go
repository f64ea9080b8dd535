package bus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
)

// watched is a descriptor whose last copy's end can be waited for: the write
// end of a pipe.
func watched(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return r, w
}

// wantClosed closes our copy of the other end, and waits until nobody else
// holds one.
func wantClosed(t *testing.T, r, w *os.File) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, r)
}

// wantEnd waits until nobody holds the other end any more.
func wantEnd(t *testing.T, r *os.File) {
	t.Helper()
	if err := r.SetReadDeadline(time.Now().Add(bustest.Timeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a descriptor stays open: %v", err)
	}
}

func TestDescriptorsThatNobodyTakesAreClosed(t *testing.T) {
	t.Parallel()
	index := func(i uint32) []byte { return binary.LittleEndian.AppendUint32(nil, i) }
	nested, _, err := marshal("a{sv}", []any{map[string]dbus.Variant{"fd": dbus.MakeVariant(dbus.UnixFDIndex(0))}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		h    header
		body []byte
		want string // the error's name
	}{
		"given to a handler that does not care": {header{iface: "test.Thing", member: "Give", signature: "h"}, index(0), ""},
		"in a dictionary":                       {header{iface: "test.Thing", member: "Do", signature: "a{sv}"}, nested, ""},
		"of an index that is not there":         {header{iface: "test.Thing", member: "Give", signature: "h"}, index(7), ""},
		"that the body does not mention":        {header{iface: "test.Thing", member: "Echo"}, nil, errorPrefix + "InvalidArgs"},
		"beside arguments without descriptors":  {header{iface: "test.Extra", member: "Only"}, nil, errorPrefix + "UnknownInterface"},
		"with the wrong types":                  {header{iface: "test.Thing", member: "Echo", signature: "h"}, index(0), errorPrefix + "InvalidArgs"},
		"in an array":                           {header{iface: "test.Thing", member: "Give", signature: "ah"}, append(index(4), index(0)...), errorPrefix + "InvalidArgs"},
		"for an unknown method":                 {header{iface: "test.Thing", member: "Nope", signature: "h"}, index(0), errorPrefix + "UnknownMethod"},
		"for an unknown object":                 {header{path: "/nope", member: "Nope", signature: "h"}, index(0), errorPrefix + "UnknownObject"},
		"for Ping":                              {header{iface: peerName, member: "Ping"}, nil, ""},
		"with flags of the future":              {header{iface: "test.Thing", member: "Give", signature: "h", flags: 0x80}, index(0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(context.Context, *Call) ([]any, error) { return nil, nil })
			pr, pw := watched(t)
			c.h.destination = r.server.Names()[0]
			if c.h.path == "" {
				c.h.path = "/test/things/a"
			}
			answer, _ := newRawClient(t, r.bus.Address).call(t, &c.h, c.body, []int{int(pw.Fd())})
			if answer.errorName != c.want {
				t.Errorf("answered %q, want %q", answer.errorName, c.want)
			}
			wantClosed(t, pr, pw)
			r.alive(t)
		})
	}
}

func TestDescriptorsAreClosedWhenAHandlerPanics(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(context.Context, *Call) ([]any, error) { panic("with a descriptor in hand") })
	pr, pw := watched(t)
	h := &header{destination: r.server.Names()[0], path: "/test/things/a", iface: "test.Thing", member: "Give", signature: "h"}
	newRawClient(t, r.bus.Address).call(t, h, make([]byte, 4), []int{int(pw.Fd())})
	wantClosed(t, pr, pw)
}

func TestDescriptorsOfASignalAreClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	pr, pw := watched(t)
	h := &header{typ: dbus.TypeSignal, destination: r.server.Names()[0], path: "/x", iface: "a.b", member: "C"}
	if err := newRawClient(t, r.bus.Address).send(h, nil, []int{int(pw.Fd())}); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, pr, pw)
	r.alive(t)
}

func TestAHandlerMayTakeADescriptorOnce(t *testing.T) {
	t.Parallel()
	taken := make(chan *os.File, 1)
	r := newRig(t, func(_ context.Context, c *Call) ([]any, error) {
		index := c.Args[0].(dbus.UnixFDIndex)
		f, ok := c.File(index)
		if !ok {
			return nil, errors.New("there is no descriptor")
		}
		if _, again := c.File(index); again {
			return nil, errors.New("it was there twice")
		}
		if _, more := c.File(index + 1); more {
			return nil, errors.New("there was another one")
		}
		taken <- f
		return nil, nil
	})
	pr, pw := watched(t)
	h := &header{destination: r.server.Names()[0], path: "/test/things/a", iface: "test.Thing", member: "Give", signature: "h"}
	answer, _ := newRawClient(t, r.bus.Address).call(t, h, make([]byte, 4), []int{int(pw.Fd())})
	if answer.errorName != "" {
		t.Fatalf("the call failed with %s; the log is %s", answer.errorName, r.log)
	}
	f := wait(t, taken, "the descriptor")
	if _, err := f.WriteString("!"); err != nil {
		t.Errorf("the taken descriptor does not work: %v", err)
	}
	_ = f.Close()
	if _, err := pr.Read(make([]byte, 1)); err != nil {
		t.Errorf("nothing came through: %v", err)
	}
	wantClosed(t, pr, pw)
}

func TestAHandlerGivesDescriptors(t *testing.T) {
	t.Parallel()
	pr, pw := watched(t)
	r := newRig(t, func(context.Context, *Call) ([]any, error) {
		return []any{pw, map[string]dbus.Variant{"kind": dbus.MakeVariant("pipe")}}, nil
	})
	var fd dbus.UnixFD
	var details map[string]dbus.Variant
	if err := r.call("/test/things/a", "test.Thing.Open").Store(&fd, &details); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "received")
	if _, err := f.WriteString("!"); err != nil || details["kind"].Value() != "pipe" {
		t.Errorf("what came is %v, %v", details, err)
	}
	_ = f.Close()
	if _, err := pr.Read(make([]byte, 1)); err != nil {
		t.Errorf("nothing came through: %v", err)
	}
	wantEnd(t, pr) // the file of the answer belongs to the tree
}

func TestFilesOfAnAnswerThatIsNotSentAreClosed(t *testing.T) {
	t.Parallel()
	details := map[string]dbus.Variant{}
	for name, c := range map[string]struct {
		more  []any
		err   error
		flags dbus.Flags
	}{
		"it has the wrong types":  {more: []any{"no details"}},
		"the handler failed":      {more: []any{details}, err: errors.New("after opening")},
		"nobody wants the answer": {more: []any{details}, flags: dbus.FlagNoReplyExpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pr, pw := watched(t)
			r := newRig(t, func(context.Context, *Call) ([]any, error) { return append([]any{pw}, c.more...), c.err })
			r.object("/test/things/a").Go("test.Thing.Open", c.flags, make(chan *dbus.Call, 1))
			wantEnd(t, pr)
		})
	}
}

// TestDescriptorsStayWithTheirMessage has many messages arrive at once, some of
// them with descriptors.
func TestDescriptorsStayWithTheirMessage(t *testing.T) {
	t.Parallel()
	l, other := socketpair(t, New("/test", nil, nil, nil, newTestLog()))
	const messages = 200
	files := make([]*os.File, messages)
	for i := range messages {
		h := &header{typ: dbus.TypeMethodCall, path: "/x", iface: "a.b", member: fmt.Sprintf("M%d", i)}
		var control []byte
		if i%3 == 0 {
			file, err := os.CreateTemp(t.TempDir(), "x")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			files[i], h.fdCount = file, 1
			control = syscall.UnixRights(int(file.Fd()))
		}
		if i%7 == 0 {
			h.fdCount++ // the bus would not let that through
		}
		if _, _, err := other.WriteMsgUnix(append(h.encode(uint32(i+1), i), make([]byte, i)...), control, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range messages {
		h, err := l.in.next()
		if err != nil || h.member != fmt.Sprintf("M%d", i) {
			t.Fatalf("message %d is %+v, %v", i, h, err)
		}
		fds := l.in.fds
		if (len(fds) == 1) != (files[i] != nil) {
			t.Fatalf("message %d has %d descriptors", i, len(fds))
		}
		if len(fds) == 1 {
			var got, want syscall.Stat_t
			if syscall.Fstat(fds[0], &got) != nil || syscall.Fstat(int(files[i].Fd()), &want) != nil || got.Ino != want.Ino {
				t.Errorf("message %d has the descriptor of another", i)
			}
		}
		if err := l.in.drop(); err != nil {
			t.Fatal(err)
		}
	}
}
