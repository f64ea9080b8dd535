package bus

import "github.com/godbus/dbus/v5"

// Change is one step of an Apply. The zero value changes nothing.
type Change struct {
	do     func(*plan, Change)
	path   dbus.ObjectPath
	iface  string
	props  Properties
	signal string
	args   []any
	to     []string // unique names; nil is a broadcast
}

// Put gives an object an interface with this state, or the interface this new
// state. props may be nil for an interface without properties.
func Put(path dbus.ObjectPath, iface string, props Properties) Change {
	return Change{do: (*plan).put, path: path, iface: iface, props: props}
}

// Remove takes an object away. Objects below it stay.
func Remove(path dbus.ObjectPath) Change {
	return Change{do: (*plan).remove, path: path}
}

// Unlist takes an object out of what ObjectManager and introspection list, which is
// announced as if it were removed. It stays readable at its path until it is
// removed, or listed again by a Put.
func Unlist(path dbus.ObjectPath) Change {
	return Change{do: (*plan).unlist, path: path}
}

// RemoveInterface takes one interface away from an object, and the object
// with its last one.
func RemoveInterface(path dbus.ObjectPath, iface string) Change {
	return Change{do: (*plan).removeInterface, path: path, iface: iface}
}

// Emit sends a declared signal of an object.
func Emit(path dbus.ObjectPath, iface, signal string, args ...any) Change {
	return Change{do: (*plan).emit, path: path, iface: iface, signal: signal, args: args}
}

// EmitTo sends a declared signal of an object to these connections only, by their
// unique names. A name that has left the bus gets none.
func EmitTo(names []string, path dbus.ObjectPath, iface, signal string, args ...any) Change {
	return Change{do: (*plan).emit, path: path, iface: iface, signal: signal, args: args, to: append([]string{}, names...)}
}

// Apply makes all changes visible to readers at once, then announces them in
// the order given, and returns when every signal has been handed to the bus.
//
// Each object has at most one InterfacesAdded, and each interface of an object
// at most one PropertiesChanged, in one Apply: it stands where the first Put
// stood and holds the values of the last. So a signal emitted after a Put
// finds the clients informed. Removing what was put ends that: what comes
// before it is announced as it was then, and a later Put starts afresh.
func (t *Tree) Apply(changes ...Change) {
	t.apply.Lock()
	defer t.apply.Unlock()
	p := newPlan(t)
	for _, c := range changes {
		if c.do != nil {
			c.do(p, c)
		}
	}
	p.commit()
	p.announce()
}
