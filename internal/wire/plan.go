package wire

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

var (
	pathType   = reflect.TypeFor[model.Path]()
	timeType   = reflect.TypeFor[time.Time]()
	resultType = reflect.TypeFor[map[string]any]()
	fdType     = reflect.TypeFor[model.FD]()
)

// field is one exported field of a struct: where it is and how it travels.
type field struct {
	name  string
	index int
	sig   dbus.Signature
}

// plan is what there is to know about a struct type, worked out once.
type plan struct {
	fields  []field
	byName  map[string]int // index into fields
	partial bool           // the type is Partial
}

// Partial is a struct that tells which of its values are known. Its record has
// those, zero or not.
type Partial interface{ Lacks(key string) bool }

var partialType = reflect.TypeFor[Partial]()

var plans sync.Map // reflect.Type -> *plan

// planOf panics for a type that cannot travel: that is a mistake in the
// program, which the package's tests find.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{byName: map[string]int{}, partial: t.Implements(partialType)}
	for i := range t.NumField() {
		f := t.Field(i)
		name, tagged := f.Tag.Lookup("wire")
		if name == "-" || !f.IsExported() {
			continue
		}
		if !tagged {
			name = f.Name
		}
		p.byName[name] = len(p.fields)
		p.fields = append(p.fields, field{name, i, signature(f.Type)})
	}
	actual, _ := plans.LoadOrStore(t, p)
	return actual.(*plan)
}

// signature is how a Go type travels.
func signature(t reflect.Type) dbus.Signature { return dbus.ParseSignatureMust(typeCode(t)) }

func typeCode(t reflect.Type) string {
	switch {
	case t == pathType:
		return "o"
	case t == timeType:
		return "t"
	case t == resultType:
		return "a{sv}"
	case t == fdType:
		return "h"
	}
	switch t.Kind() {
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int32:
		return "i"
	case reflect.Uint32:
		return "u"
	case reflect.Uint64:
		return "t"
	case reflect.Float64:
		return "d"
	case reflect.Struct:
		return "a{sv}"
	case reflect.Pointer: // to an element of a list, or to what may be left out
		return typeCode(t.Elem())
	case reflect.Slice:
		return "a" + typeCode(t.Elem())
	default:
		panic(fmt.Sprintf("wire: %v has no D-Bus form", t))
	}
}

// Signatures maps each property of a model struct to its D-Bus signature.
func Signatures(t reflect.Type) map[string]string {
	out := map[string]string{}
	for _, f := range planOf(t).fields {
		out[f.name] = f.sig.String()
	}
	return out
}
