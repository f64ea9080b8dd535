package busfuzz

import (
	"fmt"
	"reflect"

	"github.com/godbus/dbus/v5"
)

// basic is the Go types that godbus encodes as the basic types.
var basic = map[byte]reflect.Type{
	'y': reflect.TypeFor[byte](), 'b': reflect.TypeFor[bool](),
	'n': reflect.TypeFor[int16](), 'q': reflect.TypeFor[uint16](),
	'i': reflect.TypeFor[int32](), 'u': reflect.TypeFor[uint32](),
	'x': reflect.TypeFor[int64](), 't': reflect.TypeFor[uint64](),
	'd': reflect.TypeFor[float64](), 's': reflect.TypeFor[string](),
	'o': reflect.TypeFor[dbus.ObjectPath](), 'g': reflect.TypeFor[dbus.Signature](),
	'h': reflect.TypeFor[dbus.UnixFD](), 'v': reflect.TypeFor[dbus.Variant](),
}

// goTypes is the Go type of each complete type of a signature.
func goTypes(signature string) ([]reflect.Type, error) {
	if _, err := dbus.ParseSignature(signature); err != nil {
		return nil, fmt.Errorf("cannot read the signature: %w", err)
	}
	var types []reflect.Type
	for signature != "" {
		t, rest := goType(signature)
		types, signature = append(types, t), rest
	}
	return types, nil
}

// goType is the type of the first complete type, which is valid, and what
// follows it.
func goType(signature string) (t reflect.Type, rest string) {
	switch signature[0] {
	case 'a':
		if signature[1] == '{' {
			key := basic[signature[2]]
			value, rest := goType(signature[3:])
			return reflect.MapOf(key, value), rest[1:]
		}
		element, rest := goType(signature[1:])
		return reflect.SliceOf(element), rest
	case '(':
		var fields []reflect.StructField
		for rest = signature[1:]; rest[0] != ')'; {
			var field reflect.Type
			field, rest = goType(rest)
			fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", len(fields)), Type: field})
		}
		return reflect.StructOf(fields), rest[1:]
	default:
		return basic[signature[0]], signature[1:]
	}
}
