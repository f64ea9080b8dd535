package bus

import (
	"errors"
	"net"
	"syscall"
)

// maxReply is the longest body that is sent: the system bus's own limit, which
// costs the connection of whoever exceeds it, less room for the header.
const maxReply = 32<<20 - 4096

var errTooLong = errors.New("the message is too long for the bus")

// send writes a message.
func (l *link) send(h *header, body []byte, fds []int) error {
	l.write.Lock()
	defer l.write.Unlock()
	return l.writeMessage(h, [][]byte{body}, fds)
}

// sendFresh writes a message whose body is composed when no other message can
// come before it any more. So an answer about the state is never older than
// the signals that its reader has seen: a change is visible before it is
// announced, and what is announced has been written before.
func (l *link) sendFresh(compose func() (*header, [][]byte)) error {
	l.write.Lock()
	defer l.write.Unlock()
	h, body := compose()
	return l.writeMessage(h, body, nil)
}

func (l *link) writeMessage(h *header, body [][]byte, fds []int) error {
	length := 0
	for _, piece := range body {
		length += len(piece)
	}
	if length > maxReply {
		return errTooLong
	}
	h.fdCount = uint32(len(fds))
	head := h.encode(l.GetSerial(), length)
	if len(fds) > 0 {
		// The descriptors go with the first bytes, whatever the kernel takes.
		n, _, err := l.conn.WriteMsgUnix(head, syscall.UnixRights(fds...), nil)
		if err != nil {
			return err
		}
		head = head[n:]
	}
	message := make(net.Buffers, 0, 1+len(body))
	message = append(message, head)
	message = append(message, body...)
	_, err := message.WriteTo(l.conn)
	return err
}
