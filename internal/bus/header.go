package bus

import (
	"encoding/binary"

	"github.com/godbus/dbus/v5"
)

// fixedHeader is the length of a message's header up to the header fields'
// first byte: order, type, flags, version, body length, serial, fields length.
const fixedHeader = 16

// header is what the tree needs of a message's header.
type header struct {
	typ         dbus.Type
	flags       dbus.Flags
	serial      uint32
	path        dbus.ObjectPath
	iface       string
	member      string
	errorName   string
	replySerial uint32
	destination string
	sender      string
	signature   string
	fdCount     uint32
	bodyLength  int
}

func signalHeader(path dbus.ObjectPath, iface, member, signature string) *header {
	return &header{typ: dbus.TypeSignal, path: path, iface: iface, member: member, signature: signature}
}

// reply is the header of the answer to h.
func (h *header) reply(signature string) *header {
	return &header{typ: dbus.TypeMethodReply, destination: h.sender, replySerial: h.serial, signature: signature}
}

// failure is the header of an error that answers h.
func (h *header) failure(name string) *header {
	return &header{typ: dbus.TypeError, errorName: name, destination: h.sender, replySerial: h.serial, signature: "s"}
}

// stub is what it takes of h to refuse the call.
func (h *header) stub() *header {
	return &header{typ: h.typ, flags: h.flags, serial: h.serial, sender: h.sender}
}

// encode is the header of a message with a body of this length, padded for it.
func (h *header) encode(serial uint32, bodyLength int) []byte {
	out := encoder{make([]byte, 0, 256)}
	out.b = append(out.b, 'l', byte(h.typ), byte(h.flags), 1)
	out.uint32(uint32(bodyLength))
	out.uint32(serial)
	out.array(func() {
		out.text(dbus.FieldPath, 'o', string(h.path))
		out.text(dbus.FieldInterface, 's', h.iface)
		out.text(dbus.FieldMember, 's', h.member)
		out.text(dbus.FieldErrorName, 's', h.errorName)
		out.number(dbus.FieldReplySerial, h.replySerial)
		out.text(dbus.FieldDestination, 's', h.destination)
		out.text(dbus.FieldSignature, 'g', h.signature)
		out.number(dbus.FieldUnixFDs, h.fdCount)
	})
	out.align(8)
	return out.b
}

// text appends a header field unless it is empty.
func (e *encoder) text(field dbus.HeaderField, typ byte, value string) {
	if value == "" {
		return
	}
	e.align(8)
	e.b = append(e.b, byte(field), 1, typ, 0)
	if typ == 'g' {
		e.signature(value)
		return
	}
	e.string(value)
}

// number appends a header field unless it is zero.
func (e *encoder) number(field dbus.HeaderField, value uint32) {
	if value == 0 {
		return
	}
	e.align(8)
	e.b = append(e.b, byte(field), 1, 'u', 0)
	e.uint32(value)
}

func byteOrder(b byte) (binary.ByteOrder, error) {
	switch b {
	case 'l':
		return binary.LittleEndian, nil
	case 'B':
		return binary.BigEndian, nil
	}
	return nil, errHeader
}

// field reads one header field.
func (r *receiver) field(h *header) error {
	if err := r.align(8); err != nil {
		return err
	}
	code, err := r.byte()
	if err != nil {
		return err
	}
	typ, err := r.signature()
	if err != nil {
		return err
	}
	var text string
	var number uint32
	switch typ {
	case "s", "o":
		text, err = r.string()
	case "g":
		text, err = r.signature()
	case "u":
		number, err = r.uint32()
	default:
		r.bad = true
	}
	if err != nil || r.bad {
		return err
	}
	switch dbus.HeaderField(code) {
	case dbus.FieldPath:
		h.path = dbus.ObjectPath(text)
	case dbus.FieldInterface:
		h.iface = text
	case dbus.FieldMember:
		h.member = text
	case dbus.FieldSender:
		h.sender = text
	case dbus.FieldSignature:
		h.signature = text
	case dbus.FieldUnixFDs:
		h.fdCount = number
	case dbus.FieldReplySerial:
		h.replySerial = number
	case dbus.FieldErrorName:
		h.errorName = text
	case dbus.FieldDestination:
		h.destination = text
	}
	return nil
}

func (r *receiver) align(n int) error { return r.skip(-r.pos & (n - 1)) }

func (r *receiver) byte() (byte, error) {
	b, err := r.take(1)
	if err != nil || r.bad {
		return 0, err
	}
	return b[0], nil
}

func (r *receiver) uint32() (uint32, error) {
	if err := r.align(4); err != nil {
		return 0, err
	}
	b, err := r.take(4)
	if err != nil || r.bad {
		return 0, err
	}
	return r.order.Uint32(b), nil
}

// string reads a string or a path, less the zero that ends it. Of a long one
// it returns the beginning.
func (r *receiver) string() (string, error) {
	n, err := r.uint32()
	if err != nil || r.bad {
		return "", err
	}
	if n >= maxMessage {
		r.bad = true
		return "", nil
	}
	b, err := r.take(min(int(n), maxWord))
	if err != nil || r.bad {
		return "", err
	}
	text := string(b)
	return text, r.skip(int(n) + 1 - len(text))
}

func (r *receiver) signature() (string, error) {
	n, err := r.byte()
	if err != nil || r.bad {
		return "", err
	}
	b, err := r.take(int(n) + 1)
	if err != nil || r.bad {
		return "", err
	}
	return string(b[:n]), nil
}
