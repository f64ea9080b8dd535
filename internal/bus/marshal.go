package bus

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// bodyHeaders makes a complete message of any body, so that godbus encodes it.
// godbus does not compare the signature with the body.
var bodyHeaders = map[dbus.HeaderField]dbus.Variant{
	dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath("/")),
	dbus.FieldInterface: dbus.MakeVariant("a.a"),
	dbus.FieldMember:    dbus.MakeVariant("a"),
	dbus.FieldSignature: dbus.MakeVariant(dbus.Signature{}),
}

// marshal encodes a message's body, after a look whether the values have the
// declared signature. It also gives the descriptors in it.
func marshal(declared string, values []any) (body []byte, fds []int, err error) {
	defer func() {
		if r := recover(); r != nil { // godbus panics on types that it does not know
			err = fmt.Errorf("cannot encode %s: %v", declared, r)
		}
	}()
	if len(values) == 0 && declared == "" {
		return nil, nil, nil
	}
	if sig := signatureOf(values...); sig != declared {
		return nil, nil, fmt.Errorf("cannot encode %s: the values are %s", declared, sig)
	}
	return marshalBody(values)
}

func marshalBody(values []any) ([]byte, []int, error) {
	m := dbus.Message{Type: dbus.TypeSignal, Headers: bodyHeaders, Body: values}
	var buf bytes.Buffer
	fds, err := m.EncodeToWithFDs(&buf, binary.LittleEndian)
	if err != nil {
		return nil, nil, err
	}
	b := buf.Bytes()
	return b[fixedHeader+pad8(binary.LittleEndian.Uint32(b[12:])):], fds, nil
}

// unmarshal decodes a call's arguments. godbus panics and gives up on some
// bodies that are valid for the bus; here both are errors.
func unmarshal(frame []byte) (args []any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot decode the message: %v", r)
		}
	}()
	m, err := dbus.DecodeMessage(bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	return m.Body, nil
}

func pad8(n uint32) uint32 { return (n + 7) &^ 7 }
