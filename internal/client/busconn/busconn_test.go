package busconn_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/testutil/bustest"
)

// listener notes what it is told.
type listener struct {
	mu    sync.Mutex
	heard []string
	ended []error
}

func (l *listener) Signal(m *busconn.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.Interface == "test.Peer" {
		l.heard = append(l.heard, m.Body.Text())
	}
}

func (l *listener) Ended(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, err)
}

func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard
	l.heard = nil
	return heard
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	t.Cleanup(cancel)
	return ctx
}

// talker sends a signal before each answer, and one after it.
type talker struct{ conn *dbus.Conn }

func (p talker) Ask(word string) (string, *dbus.Error) {
	_ = p.conn.Emit("/", "test.Peer.Said", "before "+word)
	return "answer " + word, nil
}

func TestRepliesAndSignalsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	b := bustest.Start(t)
	peer := b.Connect(t)
	if err := peer.Export(talker{peer}, "/", "test.Peer"); err != nil {
		t.Fatal(err)
	}
	l := &listener{}
	c, err := busconn.Dial(ctx, b.Address, l)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Daemon(ctx, "AddMatch", "interface='test.Peer'"); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a", "b", "c", "d"} {
		done := make(chan []string)
		c.Go(&busconn.Call{Destination: peer.Names()[0], Path: "/", Interface: "test.Peer", Member: "Ask", Args: []any{word}},
			func(m *busconn.Message, err error) {
				var answer string
				if err == nil {
					defer m.Close()
					err = m.Store(&answer)
				}
				heard := append(l.take(), answer)
				if err != nil {
					heard = append(heard, err.Error())
				}
				go func() { done <- heard }()
			})
		select {
		case heard := <-done:
			if len(heard) != 2 || heard[0] != "before "+word || heard[1] != "answer "+word {
				t.Errorf("at the answer this was heard: %q", heard)
			}
		case <-ctx.Done():
			t.Fatal("no answer")
		}
	}
}

func TestAnErrorKeepsItsNameAndText(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	c, err := busconn.Dial(ctx, bustest.Start(t).Address, &listener{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Daemon(ctx, "GetNameOwner", "test.Nobody")
	var e *busconn.Error
	if !errors.As(err, &e) || e.Name != "org.freedesktop.DBus.Error.NameHasNoOwner" || e.Message == "" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Call(ctx, &busconn.Call{Destination: "a.b", Path: "no path", Interface: "a.b", Member: "C"}); err == nil || errors.As(err, &e) && e.Name == "" {
		t.Errorf("a call that cannot be sent: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Daemon(gone, "ListNames"); !errors.Is(err, context.Canceled) {
		t.Errorf("a call of one who has gone: %v", err)
	}
}

func TestCloseEndsEverythingOnce(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	b := bustest.Start(t)
	peer := b.Connect(t) // which answers nothing: godbus does, but not while it is eavesdropping
	peer.Eavesdrop(make(chan *dbus.Message, 8))
	t.Cleanup(func() { peer.Eavesdrop(nil) }) // godbus would close the channel and might still send to it
	l := &listener{}
	c, err := busconn.Dial(ctx, b.Address, l)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	call := &busconn.Call{Destination: peer.Names()[0], Path: "/", Interface: "test.Peer", Member: "Ask"}
	c.Go(call, func(_ *busconn.Message, err error) { ended <- err })
	c.Close()
	c.Go(call, func(_ *busconn.Message, err error) { ended <- err })
	for range 2 {
		if err := <-ended; !errors.Is(err, busconn.ErrClosed) {
			t.Errorf("a call ended with %v", err)
		}
	}
	c.Close()
	if len(l.ended) != 1 || !errors.Is(l.ended[0], busconn.ErrClosed) {
		t.Errorf("the end was told as %v", l.ended)
	}
}

func TestDialFailsWhenTheOtherEndIsNoBus(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string][]string{
		"says nothing":          nil,
		"refuses":               {"REJECTED EXTERNAL\r\n"},
		"passes nothing":        {"OK 1234\r\n", "ERROR\r\n"},
		"goes on and on":        {string(make([]byte, 4096))},
		"speaks another tongue": {"OK 1234\r\n", "AGREE_UNIX_FD\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "s")
			server, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			go answer(server, answers)
			if c, err := busconn.Dial(deadline(t), "unix:path="+path, &listener{}); err == nil {
				c.Close()
				t.Error("it was taken for a bus")
			}
		})
	}
}

// answer gives one answer to each line, and then hangs up.
func answer(server net.Listener, answers []string) {
	conn, err := server.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, a := range answers {
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
		if _, err := io.WriteString(conn, a); err != nil {
			return
		}
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	server, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ctx, cancel := context.WithCancel(deadline(t))
	go func() {
		conn, err := server.Accept()
		if err == nil {
			_, _ = bufio.NewReader(conn).ReadString('\n')
			cancel() // it never answers
		}
	}()
	if _, err := busconn.Dial(ctx, "unix:path="+path, &listener{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
