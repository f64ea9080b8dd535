package bus

import (
	"io"
	"syscall"
)

// maxFDs is how many descriptors the kernel passes with one message.
const maxFDs = 253

// receive reads one message and the descriptors that came with it. The read
// never goes beyond the message, so descriptors cannot be taken for those of
// another one.
func (l *link) receive() (frame []byte, fds []int, err error) {
	var head [fixedHeader]byte
	fds, err = l.readFull(head[:], nil)
	if err != nil {
		closeAll(fds)
		return nil, nil, err
	}
	size, err := frameSize(head[:])
	if err != nil {
		closeAll(fds)
		return nil, nil, err
	}
	frame = make([]byte, size)
	copy(frame, head[:])
	fds, err = l.readFull(frame[fixedHeader:], fds)
	if err != nil {
		closeAll(fds)
		return nil, nil, err
	}
	return frame, fds, nil
}

// readFull fills b and appends the descriptors that come along. When the
// process can hold no more of them the kernel keeps the rest back, which shows
// as a number other than the header's.
func (l *link) readFull(b []byte, fds []int) ([]int, error) {
	if l.control == nil {
		l.control = make([]byte, syscall.CmsgSpace(4*maxFDs))
	}
	for len(b) > 0 {
		n, controls, _, _, err := l.conn.ReadMsgUnix(b, l.control)
		fds = append(fds, rights(l.control[:controls])...)
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
