package busconn

import (
	"context"
	"sync"

	"github.com/godbus/dbus/v5"
)

// Go makes a call. done gets the reply, which it must Close, in order with the
// signals; or an error, which is an *Error when it came as a reply. It runs
// once, never before Go returns, and in a goroutine of its own when nothing
// was sent, because the connection has ended or the call cannot be encoded.
func (c *Conn) Go(call *Call, done func(*Message, error)) {
	frame, err := call.encode()
	if err == nil {
		// A write that fails means that the socket has ended, and then the
		// reading goroutine ends the call.
		_ = c.send(frame, call.Files, func(serial uint32) { err = c.expect(serial, done) })
	}
	if err != nil {
		go done(nil, err)
	}
}

// expect notes who gets the reply to a call.
func (c *Conn) expect(serial uint32, done func(*Message, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		return c.err
	}
	c.pending[serial] = done
	return nil
}

// Call makes a call and waits for the reply, which the caller must Close. When ctx ends first the call goes on, and what comes of it is
// thrown away.
func (c *Conn) Call(ctx context.Context, call *Call) (*Message, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	w := &waiter{ended: make(chan struct{})}
	c.Go(call, w.deliver)
	select {
	case <-w.ended:
	case <-ctx.Done():
		if w.leave() {
			return nil, context.Cause(ctx)
		}
	}
	return w.reply, w.err
}

// waiter is somebody who waits for a reply, or has stopped to.
type waiter struct {
	ended chan struct{} // closed when the rest is set

	mu    sync.Mutex // guards what follows until ended is closed
	left  bool
	reply *Message
	err   error
}

func (w *waiter) deliver(m *Message, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left {
		if m != nil {
			m.Close()
		}
		return
	}
	w.reply, w.err = m, err
	close(w.ended)
}

// leave is false when the reply has come after all.
func (w *waiter) leave() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = w.reply == nil && w.err == nil
	return w.left
}

func daemonCall(member string, args ...any) *Call {
	return &Call{
		Destination: DaemonName, Path: DaemonPath, Interface: DaemonInterface, Member: member,
		Flags: dbus.FlagNoAutoStart, Args: args,
	}
}

// Daemon calls a method of the bus itself.
func (c *Conn) Daemon(ctx context.Context, member string, args ...any) (*Message, error) {
	return c.Call(ctx, daemonCall(member, args...))
}

// GoDaemon is Go for a method of the bus itself.
func (c *Conn) GoDaemon(member string, done func(*Message, error), args ...any) {
	c.Go(daemonCall(member, args...), done)
}
