package bus

import (
	"strings"

	"github.com/godbus/dbus/v5"
)

// Entry is one entry of a Dict.
type Entry struct {
	Key   string
	Value dbus.Variant
}

// Dict is an a{sv} whose entries keep their order, for people who read the
// output of busctl. A dict entry is encoded like a struct, so that godbus
// encodes it right; only its own idea of the signature is wrong.
type Dict []Entry

// signatureOf is the signature of values, which may contain Dicts. There is no
// a(sv) in any interface that it could be mistaken for.
func signatureOf(values ...any) string {
	return strings.ReplaceAll(dbus.SignatureOf(values...).String(), "a(sv)", "a{sv}")
}
