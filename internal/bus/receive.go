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
	// maxHeader is the longest header of a message that is kept, in bytes.
	maxHeader = 4096
	// windowSize is how much is read from the socket at a time: some hundred of
	// the usual messages.
	windowSize = 64 << 10
)

var (
	// errHeader means that a message cannot be understood; the next one may be.
	errHeader = errors.New("malformed message header")
	// errFrame means that nobody knows where the next message begins.
	errFrame = errors.New("malformed message")
)

// receiver reads messages from the socket, one after the other. It needs the same
// memory for a header of any length, and none for a body that is dropped.
//
// It reads many messages at once. The kernel ends a read with the bytes that
// descriptors were sent with, so the descriptors that come with a read belong to
// the message that its last byte belongs to. Those that the kernel could not pass
// are missing, and do not make those of another message take their place.
type receiver struct {
	conn    *net.UnixConn
	control []byte // room for the control data of one read
	drain   []byte // where unwanted bytes go

	window [windowSize]byte
	at, to int    // the bytes in window that are not consumed
	offset uint64 // of window[to] in all that was received

	came   []int  // descriptors whose message has not begun
	cameTo uint64 // offset of the end of the read that they came with

	// Of the current message:
	base  int // where it begins in window
	pos   int // how much of it is consumed
	left  int // how much is not
	order binary.ByteOrder
	fds   []int
	head  int  // length of the header with its padding
	bad   bool // the header is not what a header may be
}

// next reads the header of the next message. With errHeader the message is to
// be dropped; any other error ends the connection.
func (r *receiver) next() (*header, error) {
	if r.at+maxHeader > windowSize || r.at == r.to {
		r.compact() // not again before the header is read, unless it is too long to be kept
	}
	r.base, r.pos, r.left, r.bad = r.at, 0, fixedHeader, false
	begin := r.offset - uint64(r.to-r.at)
	if r.came != nil && begin >= r.cameTo {
		closeAll(r.came)
		r.came = nil
	}
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
	if begin+uint64(r.pos+r.left) >= r.cameTo {
		r.fds, r.came = r.came, nil
	}
	return h, nil
}

// kept reports whether the header of the message is still in the window.
func (r *receiver) kept() bool { return r.head <= maxHeader }

// whole reads the rest of the message and returns all of it, as it came. The
// header must have been kept.
func (r *receiver) whole(h *header) ([]byte, error) {
	frame := make([]byte, r.head+h.bodyLength)
	copy(frame, r.window[r.base:r.base+r.head])
	frame[2] = byte(h.flags)
	return frame, r.read(frame[r.head:])
}

// skipBody reads the rest of the message, and keeps its descriptors.
func (r *receiver) skipBody() error { return r.skip(r.left) }

// drop reads the rest of the message and closes its descriptors.
func (r *receiver) drop() error {
	closeAll(r.takeFDs())
	return r.skipBody()
}

// takeFDs returns the descriptors that came with the message. They are the
// caller's then.
func (r *receiver) takeFDs() []int {
	fds := r.fds
	r.fds = nil
	return fds
}

// compact moves the bytes that are not consumed to the beginning of the window.
func (r *receiver) compact() {
	r.to = copy(r.window[:], r.window[r.at:r.to])
	r.at = 0
}

// take returns the next n bytes of the message, of which there are maxHeader at
// most, and which hold until the next call. When the message has not as many,
// bad is set.
func (r *receiver) take(n int) ([]byte, error) {
	if n > r.left {
		r.bad = true
		return nil, nil
	}
	if r.at+n > windowSize {
		r.compact()
	}
	for r.to-r.at < n {
		got, err := r.receive(r.window[r.to:])
		if err != nil {
			return nil, err
		}
		r.to += got
	}
	b := r.window[r.at : r.at+n]
	r.consume(n)
	r.at += n
	return b, nil
}

func (r *receiver) consume(n int) {
	r.pos += n
	r.left -= n
}

// read fills b with the next bytes of the message.
func (r *receiver) read(b []byte) error {
	r.consume(len(b))
	n := copy(b, r.window[r.at:r.to])
	r.at += n
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
	if n > r.left {
		r.bad = true
		return nil
	}
	if n <= maxHeader && r.base+maxHeader >= r.at+n {
		_, err := r.take(n)
		return err
	}
	r.consume(n)
	buffered := min(n, r.to-r.at)
	r.at += buffered
	if n -= buffered; n > 0 && r.drain == nil {
		r.drain = make([]byte, windowSize)
	}
	for n > 0 {
		got, err := r.receive(r.drain[:min(n, windowSize)])
		if err != nil {
			return err
		}
		n -= got
	}
	return nil
}

// receive reads some bytes from the socket, and keeps the descriptors that come
// along.
func (r *receiver) receive(b []byte) (int, error) {
	if r.control == nil {
		r.control = make([]byte, syscall.CmsgSpace(4*maxFDs))
	}
	n, controls, _, _, err := r.conn.ReadMsgUnix(b, r.control)
	if fds := rights(r.control[:controls]); fds != nil {
		closeAll(r.came)
		r.came, r.cameTo = fds, r.offset+uint64(n)
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		r.close()
		return 0, err
	}
	r.offset += uint64(n)
	return n, nil
}

// close closes the descriptors that nobody has taken.
func (r *receiver) close() {
	closeAll(r.takeFDs())
	closeAll(r.came)
	r.came = nil
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
