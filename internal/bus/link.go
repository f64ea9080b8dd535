package bus

import (
	"bytes"
	"context"
	"errors"
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
	framed  bool // authentication is over, messages follow
	in      receiver
	pending []byte          // of a message that godbus is reading
	heard   map[string]bool // whose signals are read: the bus, and who has answered a call of ours
	dropped dropped

	waiting waiting

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
	l := newLink(socket, t)
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

// sendBuffer is how many bytes may wait in the socket for the bus to read them,
// as the kernel counts. What waits there nobody can overtake, and a busy bus reads
// 2 KiB at a time.
const sendBuffer = 32 << 10

func newLink(socket *net.UnixConn, t *Tree) *link {
	_ = socket.SetWriteBuffer(sendBuffer) // with the usual size it works as well
	l := &link{conn: socket, tree: t, in: receiver{conn: socket}, heard: map[string]bool{daemonName: true}}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// Read gives godbus the messages that are its own.
func (l *link) Read(b []byte) (int, error) {
	if !l.framed {
		return l.conn.Read(b)
	}
	for len(l.pending) == 0 {
		var err error
		if l.pending, err = l.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// next reads one message, and returns it if godbus is to see it. It never
// waits for anything but the socket: all users of the bus share it.
func (l *link) next() ([]byte, error) {
	h, err := l.in.next()
	switch {
	case errors.Is(err, errHeader):
		l.dropped.note(l.tree.log, "malformed", "")
	case err != nil:
		return nil, err
	case h.typ == dbus.TypeMethodCall && h.sender != "":
		return nil, l.call(h)
	case l.concerns(h) && l.in.kept() && h.bodyLength <= maxHeard:
		frame, err := l.in.whole(h)
		closeAll(l.in.takeFDs())
		return frame, err
	default:
		l.dropped.note(l.tree.log, "unwanted", h.sender)
	}
	return nil, l.in.drop()
}

// maxHeard is the longest body of what the bus and polkit tell us, in bytes.
const maxHeard = 1 << 20

// concerns reports whether a signal or an answer is from the bus or from one
// whom we asked. It looks at the header only: anybody may send us 32 MiB of
// signal, and nothing of that is decoded or kept.
//
// The bus passes only answers to calls that were made. That is looked at here
// as well, since who answers is heard from then on: polkit's signals say that
// answers of polkit do not hold any longer.
func (l *link) concerns(h *header) bool {
	switch h.typ {
	case dbus.TypeSignal:
		return l.heard[h.sender]
	case dbus.TypeMethodReply, dbus.TypeError:
		if !l.waiting.answered(h.replySerial) {
			return false
		}
		if len(l.heard) < maxAnswerers {
			l.heard[h.sender] = true
		}
		return true
	default:
		return false
	}
}

// maxAnswerers is how many connections are heard: the bus, our own, and one
// for each time that polkit was started.
const maxAnswerers = 10000

// call hands a call to the tree: its body if there is a chance that it is
// needed, else only what is needed for a refusal.
func (l *link) call(h *header) error {
	in := &incoming{header: h, link: l}
	if !in.wantsReply() && isStandard(h.iface) {
		return l.in.drop() // such a call has no effect but its answer
	}
	refused := l.tree.consider(h)
	if refused == nil && h.signature != "" && !l.in.kept() {
		refused = tooMany("The header of the message is longer than %d bytes.", maxHeader)
	}
	if refused == nil {
		refused = l.tree.shares.reserve(in)
	}
	if refused != nil {
		if in.wantsReply() {
			l.tree.shares.add(&incoming{header: h.stub(), link: l, refused: refused})
		}
		return l.in.drop()
	}
	var err error
	if h.signature != "" {
		in.frame, err = l.in.whole(h)
	} else {
		err = l.in.skipBody()
	}
	in.fds = l.in.takeFDs()
	l.tree.shares.add(in) // also when the connection is lost: the reservation ends there
	return err
}

const knownFlags = byte(dbus.FlagNoReplyExpected | dbus.FlagNoAutoStart | dbus.FlagAllowInteractiveAuthorization)

// Write writes what godbus sends, one message or line at a time.
func (l *link) Write(b []byte) (int, error) {
	if !l.framed && bytes.Equal(b, []byte("BEGIN\r\n")) {
		if err := l.negotiate(); err != nil {
			return 0, err
		}
		l.framed = true
	}
	if l.framed {
		l.waiting.sent(b)
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
