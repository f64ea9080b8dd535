package bus

import (
	"slices"

	"github.com/godbus/dbus/v5"
)

// Properties is the immutable state of one interface of one object. Its
// methods run while others wait: they compute, and do nothing else.
type Properties interface {
	// Get is the value of a property, with the declared signature.
	Get(name string) (dbus.Variant, bool)
	// Changed names the properties whose values may differ from old's, which is
	// of the same concrete type: what it leaves out is not announced, and of what
	// it names only what travels differently.
	Changed(old Properties) []string
}

// Brief is Properties that have a shorter form, for a list of all objects that
// would be too long otherwise.
type Brief interface {
	Brief(name string) (dbus.Variant, bool)
}

// part is one interface of one object, with its state. Immutable.
type part struct {
	iface *Interface
	props Properties // nil when the interface has no properties
}

// object is what lives at a path: its interfaces in the order in which they
// were put. Immutable but for the cache of its encoding; a change makes a new
// one, so that whoever holds an object reads a consistent state without locks.
type object struct {
	path     dbus.ObjectPath
	parts    []*part
	unlisted bool // see Unlist
	cache    encodingCache
	brief    encodingCache
}

func (o *object) part(iface string) *part {
	if o == nil {
		return nil
	}
	for _, p := range o.parts {
		if p.iface.Name == iface {
			return p
		}
	}
	return nil
}

// with is the object with p added or in the place of its older self.
func (o *object) with(path dbus.ObjectPath, p *part) *object {
	if o == nil {
		return &object{path: path, parts: []*part{p}}
	}
	parts := slices.Clone(o.parts)
	for i := range parts {
		if parts[i].iface == p.iface {
			parts[i] = p
			return &object{path: path, parts: parts}
		}
	}
	return &object{path: path, parts: append(parts, p)}
}

// without is the object less one interface; nil when none is left.
func (o *object) without(iface string) *object {
	parts := slices.DeleteFunc(slices.Clone(o.parts), func(p *part) bool { return p.iface.Name == iface })
	if len(parts) == 0 {
		return nil
	}
	return &object{path: o.path, parts: parts, unlisted: o.unlisted}
}

// interfaces is the object's own interfaces; nil for a node without object.
func (o *object) interfaces() []*Interface {
	if o == nil {
		return nil
	}
	ifaces := make([]*Interface, 0, len(o.parts))
	for _, p := range o.parts {
		ifaces = append(ifaces, p.iface)
	}
	return ifaces
}

// names is the names of the object's own interfaces.
func (o *object) names() []string {
	names := make([]string, 0, len(o.parts))
	for _, p := range o.parts {
		names = append(names, p.iface.Name)
	}
	return names
}
