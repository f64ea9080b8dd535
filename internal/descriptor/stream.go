package descriptor

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Writer writes to an admitted descriptor in its order, from where it is. A pipe
// or socket may take what is written slowly, or never. The descriptor is shared
// with the caller, who may have it blocking and may write to it as well, so that
// it is never trusted to have the room that it says it has.
type Writer struct {
	f    *os.File
	kind uint32
	pipe [2]int // of our own, on the way to a caller's pipe; 0 until it is needed
}

// NewWriter makes a Writer. It does not own the file.
func NewWriter(ctx context.Context, f *os.File) (*Writer, error) {
	o, err := Do(ctx, func() (opened, error) { return lookAt(f) })
	return &Writer{f: f, kind: o.kind}, err
}

// Close gives back what the Writer has of its own.
func (w *Writer) Close() {
	if w.pipe != [2]int{} {
		_ = unix.Close(w.pipe[0])
		_ = unix.Close(w.pipe[1])
	}
}

// Write writes all of data, and tells wrote of each piece. It ends when ctx does.
func (w *Writer) Write(ctx context.Context, data []byte, wrote func(n int)) error {
	for len(data) > 0 {
		n, err := w.some(ctx, data)
		data = data[n:]
		wrote(n)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) some(ctx context.Context, data []byte) (int, error) {
	switch w.kind {
	case unix.S_IFSOCK:
		return w.whenReady(ctx, func(fd int) (int, error) {
			return unix.SendmsgN(fd, data, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		})
	case unix.S_IFIFO:
		return w.throughPipe(ctx, data)
	default:
		return Do(ctx, func() (int, error) { return w.f.Write(data) })
	}
}

// throughPipe writes to a pipe by way of one of our own: only splice(2) can be
// told not to wait without changing how the caller has opened its pipe.
func (w *Writer) throughPipe(ctx context.Context, data []byte) (int, error) {
	if w.pipe == [2]int{} {
		if err := unix.Pipe2(w.pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			w.pipe = [2]int{}
			return 0, err
		}
	}
	in, err := unix.Write(w.pipe[1], data)
	if err != nil {
		return 0, err
	}
	done := 0
	for done < in {
		n, err := w.whenReady(ctx, func(fd int) (int, error) {
			n, err := unix.Splice(w.pipe[0], nil, fd, nil, in-done, unix.SPLICE_F_NONBLOCK)
			if n == 0 && err == nil {
				err = io.ErrUnexpectedEOF
			}
			return int(n), err
		})
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// pause is how often, in milliseconds, somebody who does not read is a reason to
// look whether ctx has ended.
const pause = 250

// whenReady writes as soon as there is room.
func (w *Writer) whenReady(ctx context.Context, write func(fd int) (int, error)) (int, error) {
	fd := int(w.f.Fd())
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, err := unix.Poll(fds, pause); n == 0 || errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return 0, err
		}
		n, err := write(fd) // also when the other end is closed: it tells
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}
