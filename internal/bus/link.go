package bus

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/godbus/dbus/v5"
)

// maxMessage is the longest message that D-Bus allows.
const maxMessage = 1 << 27

// link is the socket between godbus and the bus. godbus authenticates over it
// and does everything that a client does: calls, their replies, received
// signals. Method calls never reach it; the link hands them to the tree, and
// the tree writes its replies and signals straight to the link.
//
// That is so because of what godbus's own socket and dispatcher do with
// messages that any user of the bus may send:
//
//   - an array of descriptors ("ah") panics in a goroutine without recover;
//   - descriptors that the body does not mention are never closed;
//   - flags that it does not know, or values nested more deeply than it
//     likes, make it drop the message without an answer, or the connection;
//   - calls to Peer are answered before any handler is asked, even when no
//     reply is wanted, and with the bus's id for the machine's.
//
// Besides, it encodes every message twice.
type link struct {
	conn *net.UnixConn
	tree *Tree
	ctx  context.Context // ends with the connection
	end  context.CancelFunc
	id   atomic.Uint32 // serial of the last message sent

	// Only the goroutine that authenticates and then reads uses these.
	framed  bool   // authentication is over, messages follow
	pending []byte // of a message that godbus is reading
	control []byte // room for the control data of one read

	// slots bounds the goroutines that are not in a handler, whose number
	// limits bounds. When all are taken nothing more is read, and callers wait.
	slots chan struct{}

	write sync.Mutex // held while one message is written
}

// Connect connects the tree to the bus at one of these addresses (in the
// format of D_BUS_SYSTEM_BUS_ADDRESS): from now on calls are answered and
// changes announced. The connection also serves as a client of the bus;
// received signals keep their order, and descriptors in them are closed.
func (t *Tree) Connect(address string) (*dbus.Conn, error) {
	socket, err := Dial(address)
	if err != nil {
		return nil, err
	}
	l := &link{conn: socket, tree: t, slots: make(chan struct{}, maxReads)}
	l.ctx, l.end = context.WithCancel(context.Background())
	conn, err := dbus.NewConn(l, dbus.WithSerialGenerator(l), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("cannot connect to the bus: %w", err)
	}
	if err := conn.Auth(nil); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot authenticate to the bus: %w", err)
	}
	if err := conn.Hello(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot greet the bus: %w", err)
	}
	t.link.Store(l) // not before Hello: the bus expels who sends anything else first
	return conn, nil
}

// Read gives godbus the messages that are its own.
func (l *link) Read(b []byte) (int, error) {
	if !l.framed {
		return l.conn.Read(b)
	}
	for len(l.pending) == 0 {
		frame, fds, err := l.receive()
		if err != nil {
			return 0, err
		}
		l.pending = l.route(frame, fds)
	}
	n := copy(b, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// route hands a call to the tree, and returns what else godbus may see.
func (l *link) route(frame []byte, fds []int) []byte {
	frame[2] &= knownFlags // the specification has unknown ones ignored
	h, err := parseHeader(frame)
	switch {
	case err != nil:
		l.tree.log.Warn("a malformed message was dropped", "error", err)
	case h.typ == dbus.TypeMethodCall:
		l.slots <- struct{}{}
		go l.tree.serve(l, &incoming{header: h, frame: frame, fds: fds})
		return nil
	case h.typ == dbus.TypeSignal && !digestible(frame):
		l.tree.log.Warn("a signal was dropped", "sender", h.sender, "interface", h.iface, "member", h.member)
	default:
		closeAll(fds)
		return frame
	}
	closeAll(fds)
	return nil
}

const knownFlags = byte(dbus.FlagNoReplyExpected | dbus.FlagNoAutoStart | dbus.FlagAllowInteractiveAuthorization)

// digestible says whether godbus can decode a signal, which anybody on the bus
// may have sent. Replies come from whom we asked.
func digestible(frame []byte) bool {
	if len(frame) > maxCallSize {
		return false
	}
	_, err := unmarshal(frame)
	return err == nil
}

// Write writes what godbus sends, one message or line at a time.
func (l *link) Write(b []byte) (int, error) {
	if !l.framed && bytes.Equal(b, []byte("BEGIN\r\n")) {
		if err := l.negotiate(); err != nil {
			return 0, err
		}
		l.framed = true
	}
	l.write.Lock()
	defer l.write.Unlock()
	return l.conn.Write(b)
}

// negotiate asks the bus to pass descriptors, the last word before BEGIN.
func (l *link) negotiate() error {
	if _, err := l.conn.Write([]byte("NEGOTIATE_UNIX_FD\r\n")); err != nil {
		return err
	}
	var answer []byte
	for b := make([]byte, 1); b[0] != '\n'; answer = append(answer, b[0]) {
		if _, err := io.ReadFull(l.conn, b); err != nil {
			return err
		}
	}
	if !bytes.Equal(answer, []byte("AGREE_UNIX_FD\r\n")) {
		return fmt.Errorf("the bus does not pass descriptors: %q", answer)
	}
	return nil
}

// Close ends the connection and the context of the calls under way.
func (l *link) Close() error {
	l.end()
	return l.conn.Close()
}

// GetSerial gives godbus a serial out of the same sequence as ours.
func (l *link) GetSerial() uint32 {
	for {
		if id := l.id.Add(1); id != 0 {
			return id
		}
	}
}

// RetireSerial is for generators that remember what they gave.
func (l *link) RetireSerial(uint32) {}
