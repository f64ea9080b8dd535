package bus

import (
	"encoding/binary"
	"errors"

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

var errHeader = errors.New("malformed message header")

// frameSize is the length of the message that begins with these bytes, of
// which there are fixedHeader.
func frameSize(b []byte) (int, error) {
	order, err := byteOrder(b[0])
	if err != nil {
		return 0, err
	}
	fields, body := order.Uint32(b[12:]), order.Uint32(b[4:])
	if fields > maxMessage || body > maxMessage {
		return 0, errHeader
	}
	return fixedHeader + int(pad8(fields)) + int(body), nil
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

// parseHeader reads the header of a whole message. The bus has validated it;
// still nothing is read beyond its end.
func parseHeader(frame []byte) (*header, error) {
	order, err := byteOrder(frame[0])
	if err != nil {
		return nil, err
	}
	h := &header{typ: dbus.Type(frame[1]), flags: dbus.Flags(frame[2]), serial: order.Uint32(frame[8:])}
	d := &decoder{b: frame, pos: fixedHeader, order: order}
	end := fixedHeader + int(order.Uint32(frame[12:]))
	for d.pos < end && !d.bad {
		d.field(h)
	}
	if d.bad || d.pos != end {
		return nil, errHeader
	}
	return h, nil
}

// decoder reads header fields. bad says that the bytes were not enough or
// nothing that a header field may hold.
type decoder struct {
	b     []byte
	pos   int
	order binary.ByteOrder
	bad   bool
}

func (d *decoder) field(h *header) {
	d.pos = (d.pos + 7) &^ 7
	code := d.take(1)
	var text string
	var number uint32
	switch d.signature() {
	case "s", "o":
		text = d.string()
	case "g":
		text = d.signature()
	case "u":
		number = d.uint32()
	default:
		d.bad = true
	}
	if d.bad {
		return
	}
	switch dbus.HeaderField(code[0]) {
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
}

func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.b)-d.pos {
		d.bad = true
		return nil
	}
	d.pos += n
	return d.b[d.pos-n : d.pos]
}

func (d *decoder) uint32() uint32 {
	d.pos = (d.pos + 3) &^ 3
	b := d.take(4)
	if d.bad {
		return 0
	}
	return d.order.Uint32(b)
}

// string reads a string or a path, less the zero that ends it.
func (d *decoder) string() string {
	n := d.uint32()
	if n >= maxMessage {
		d.bad = true
	}
	b := d.take(int(n) + 1)
	if d.bad {
		return ""
	}
	return string(b[:n])
}

func (d *decoder) signature() string {
	n := d.take(1)
	if d.bad {
		return ""
	}
	b := d.take(int(n[0]) + 1)
	if d.bad {
		return ""
	}
	return string(b[:len(b)-1])
}
