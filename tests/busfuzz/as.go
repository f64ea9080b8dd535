package busfuzz

import (
	"net"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dialAs connects to a socket as another user. Who somebody is on a bus is who
// the connecting thread was, so the thread is that user for a moment: with no
// other groups, and with root's rights only to return to.
func dialAs(path string, uid int) (*net.UnixConn, error) {
	address := &net.UnixAddr{Name: path, Net: "unix"}
	if uid == os.Geteuid() {
		return net.DialUnix("unix", nil, address)
	}
	type result struct {
		conn *net.UnixConn
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		groups, err := unix.Getgroups()
		if err == nil {
			err = become(uid, nil)
		}
		if err != nil {
			// The thread ends with the goroutine that has locked it.
			done <- result{nil, err}
			return
		}
		conn, err := dialHere(path)
		if become(os.Getuid(), groups) == nil {
			runtime.UnlockOSThread()
		}
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

// dialHere connects on this very thread, as net.Dial need not.
func dialHere(path string) (*net.UnixConn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// become changes the effective user and groups of this thread alone, which the
// functions of package syscall do for all threads. The order is the one in
// which root may.
func become(uid int, groups []int) error {
	root := func() error { return thread(unix.SYS_SETRESUID, ^uintptr(0), 0, ^uintptr(0)) }
	if err := root(); err != nil {
		return err
	}
	gids := make([]uint32, len(groups)+1) // never empty, so that it has an address
	for i, g := range groups {
		gids[i] = uint32(g)
	}
	if err := thread(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&gids[0])), 0); err != nil {
		return err
	}
	if err := thread(unix.SYS_SETRESGID, ^uintptr(0), uintptr(uid), ^uintptr(0)); err != nil {
		return err
	}
	return thread(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0))
}

func thread(trap, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall(trap, a, b, c); errno != 0 {
		return errno
	}
	return nil
}
