package busconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/bus"
)

// ErrClosed is how calls end that are under way when Close is called, or that
// are made later.
var ErrClosed = errors.New("the connection to the bus is closed")

// The bus itself, as an object.
const (
	DaemonName      = "org.freedesktop.DBus"
	DaemonPath      = dbus.ObjectPath("/org/freedesktop/DBus")
	DaemonInterface = "org.freedesktop.DBus"
)

// Handler learns of what nobody asked for. Its methods run on the goroutine
// that reads, see the package.
type Handler interface {
	// Signal gets every signal that reaches us.
	Signal(*Message)
	// Ended comes once, last, with ErrClosed after Close.
	Ended(error)
}

// Conn is a connection to a bus.
type Conn struct {
	socket  *net.UnixConn
	handler Handler
	done    chan struct{} // closed when the reading goroutine has ended

	write  sync.Mutex // held while a message is written
	serial uint32     // of the last message

	mu      sync.Mutex
	pending map[uint32]func(*Message, error) // by serial; nil after the end
	err     error                            // why it ended
}

// Dial connects to the bus at one of these addresses (in the format of
// D_BUS_SYSTEM_BUS_ADDRESS) and greets it.
func Dial(ctx context.Context, address string, handler Handler) (*Conn, error) {
	socket, err := bus.Dial(address)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		socket: socket, handler: handler, done: make(chan struct{}),
		pending: make(map[uint32]func(*Message, error)),
	}
	// Whatever the bus does not answer in time ends with the socket.
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	err = authenticate(socket)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("cannot authenticate to the bus: %w", err)
	}
	go c.read()
	if _, err := c.Call(ctx, daemonCall("Hello")); err != nil {
		c.Close()
		return nil, fmt.Errorf("cannot greet the bus: %w", err)
	}
	return c, nil
}

// Close ends the connection and waits until nothing is handed over any more.
// It must not be called by what gets signals or replies.
func (c *Conn) Close() {
	c.mu.Lock()
	if c.err == nil {
		c.err = ErrClosed
	}
	c.mu.Unlock()
	_ = c.socket.Close()
	<-c.done
}

func (c *Conn) read() {
	defer close(c.done)
	in := newReceiver(c.socket)
	for {
		m, err := in.next()
		if err != nil {
			c.end(fmt.Errorf("the connection to the bus is lost: %w", err))
			return
		}
		c.dispatch(m)
	}
}

func (c *Conn) dispatch(m *Message) {
	if m.typ == dbus.TypeMethodReply || m.typ == dbus.TypeError {
		c.reply(m)
		return
	}
	m.Close()
	switch m.typ {
	case dbus.TypeSignal:
		c.handler.Signal(m)
	case dbus.TypeMethodCall:
		c.refuse(m)
	}
}

func (c *Conn) reply(m *Message) {
	c.mu.Lock()
	done := c.pending[m.replySerial]
	delete(c.pending, m.replySerial)
	c.mu.Unlock()
	switch {
	case done == nil:
		m.Close()
	case m.typ == dbus.TypeError:
		m.Close()
		done(nil, m.failure())
	default:
		done(m, nil)
	}
}

// end ends the calls under way.
func (c *Conn) end(err error) {
	_ = c.socket.Close()
	c.mu.Lock()
	pending := c.pending
	if c.pending = nil; c.err == nil {
		c.err = err
	}
	err = c.err
	c.mu.Unlock()
	for _, done := range pending {
		done(nil, err)
	}
	c.handler.Ended(err)
}
