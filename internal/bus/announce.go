package bus

import "github.com/godbus/dbus/v5"

// announce sends the plan's signals in order. A signal that cannot be encoded
// is logged and left out; one that cannot be sent means that the connection
// is lost, and with it everybody who would care.
func (p *plan) announce() {
	l := p.tree.link.Load()
	if l == nil {
		return
	}
	for _, n := range p.order {
		h, body, ok := p.tree.compose(n)
		if !ok {
			continue
		}
		if err := l.send(h, body, nil); err != nil {
			p.tree.log.Debug("cannot send a signal", "path", n.path, "member", h.member, "error", err)
			return
		}
	}
}

// compose encodes one signal; false when there is nothing to send.
func (t *Tree) compose(n *news) (*header, []byte, bool) {
	switch {
	case n.path == t.root && (n.added != nil || n.removed != nil):
		return nil, nil, false // the root manages what is below it, not itself
	case n.added != nil:
		// The body of InterfacesAdded is what GetManagedObjects has for an
		// object, so the encoding serves both when all interfaces are new.
		o := n.added
		if exists, now := t.find(n.path); exists && now != nil && samePart(now.parts, o.parts) {
			o = now
		}
		return signalHeader(t.root, objectManagerName, "InterfacesAdded", "oa{sa{sv}}"), o.encoding(t.log).body(), true
	case n.changed != nil:
		return t.composeChanged(n)
	case n.removed != nil:
		return t.composeAny(signalHeader(t.root, objectManagerName, "InterfacesRemoved", "oas"), n.path, n.removed)
	default:
		return t.composeAny(signalHeader(n.path, n.iface.Name, n.signal.Name, n.signal.Sig), n.args...)
	}
}

func samePart(a, b []*part) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// composeChanged holds only what really differs from what clients know.
func (t *Tree) composeChanged(n *news) (*header, []byte, bool) {
	var names []string
	switch {
	case n.changed.props == nil:
	case n.old.props == nil:
		names = n.changed.iface.propertyNames()
	default:
		names = n.changed.props.Changed(n.old.props)
	}
	values := make(map[string]dbus.Variant)
	invalidated := []string{}
	for _, name := range names {
		switch p := n.changed.iface.Property(name); {
		case p == nil, p.Emits == EmitsConst, p.Emits == EmitsNothing:
		case p.Emits == EmitsInvalidates:
			invalidated = append(invalidated, name)
		default:
			if v, ok := n.changed.value(p, t.log); ok {
				values[name] = v
			} else {
				invalidated = append(invalidated, name)
			}
		}
	}
	if len(values) == 0 && len(invalidated) == 0 {
		return nil, nil, false
	}
	h := signalHeader(n.path, propertiesName, "PropertiesChanged", "sa{sv}as")
	return t.composeAny(h, n.changed.iface.Name, values, invalidated)
}

// composeAny encodes values whose types must be those that h declares.
func (t *Tree) composeAny(h *header, values ...any) (*header, []byte, bool) {
	body, _, err := marshal(h.signature, values)
	if err != nil {
		t.log.Error("a signal was dropped", "path", h.path, "interface", h.iface, "member", h.member, "error", err)
		return nil, nil, false
	}
	return h, body, true
}

func (i *Interface) propertyNames() []string {
	names := make([]string, 0, len(i.Properties))
	for _, p := range i.Properties {
		names = append(names, p.Name)
	}
	return names
}
