package busconn

import (
	"encoding/binary"
	"errors"
	"os"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/wire"
)

// Message is a received message. Whoever gets one as a reply must Close it. A
// signal's descriptors are closed before anybody sees it.
type Message struct {
	Sender    string
	Path      string
	Interface string
	Member    string
	Signature string
	Body      *wire.Reader

	typ         dbus.Type
	flags       dbus.Flags
	serial      uint32
	replySerial uint32
	errorName   string
	fds         []int // -1 where somebody took one
}

// Store reads the whole body, whose types must be those of the variables.
func (m *Message) Store(into ...any) error { return wire.Unmarshal(m.Body, m.Signature, into...) }

// File reads an h and takes the descriptor that it stands for.
func (m *Message) File(name string) (*os.File, error) {
	i := int(m.Body.Uint32())
	if m.Body.Err() != nil || i >= len(m.fds) || m.fds[i] < 0 {
		return nil, errMalformed
	}
	fd := m.fds[i]
	m.fds[i] = -1
	return os.NewFile(uintptr(fd), name), nil
}

// Close closes the descriptors that nobody took.
func (m *Message) Close() {
	for _, fd := range m.fds {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	m.fds = nil
}

// Error is an error that came as a reply.
type Error struct {
	Name    string
	Message string
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Name + ": " + e.Message
}

// failure is the error of an error reply. Its text is the first argument, by
// convention.
func (m *Message) failure() error {
	e := &Error{Name: m.errorName}
	if len(m.Signature) > 0 && m.Signature[0] == 's' {
		e.Message = m.Body.Text()
	}
	return e
}

// fixedHeader is the length of a message's header up to the header fields'
// first byte: order, type, flags, version, body length, serial, fields length.
const fixedHeader = 16

// maxMessage is the longest message that D-Bus allows.
const maxMessage = 1 << 27

var errMalformed = errors.New("the bus sent a malformed message")

func byteOrder(mark byte) (binary.ByteOrder, error) {
	switch mark {
	case 'l':
		return binary.LittleEndian, nil
	case 'B':
		return binary.BigEndian, nil
	default:
		return nil, errMalformed
	}
}

// sizes are the lengths of the header and of the body of the message that
// begins with these bytes.
func sizes(head []byte) (header, body int, err error) {
	order, err := byteOrder(head[0])
	if err != nil {
		return 0, 0, err
	}
	fields, length := order.Uint32(head[12:]), order.Uint32(head[4:])
	if fields > maxMessage || length > maxMessage {
		return 0, 0, errMalformed
	}
	return fixedHeader + int((fields+7)&^7), int(length), nil
}

// parse reads a whole message.
func parse(frame []byte, header int, fds []int) (*Message, error) {
	order, err := byteOrder(frame[0])
	if err != nil {
		return nil, err
	}
	m := &Message{
		typ: dbus.Type(frame[1]), flags: dbus.Flags(frame[2]), serial: order.Uint32(frame[8:]),
		Body: wire.NewReader(frame[header:], order), fds: fds,
	}
	// The header fields are an array whose length is the last fixed number.
	r := wire.NewReader(frame[:header], order)
	r.Skip("yyyyuu")
	for end := r.Array(8); r.More(end); {
		r.Entry()
		m.field(r)
	}
	return m, r.Err()
}

func (m *Message) field(r *wire.Reader) {
	code, sig := dbus.HeaderField(r.Byte()), r.Signature()
	switch {
	case code == dbus.FieldSender && sig == "s":
		m.Sender = r.Text()
	case code == dbus.FieldPath && sig == "o":
		m.Path = r.Text()
	case code == dbus.FieldInterface && sig == "s":
		m.Interface = r.Text()
	case code == dbus.FieldMember && sig == "s":
		m.Member = r.Text()
	case code == dbus.FieldErrorName && sig == "s":
		m.errorName = r.Text()
	case code == dbus.FieldSignature && sig == "g":
		m.Signature = r.Signature()
	case code == dbus.FieldReplySerial && sig == "u":
		m.replySerial = r.Uint32()
	default:
		r.Skip(sig)
	}
}
