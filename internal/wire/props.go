package wire

import (
	"reflect"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/bus"
)

// Props is the state of one interface of one object: a model struct seen as
// D-Bus properties. It is encoded when it is read, so that the tree keeps no
// second copy of the model.
type Props struct {
	v reflect.Value
	p *plan
}

// PropsOf shows the struct that v points to. Nobody may change it afterwards.
func PropsOf(v any) Props {
	rv := reflect.ValueOf(v).Elem()
	return Props{rv, planOf(rv.Type())}
}

// Get encodes one property. What is too long is cut.
func (p Props) Get(name string) (dbus.Variant, bool) { return p.get(name, shown) }

// Changed names the properties whose values differ from old's. Everything
// counts as changed against another type.
func (p Props) Changed(old bus.Properties) []string {
	o, same := old.(Props)
	same = same && o.p == p.p
	var names []string
	long := false
	for _, f := range p.p.fields {
		if !same || !equal(p.v.Field(f.index), o.v.Field(f.index)) {
			names = append(names, f.name)
			long = long || same && (mayBeCut(p.v.Field(f.index)) || mayBeCut(o.v.Field(f.index)))
		}
	}
	if _, has := p.p.byName[truncatedName]; has && long {
		names = append(names, truncatedName) // which is not in the model
	}
	return names
}

// equal compares what travels: an empty list is the same as none.
func equal(a, b reflect.Value) bool {
	switch {
	case a.Type() == timeType:
		return micros(a.Interface().(time.Time)) == micros(b.Interface().(time.Time))
	case a.Comparable() && b.Comparable():
		return a.Equal(b)
	case a.Len() == 0 && b.Len() == 0: // slices and maps
		return true
	default:
		return reflect.DeepEqual(a.Interface(), b.Interface())
	}
}
