package busfuzz

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/godbus/dbus/v5"
)

const (
	daemonName  = "org.freedesktop.DBus"
	daemonPath  = dbus.ObjectPath("/org/freedesktop/DBus")
	fixedHeader = 16
	maxMessage  = 1 << 27
	maxFDs      = 253 // that the kernel passes with one message
)

// conn is a connection to the bus that sends messages as they are: with any
// flags, any descriptors, and bytes that are no message at all. godbus encodes
// and decodes, but does not look after it.
type conn struct {
	socket *net.UnixConn
	gone   chan struct{} // closed when nothing can be received any more

	mu      sync.Mutex // held while a message is written; guards what follows
	serial  uint32
	waiting map[uint32]chan<- *dbus.Message
}

// dial connects to the bus as this user, which only root can unless it is
// themselves.
func dial(address string, uid int) (*conn, error) {
	path, ok := strings.CutPrefix(strings.SplitN(address, ",", 2)[0], "unix:path=")
	if !ok {
		return nil, fmt.Errorf("cannot dial %q: only unix:path= is known", address)
	}
	socket, err := dialAs(path, uid)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to the bus: %w", err)
	}
	c := &conn{socket: socket, gone: make(chan struct{}), waiting: map[uint32]chan<- *dbus.Message{}}
	if err := c.authenticate(uid); err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("cannot authenticate to the bus: %w", err)
	}
	go c.read()
	hello := Call{Destination: daemonName, Path: daemonPath, Interface: daemonName, Member: "Hello"}
	if answer, err := c.ask(&hello); err != nil {
		_ = c.close()
		return nil, fmt.Errorf("cannot greet the bus: %w", err)
	} else if answer.Type != dbus.TypeMethodReply {
		_ = c.close()
		return nil, fmt.Errorf("the bus does not greet: %v", answer.Body)
	}
	return c, nil
}

func (c *conn) authenticate(uid int) error {
	if _, err := fmt.Fprintf(c.socket, "\x00AUTH EXTERNAL %x\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", fmt.Sprint(uid)); err != nil {
		return err
	}
	// One byte at a time: what follows is not ours to read.
	r := bufio.NewReaderSize(io.MultiReader(onebyte{c.socket}), 16)
	for _, want := range []string{"OK ", "AGREE_UNIX_FD"} {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, want) {
			return fmt.Errorf("the bus says %q", line)
		}
	}
	return nil
}

// onebyte keeps a buffered reader from reading ahead.
type onebyte struct{ io.Reader }

func (o onebyte) Read(b []byte) (int, error) { return o.Reader.Read(b[:1]) }

// close hangs up, whatever is under way.
func (c *conn) close() error { return c.socket.Close() }

// send sends a call. The channel gets the answer, if there is one, and must be
// given up when gone is closed.
func (c *conn) send(call *Call) (<-chan *dbus.Message, error) {
	frame, fds, err := call.encode()
	if err != nil {
		return nil, err
	}
	answer := make(chan *dbus.Message, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	call.order().PutUint32(frame[8:], c.serial)
	if call.wantsReply() {
		c.waiting[c.serial] = answer
	}
	return answer, c.write(frame, fds)
}

// write sends bytes, and descriptors with the first of them.
func (c *conn) write(b []byte, fds []int) error {
	var oob []byte
	if len(fds) > 0 {
		oob = syscall.UnixRights(fds...)
	}
	n, _, err := c.socket.WriteMsgUnix(b, oob, nil)
	if err == nil && n < len(b) {
		_, err = c.socket.Write(b[n:])
	}
	return err
}

// ask sends a call and waits for its answer.
func (c *conn) ask(call *Call) (*dbus.Message, error) {
	answer, err := c.send(call)
	if err != nil {
		return nil, err
	}
	return c.await(answer)
}

// read hands out answers until the connection ends.
func (c *conn) read() {
	defer close(c.gone)
	for {
		m, err := c.receive()
		if err != nil {
			return
		}
		serial, ok := m.Headers[dbus.FieldReplySerial].Value().(uint32)
		if !ok {
			continue
		}
		c.mu.Lock()
		answer := c.waiting[serial]
		delete(c.waiting, serial)
		c.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
}

// receive reads one message. Descriptors that come along are closed.
func (c *conn) receive() (*dbus.Message, error) {
	var fds []int
	defer func() {
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
	}()
	head := make([]byte, fixedHeader)
	if err := c.fill(head, &fds); err != nil {
		return nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'B' {
		order = binary.BigEndian
	}
	size := uint64(order.Uint32(head[12:])+7)&^7 + uint64(order.Uint32(head[4:]))
	if size > maxMessage {
		return nil, errors.New("the message is too long")
	}
	frame := append(head, make([]byte, size)...)
	if err := c.fill(frame[fixedHeader:], &fds); err != nil {
		return nil, err
	}
	return dbus.DecodeMessageWithFDs(bytes.NewReader(frame), fds)
}

func (c *conn) fill(b []byte, fds *[]int) error {
	oob := make([]byte, syscall.CmsgSpace(4*maxFDs))
	for len(b) > 0 {
		n, oobn, _, _, err := c.socket.ReadMsgUnix(b, oob)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.EOF
		}
		messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			return err
		}
		for i := range messages {
			got, err := syscall.ParseUnixRights(&messages[i])
			if err != nil {
				return err
			}
			*fds = append(*fds, got...)
		}
		b = b[n:]
	}
	return nil
}

// files are descriptors to give away.
type files struct{ null, reader, writer *os.File }

func openFiles() (*files, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		_ = null.Close()
		return nil, err
	}
	return &files{null, r, w}, nil
}

func (f *files) close() {
	for _, file := range []*os.File{f.null, f.reader, f.writer} {
		_ = file.Close()
	}
}

func (f *files) all() []int {
	return []int{int(f.null.Fd()), int(f.reader.Fd()), int(f.writer.Fd())}
}
