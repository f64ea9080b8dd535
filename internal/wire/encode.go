package wire

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
)

// Record is the dictionary form of a struct (or a pointer to one): every field
// that is not zero, or of a Partial every one that it does not lack, by its wire
// name, in the order of the fields.
func Record(v any) bus.Dict {
	return record(reflect.Indirect(reflect.ValueOf(v)))
}

// Records is the list form of a slice of structs.
func Records[T any](list []T) []bus.Dict {
	out := make([]bus.Dict, len(list))
	for i := range list {
		out[i] = record(reflect.Indirect(reflect.ValueOf(&list[i]).Elem()))
	}
	return out
}

// Variant is the D-Bus form of one value with its signature.
func Variant(v any) dbus.Variant {
	rv := reflect.ValueOf(v)
	return dbus.MakeVariantWithSignature(encode(rv), signature(rv.Type()))
}

// Dict is the D-Bus form of a dictionary of values that this package can
// encode, as in Job.Result.
func Dict(values map[string]any) bus.Dict {
	out := make(bus.Dict, 0, len(values))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		out = append(out, bus.Entry{Key: k, Value: Variant(values[k])})
	}
	return out
}

func record(v reflect.Value) bus.Dict {
	p := planOf(v.Type())
	leaveOut := func(f field) bool { return v.Field(f.index).IsZero() }
	if p.partial {
		value := v.Interface().(Partial)
		leaveOut = func(f field) bool { return value.Lacks(f.name) }
	}
	n := 0
	for _, f := range p.fields {
		if !leaveOut(f) {
			n++
		}
	}
	out := make(bus.Dict, 0, n)
	for _, f := range p.fields {
		if !leaveOut(f) {
			out = append(out, bus.Entry{Key: f.name, Value: dbus.MakeVariantWithSignature(encodeField(v.Field(f.index), f), f.sig)})
		}
	}
	return out
}

func encode(v reflect.Value) any {
	switch t := v.Type(); t {
	case pathType:
		return objectPath(v.String())
	case timeType:
		return micros(v.Interface().(time.Time))
	case fdType:
		return dbus.UnixFDIndex(v.Uint())
	case resultType:
		return Dict(v.Interface().(map[string]any))
	}
	switch v.Kind() {
	case reflect.String:
		return text(v.String())
	case reflect.Bool:
		return v.Bool()
	case reflect.Int32:
		return int32(v.Int())
	case reflect.Uint32:
		return uint32(v.Uint())
	case reflect.Uint64:
		return v.Uint()
	case reflect.Float64:
		return v.Float()
	case reflect.Struct:
		return record(v)
	case reflect.Pointer:
		return encode(v.Elem())
	default: // reflect.Slice; typeCode has refused everything else
		return encodeSlice(v)
	}
}

func encodeSlice(v reflect.Value) any {
	switch list := v.Interface().(type) {
	case []string:
		out := make([]string, len(list))
		for i, s := range list {
			out[i] = text(s)
		}
		return out
	case []model.Path:
		return ObjectPaths(list)
	case []uint32:
		return append([]uint32{}, list...)
	}
	out := make([]bus.Dict, v.Len())
	for i := range out {
		out[i] = record(reflect.Indirect(v.Index(i)))
	}
	return out
}

// ObjectPath is the D-Bus form of a path.
func ObjectPath(p model.Path) dbus.ObjectPath { return objectPath(string(p)) }

// ObjectPaths is the D-Bus form of a list of paths.
func ObjectPaths(paths []model.Path) []dbus.ObjectPath {
	out := make([]dbus.ObjectPath, len(paths))
	for i, p := range paths {
		out[i] = ObjectPath(p)
	}
	return out
}

func objectPath(p string) dbus.ObjectPath {
	if p == "" {
		return "/"
	}
	return dbus.ObjectPath(p)
}

func micros(t time.Time) uint64 {
	if us := t.UnixMicro(); us > 0 {
		return uint64(us)
	}
	return 0
}

// oneLine is the fields whose text is a name or a title.
var oneLine = map[string]bool{"Name": true, "name": true, "Title": true, "title": true, "Tags": true, "tags": true, "network-name": true, "pool": true, "volume": true}

// encodeField is encode for a field of a record or an object.
func encodeField(v reflect.Value, f field) any {
	encoded := encode(v)
	if !oneLine[f.name] {
		return encoded
	}
	switch e := encoded.(type) {
	case string:
		return model.Clean(e)
	case []string:
		for i := range e {
			e[i] = model.Clean(e[i])
		}
	}
	return encoded
}

// text makes any string fit to be shown, and for the bus, which disconnects
// whoever sends invalid UTF-8 or a NUL, and whose tools refuse noncharacters:
// names may come from other programs and from guests, and those of files need
// not even be text.
func text(s string) string { return model.CleanLines(s) }
