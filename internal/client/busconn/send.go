package busconn

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// Call is a method call.
type Call struct {
	Destination string
	Path        dbus.ObjectPath
	Interface   string
	Member      string
	// Flags may hold dbus.FlagAllowInteractiveAuthorization and
	// dbus.FlagNoAutoStart.
	Flags dbus.Flags
	// Args are values that godbus can encode, with the types that the method
	// declares.
	Args []any
	// Files go along; a dbus.UnixFDIndex among the arguments is a place in this
	// list. They stay the caller's, who keeps them open until the reply.
	Files []*os.File
}

func (c *Call) encode() ([]byte, error) {
	m := &dbus.Message{Type: dbus.TypeMethodCall, Flags: c.Flags, Body: c.Args, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(c.Destination), dbus.FieldPath: dbus.MakeVariant(c.Path),
		dbus.FieldInterface: dbus.MakeVariant(c.Interface), dbus.FieldMember: dbus.MakeVariant(c.Member),
	}}
	if len(c.Args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(c.Args...))
	}
	if len(c.Files) > 0 {
		m.Headers[dbus.FieldUnixFDs] = dbus.MakeVariant(uint32(len(c.Files)))
	}
	return encode(m)
}

func encode(m *dbus.Message) ([]byte, error) {
	var out bytes.Buffer
	if err := m.EncodeTo(&out, binary.LittleEndian); err != nil {
		return nil, fmt.Errorf("cannot encode a message: %w", err)
	}
	return out.Bytes(), nil
}

// send gives a message its serial number, which godbus gives to its own
// messages only, and writes it. before runs when no message can come between.
func (c *Conn) send(frame []byte, files []*os.File, before func(serial uint32)) error {
	c.write.Lock()
	defer c.write.Unlock()
	if c.serial++; c.serial == 0 {
		c.serial = 1
	}
	binary.LittleEndian.PutUint32(frame[8:], c.serial)
	before(c.serial)
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		// The descriptors go with the first byte.
		n, _, err := c.socket.WriteMsgUnix(frame[:1], unix.UnixRights(fds...), nil)
		runtime.KeepAlive(files)
		if err != nil {
			return err
		}
		frame = frame[n:]
	}
	_, err := c.socket.Write(frame)
	return err
}

// refuse answers a call to us: there is nothing here to be called.
func (c *Conn) refuse(m *Message) {
	if m.flags&dbus.FlagNoReplyExpected != 0 {
		return
	}
	text := "There are no objects here."
	frame, err := encode(&dbus.Message{Type: dbus.TypeError, Body: []any{text}, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(m.Sender), dbus.FieldReplySerial: dbus.MakeVariant(m.serial),
		dbus.FieldErrorName: dbus.MakeVariant("org.freedesktop.DBus.Error.UnknownObject"),
		dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(text)),
	}})
	if err == nil {
		// Without a socket there is nobody to answer to.
		_ = c.send(frame, nil, func(uint32) {})
	}
}
