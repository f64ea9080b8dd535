package bus

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/godbus/dbus/v5"
)

const (
	// maxFDs is how many descriptors the kernel passes with one message.
	maxFDs = 253
	// maxWord is how much of a string in a header is kept, in bytes. No object's
	// path is as long, and the bus allows 255 for the other names.
	maxWord = 1024
	// windowSize is how much of a message is held while its header is read.
	windowSize = 4096
	// drainSize is how much of an unwanted message is read at a time.
	drainSize = 64 << 10
)

var (
	// errHeader means that a message cannot be understood; the next one may be.
	errHeader = errors.New("malformed message header")
	// errFrame means that nobody knows where the next message begins.
	errFrame = errors.New("malformed message")
)

// receiver reads messages from the socket, one after the other and never
// beyond the one it is in, so that descriptors cannot be taken for those of
// another message. It needs the same memory for a header of any length, and
// none for a body that is dropped.
type receiver struct {
	conn    *net.UnixConn
	control []byte // room for the control data of one read
	drain   []byte // where unwanted bytes go

	// Of the current message:
	window [windowSize]byte
	at, to int // the unread bytes in window
	pos    int // offset of window[at] in the message
	left   int // bytes that are still in the socket
	order  binary.ByteOrder
	fds    []int
	head   int  // length of the header with its padding
	bad    bool // the header is not what a header may be
}

// next reads the header of the next message. With errHeader the message is to
// be dropped; any other error ends the connection.
func (r *receiver) next() (*header, error) {
	r.at, r.to, r.pos, r.left, r.fds, r.bad = 0, 0, 0, fixedHeader, nil, false
	fixed, err := r.take(fixedHeader)
	if err != nil {
		return nil, err
	}
	h := &header{typ: dbus.Type(fixed[1]), flags: dbus.Flags(fixed[2] & knownFlags)} // unknown flags are to be ignored
	if r.order, err = byteOrder(fixed[0]); err != nil {
		return nil, errFrame
	}
	fields, body := r.order.Uint32(fixed[12:]), r.order.Uint32(fixed[4:])
	if fields > maxMessage || body > maxMessage {
		return nil, errFrame
	}
	h.serial, h.bodyLength = r.order.Uint32(fixed[8:]), int(body)
	r.head = fixedHeader + int(pad8(fields))
	r.left = r.head - fixedHeader + int(body)
	for end := fixedHeader + int(fields); r.pos < end; {
		if err := r.field(h); err != nil {
			return nil, err
		}
		if r.bad || r.pos > end {
			return nil, errHeader
		}
	}
	if err := r.skip(r.head - r.pos); err != nil {
		return nil, err
	}
	return h, nil
}

// whole reads the rest of the message and returns all of it, as it came. The
// header must have fit into the window.
func (r *receiver) whole(h *header) ([]byte, error) {
	if r.head > windowSize {
		return nil, errHeader
	}
	frame := make([]byte, r.head+h.bodyLength)
	copy(frame, r.window[:r.head])
	frame[2] = byte(h.flags)
	return frame, r.read(frame[r.head:])
}

// skipBody reads the rest of the message, and keeps its descriptors.
func (r *receiver) skipBody() error { return r.skip(r.to - r.at + r.left) }

// drop reads the rest of the message and closes its descriptors.
func (r *receiver) drop() error {
	err := r.skipBody()
	closeAll(r.takeFDs())
	return err
}

// takeFDs returns the descriptors that came with the message. They are the
// caller's then.
func (r *receiver) takeFDs() []int {
	fds := r.fds
	r.fds = nil
	return fds
}

// take returns the next n bytes of the message, which hold until the next
// call. There is an error if the message has no more or the connection ended.
func (r *receiver) take(n int) ([]byte, error) {
	if n > r.to-r.at+r.left {
		r.bad = true
		return nil, nil
	}
	if r.at+n > windowSize {
		r.to = copy(r.window[:], r.window[r.at:r.to])
		r.at = 0
	}
	for r.to-r.at < n {
		got, err := r.receive(r.window[r.to:min(windowSize, r.to+r.left)])
		if err != nil {
			return nil, err
		}
		r.to += got
	}
	b := r.window[r.at : r.at+n]
	r.at += n
	r.pos += n
	return b, nil
}

// read fills b with the next bytes of the message.
func (r *receiver) read(b []byte) error {
	n := copy(b, r.window[r.at:r.to])
	r.at += n
	r.pos += len(b)
	for n < len(b) {
		got, err := r.receive(b[n:])
		if err != nil {
			return err
		}
		n += got
	}
	return nil
}

// skip reads over the next n bytes of the message.
func (r *receiver) skip(n int) error {
	if n > r.to-r.at+r.left {
		r.bad = true
		return nil
	}
	if buffered := min(n, r.to-r.at); buffered > 0 {
		r.at += buffered
		r.pos += buffered
		n -= buffered
	}
	if n > 0 && r.drain == nil {
		r.drain = make([]byte, drainSize)
	}
	for n > 0 {
		got, err := r.receive(r.drain[:min(n, drainSize)])
		if err != nil {
			return err
		}
		r.pos += got
		n -= got
	}
	return nil
}

// receive reads some bytes of the message from the socket, and keeps the
// descriptors that come along. When the process can hold no more of them the
// kernel keeps the rest back, which shows as a number other than the header's.
func (r *receiver) receive(b []byte) (int, error) {
	if r.control == nil {
		r.control = make([]byte, syscall.CmsgSpace(4*maxFDs))
	}
	n, controls, _, _, err := r.conn.ReadMsgUnix(b, r.control)
	r.fds = append(r.fds, rights(r.control[:controls])...)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		closeAll(r.takeFDs())
		return 0, err
	}
	r.left -= n
	return n, nil
}

// rights is the descriptors in control data; Go sets close-on-exec on them.
func rights(control []byte) (fds []int) {
	if len(control) == 0 {
		return nil
	}
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		got, err := syscall.ParseUnixRights(&messages[i])
		if err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}
