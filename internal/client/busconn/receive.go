package busconn

import (
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// maxFDs is how many descriptors the kernel passes with one message.
const maxFDs = 253

// receiver reads messages from a socket, never beyond the end of the present
// one, so that descriptors cannot be taken for those of another.
type receiver struct {
	socket  *net.UnixConn
	control []byte
}

func newReceiver(socket *net.UnixConn) *receiver {
	return &receiver{socket, make([]byte, unix.CmsgSpace(4*maxFDs))}
}

func (r *receiver) next() (*Message, error) {
	var head [fixedHeader]byte
	fds, err := r.full(head[:], nil)
	if err == nil {
		var header, body int
		if header, body, err = sizes(head[:]); err == nil {
			frame := make([]byte, header+body)
			copy(frame, head[:])
			if fds, err = r.full(frame[fixedHeader:], fds); err == nil {
				return parse(frame, header, fds)
			}
		}
	}
	(&Message{fds: fds}).Close()
	return nil, err
}

// full fills b and appends the descriptors that come along.
func (r *receiver) full(b []byte, fds []int) ([]int, error) {
	for len(b) > 0 {
		n, controls, _, _, err := r.socket.ReadMsgUnix(b, r.control)
		fds = append(fds, rights(r.control[:controls])...)
		if err != nil {
			return fds, err
		}
		if n == 0 {
			return fds, io.EOF
		}
		b = b[n:]
	}
	return fds, nil
}

// rights is the descriptors in control data; Go sets close-on-exec on them.
func rights(control []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}
