package fakehv

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// echo is a socket whose other side sends back what it receives, until it is
// closed.
func echo() (*os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "echo"), os.NewFile(uintptr(pair[1]), "caller")
	go func() {
		defer ours.Close()
		_, _ = io.Copy(ours, ours)
	}()
	return theirs, nil
}
