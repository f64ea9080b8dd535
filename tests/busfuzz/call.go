package busfuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// patience is how long a call may take. No method of a service that answers
// from memory and starts jobs for the rest needs longer, however busy it is.
const patience = 45 * time.Second

var (
	errGone     = errors.New("the connection is gone")
	errNoAnswer = errors.New("no answer came")
)

// Call is one method call.
type Call struct {
	Destination string
	Path        dbus.ObjectPath
	Interface   string // may be empty
	Member      string
	Args        []any
	Flags       dbus.Flags
	BigEndian   bool
	Extra       []int // descriptors that the arguments do not mention
}

// Signature is the types of the arguments.
func (c *Call) Signature() string { return dbus.SignatureOf(c.Args...).String() }

func (c *Call) wantsReply() bool { return c.Flags&dbus.FlagNoReplyExpected == 0 }

func (c *Call) order() binary.ByteOrder {
	if c.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// encode makes the message, without a serial.
func (c *Call) encode() (frame []byte, fds []int, err error) {
	m := dbus.Message{Type: dbus.TypeMethodCall, Flags: c.Flags, Body: c.Args, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(c.Destination),
		dbus.FieldPath:        dbus.MakeVariant(c.Path),
		dbus.FieldMember:      dbus.MakeVariant(c.Member),
	}}
	if c.Interface != "" {
		m.Headers[dbus.FieldInterface] = dbus.MakeVariant(c.Interface)
	}
	if len(c.Args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(c.Args...))
	}
	mentioned, err := m.CountFds()
	if err != nil {
		return nil, nil, err
	}
	if n := mentioned + len(c.Extra); n > 0 {
		m.Headers[dbus.FieldUnixFDs] = dbus.MakeVariant(uint32(n))
	}
	var b bytes.Buffer
	fds, err = m.EncodeToWithFDs(&b, c.order())
	return b.Bytes(), append(fds, c.Extra...), err
}

// String is the call as a person would write it down, with long values cut.
func (c *Call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s.%s(", cut(string(c.Path), 200), cut(c.Interface, 100), cut(c.Member, 100))
	for i, arg := range c.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(cut(fmt.Sprintf("%#v", arg), 600))
	}
	fmt.Fprintf(&b, ") signature %q flags %d", c.Signature(), c.Flags)
	if len(c.Extra) > 0 {
		fmt.Fprintf(&b, " and %d descriptors", len(c.Extra))
	}
	return b.String()
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
}

// await waits for an answer, but not for ever.
func (c *conn) await(answer <-chan *dbus.Message) (*dbus.Message, error) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case m := <-answer:
		return m, nil
	case <-c.gone:
		return nil, errGone
	case <-timeout.C:
		return nil, errNoAnswer
	}
}
