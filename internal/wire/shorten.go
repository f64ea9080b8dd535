package wire

import (
	"reflect"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/bus"
)

// limits bounds what a property adds to a list of all objects, in bytes. One message
// has room for 32 MiB on the system bus, and texts and lists come from guests, from
// other programs and from whoever may configure one VM.
type limits struct{ text, list, paths int }

var (
	// shown is for properties as they are read and announced.
	shown = limits{text: 4 << 10, list: 32 << 10, paths: 256 << 10}
	// brief is for a list of all objects that would be too long otherwise.
	brief = limits{text: 128, list: 1 << 10, paths: 4 << 10}
)

// truncatedName is the property that names the others of its interface that were
// cut. Models have a field for it, which the service leaves empty.
const truncatedName = "Truncated"

// ellipsis ends a text that was cut.
const ellipsis = "…"

// cut shortens an encoded value. It reports whether it had to, and does not change
// the value itself.
func (l limits) cut(v any) (any, bool) {
	if sizeOf(v) <= min(l.text, l.list) {
		return v, false // nothing in it can be too long
	}
	switch t := v.(type) {
	case string:
		return l.cutText(t)
	case []string:
		return cutList(t, l.list, func(s string) (any, bool) { return l.cutText(s) })
	case []dbus.ObjectPath:
		return cutList(t, l.paths, func(p dbus.ObjectPath) (any, bool) { return p, false })
	case []bus.Dict:
		return cutList(t, l.list, func(d bus.Dict) (any, bool) { return l.cut(d) })
	case bus.Dict:
		return cutList(t, l.list, func(e bus.Entry) (any, bool) {
			inner, was := l.cut(e.Value.Value())
			if was {
				e.Value = dbus.MakeVariantWithSignature(inner, e.Value.Signature())
			}
			return e, was
		})
	}
	return v, false
}

func (l limits) cutText(s string) (string, bool) {
	if len(s) <= l.text {
		return s, false
	}
	end := l.text - len(ellipsis)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis, true
}

// cutList keeps the first elements that have room together, each of them cut.
func cutList[S ~[]T, T any](list S, room int, cut func(T) (any, bool)) (any, bool) {
	short := make(S, 0, min(len(list), 64))
	was := false
	for _, one := range list {
		v, cutOne := cut(one)
		if room -= sizeOf(v); room < 0 {
			return short, true
		}
		short, was = append(short, v.(T)), was || cutOne
	}
	return short, was
}

// sizeOf is about how long an encoded value is, in bytes.
func sizeOf(v any) int {
	switch t := v.(type) {
	case string:
		return 8 + len(t)
	case dbus.ObjectPath:
		return 8 + len(t)
	case []string:
		return sumOf(t)
	case []dbus.ObjectPath:
		return sumOf(t)
	case []bus.Dict:
		return sumOf(t)
	case bus.Dict:
		return sumOf(t)
	case bus.Entry:
		return 16 + len(t.Key) + sizeOf(t.Value.Value())
	case []uint32:
		return 4 * len(t)
	}
	return 8
}

func sumOf[T any](list []T) int {
	size := 8
	for _, one := range list {
		size += sizeOf(one)
	}
	return size
}

// get encodes one property within limits.
func (p Props) get(name string, l limits) (dbus.Variant, bool) {
	i, ok := p.p.byName[name]
	if !ok {
		return dbus.Variant{}, false
	}
	f := p.p.fields[i]
	if name == truncatedName {
		return dbus.MakeVariantWithSignature(p.truncated(l), f.sig), true
	}
	v, _ := l.field(p.v.Field(f.index), f)
	return dbus.MakeVariantWithSignature(v, f.sig), true
}

// field encodes a field within limits and reports whether it is cut. It does not
// encode much more than there is room for.
func (l limits) field(v reflect.Value, f field) (any, bool) {
	room := l.list
	if f.sig == pathsSignature {
		room = l.paths
	}
	long := v.Kind() == reflect.Slice && v.Len() > room/8 // no element is shorter
	if long {
		v = v.Slice(0, room/8)
	}
	encoded, was := l.cut(encodeField(v, f))
	return encoded, was || long
}

var pathsSignature = dbus.ParseSignatureMust("ao")

// mayBeCut reports whether a field is long enough to be cut where it is shown.
func mayBeCut(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() > shown.text
	case reflect.Slice, reflect.Map:
		return v.Len() > shown.list/8 || v.Len() > 0 && sizeOf(encode(v)) > min(shown.text, shown.list)
	}
	return false
}

// truncated names the properties that are cut.
func (p Props) truncated(l limits) []string {
	names := []string{}
	for _, f := range p.p.fields {
		v := p.v.Field(f.index)
		if f.name == truncatedName {
			names = append(names, encode(v).([]string)...)
			continue
		}
		if k := v.Kind(); k != reflect.String && k != reflect.Slice && k != reflect.Map || k == reflect.String && v.Len() <= l.text || v.Len() == 0 {
			continue
		}
		if _, was := l.field(v, f); was {
			names = append(names, f.name)
		}
	}
	return names
}

// Brief is Get for a list of all objects that would be too long otherwise.
func (p Props) Brief(name string) (dbus.Variant, bool) { return p.get(name, brief) }

// Whole is every property as it is, however long.
func (p Props) Whole() bus.Dict {
	all := make(bus.Dict, 0, len(p.p.fields))
	for _, f := range p.p.fields {
		if f.name != truncatedName {
			all = append(all, bus.Entry{Key: f.name, Value: dbus.MakeVariantWithSignature(encodeField(p.v.Field(f.index), f), f.sig)})
		}
	}
	return all
}
