package virt

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

// OpenConsole connects to a serial device; see inventory.Conn.
func (c *Conn) OpenConsole(ctx context.Context, uuid, alias string, force bool) (*os.File, error) {
	flags := libvirt.DOMAIN_CONSOLE_SAFE
	if force {
		flags = libvirt.DOMAIN_CONSOLE_FORCE
	}
	w := work[*os.File]{uuid: uuid, drop: func(f *os.File) { _ = f.Close() }}
	return operate(ctx, c, w, func(conn *libvirt.Connect) (*os.File, error) {
		done, err := c.consoleTurn(ctx, uuid)
		if err != nil {
			return nil, err
		}
		defer done()
		dom, err := conn.LookupDomainByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		stream, err := conn.NewStream(libvirt.STREAM_NONBLOCK)
		if err != nil {
			return nil, err
		}
		err = dom.OpenConsole(alias, stream, flags)
		if flags == libvirt.DOMAIN_CONSOLE_SAFE && unsupported(err) {
			// The device cannot be locked against a second user.
			err = dom.OpenConsole(alias, stream, 0)
		}
		if err != nil {
			_ = stream.Free()
			return nil, err
		}
		return c.attach(uuid, stream)
	})
}

// consoleTurn keeps the opening and the ending of one VM's consoles apart.
// libvirtd 11.3 hangs as a whole when somebody ends a console's stream while
// somebody else opens that console by force: one thread has the stream locked
// and wants the list of consoles, the other the other way round.
func (c *Conn) consoleTurn(ctx context.Context, uuid string) (func(), error) {
	return c.turns.lock(ctx, turnKey{uuid, laneConsole})
}

// attach joins a stream to a socket and returns the caller's end of it. The
// stream is its own from now on. The caller has the console turn.
func (c *Conn) attach(uuid string, stream *libvirt.Stream) (*os.File, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		_ = stream.Abort()
		_ = stream.Free()
		return nil, errs.Wrap(errs.Internal, err, "The console cannot be passed on.")
	}
	p := newPump(stream, ours)
	p.ending = func() func() {
		done, err := c.consoleTurn(context.Background(), uuid)
		if err != nil {
			return func() {} // a context that never ends
		}
		return done
	}
	if err := p.start(c.gone); err != nil {
		_ = theirs.Close()
		return nil, err
	}
	return theirs, nil
}

// socketPair makes two connected stream sockets. Ours is served by the Go
// runtime's poller; theirs goes to another process and must not inherit that.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "console"), os.NewFile(uintptr(fds[1]), "console"), nil
}
