package bus

import (
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
)

const errorPrefix = "org.freedesktop.DBus.Error."

func failure(name, format string, args ...any) *dbus.Error {
	return dbus.NewError(errorPrefix+name, []any{fmt.Sprintf(format, args...)})
}

// short makes a caller's word, which may have a megabyte, fit for a sentence.
func short[S ~string](word S) string {
	const most = 200 // bytes, so that a whole path of ours fits
	if len(word) <= most {
		return string(word)
	}
	return strings.ToValidUTF8(string(word[:most]), "") + "…"
}

func unknownObject(path dbus.ObjectPath) error {
	return failure("UnknownObject", "There is no object %s.", short(path))
}

func unknownInterface(path dbus.ObjectPath, iface string) error {
	return failure("UnknownInterface", "The object %s has no interface %q.", short(path), short(iface))
}

func unknownMethod(in *header) error {
	if in.iface == "" {
		return failure("UnknownMethod", "The object %s has no method %s.", short(in.path), in.member)
	}
	return failure("UnknownMethod", "The interface %s has no method %s.", in.iface, in.member)
}

func unknownProperty(iface, name string) error {
	return failure("UnknownProperty", "The interface %s has no property %q.", iface, short(name))
}

func propertyReadOnly(iface, name string) error {
	return failure("PropertyReadOnly", "The property %s.%s can only be read.", iface, name)
}

func invalidArgs(format string, args ...any) error {
	return failure("InvalidArgs", format, args...)
}

func wrongSignature(iface *Interface, m *Method, got string) error {
	if m.InSig == "" {
		return invalidArgs("%s.%s takes no arguments; the call has %q.", iface.Name, m.Name, got)
	}
	return invalidArgs("%s.%s takes arguments of the types %q; the call has %q.", iface.Name, m.Name, m.InSig, got)
}

func tooMany(format string, args ...any) error {
	return failure("LimitsExceeded", format, args...)
}

// printable makes a message fit for the bus, where strings are UTF-8 without
// zeros.
func printable(message string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(message, "\uFFFD"), "\x00", "\uFFFD")
}
