package bus

import (
	"bufio"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
)

// rawClient writes messages as they are, also such as godbus would not send,
// and does not decode the answers.
type rawClient struct{ *link }

func newRawClient(tb testing.TB, address string) rawClient {
	tb.Helper()
	socket, err := Dial(address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = socket.Close() })
	l := newLink(socket, nil)
	for _, line := range []string{"\x00AUTH EXTERNAL\r\n", "DATA\r\n"} {
		if _, err := socket.Write([]byte(line)); err != nil {
			tb.Fatal(err)
		}
		if _, err := bufio.NewReader(socket).ReadString('\n'); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := l.Write([]byte("BEGIN\r\n")); err != nil {
		tb.Fatal(err)
	}
	c := rawClient{l}
	c.call(tb, &header{destination: daemonName, path: "/org/freedesktop/DBus", iface: daemonName, member: "Hello"}, nil, nil)
	return c
}

// call sends a method call and gives the answer to it.
func (c rawClient) call(tb testing.TB, h *header, body []byte, fds []int) (*header, []byte) {
	tb.Helper()
	h.typ = dbus.TypeMethodCall
	if err := c.send(h, body, fds); err != nil {
		tb.Fatal(err)
	}
	return c.answer(tb, c.id.Load())
}

// answer waits for the answer to the call with this serial.
func (c rawClient) answer(tb testing.TB, serial uint32) (*header, []byte) {
	tb.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(bustest.Timeout)); err != nil {
		tb.Fatal(err)
	}
	for {
		h, frame, fds, err := c.receive()
		if err != nil {
			tb.Fatalf("no answer: %v", err)
		}
		closeAll(fds)
		if h.replySerial == serial {
			return h, frame
		}
	}
}

// receive reads one message.
func (c rawClient) receive() (*header, []byte, []int, error) {
	h, err := c.in.next()
	if err != nil {
		return nil, nil, nil, err
	}
	frame, err := c.in.whole(h)
	return h, frame, c.in.takeFDs(), err
}
