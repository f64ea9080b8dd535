package bus

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"

	"github.com/godbus/dbus/v5"
)

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
		switch err := l.sendTo(n.to, h, body); {
		case errors.Is(err, errTooLong):
			p.tree.log.Error("a signal was dropped", "path", n.path, "member", h.member, "error", err)
		case err != nil:
			p.tree.log.Debug("cannot send a signal", "path", n.path, "member", h.member, "error", err)
			return
		}
	}
}

// sendTo sends a signal to each of these names, or to everybody when names is nil.
func (l *link) sendTo(names []string, h *header, body []byte) error {
	if names == nil {
		return l.send(h, body, nil)
	}
	for _, name := range names {
		to := *h
		to.destination = name
		if err := l.send(&to, body, nil); err != nil {
			return err
		}
	}
	return nil
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
		if exists, now := t.find(n.path); exists && now != nil && slices.Equal(now.parts, o.parts) {
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

// composeChanged holds only what really differs from what clients know. A
// value that cannot be encoded is only named.
func (t *Tree) composeChanged(n *news) (*header, []byte, bool) {
	var entries Dict
	invalidated := []string{}
	for _, decl := range n.differing() {
		v, ok := n.changed.value(decl, t.log)
		switch {
		case ok && n.shown(decl, v, t.log):
		case decl.Emits == EmitsInvalidates:
			invalidated = append(invalidated, decl.Name)
		case ok:
			entries = append(entries, Entry{decl.Name, v})
		}
	}
	if len(entries) == 0 && len(invalidated) == 0 {
		return nil, nil, false
	}
	h := signalHeader(n.path, propertiesName, "PropertiesChanged", "sa{sv}as")
	iface := n.changed.iface.Name
	body, _, err := marshalBody([]any{iface, entries, invalidated})
	if err != nil {
		good := n.changed.encodable(entries, t.log)
		for _, e := range entries {
			if !slices.ContainsFunc(good, func(g Entry) bool { return g.Key == e.Key }) {
				invalidated = append(invalidated, e.Key)
			}
		}
		body, _, err = marshalBody([]any{iface, good, invalidated})
	}
	return h, body, err == nil
}

// shown reports whether clients know this value of a property already. Values are
// compared as they travel: those of Go may differ in what is not sent.
func (n *news) shown(decl *Property, v dbus.Variant, log *slog.Logger) bool {
	old, ok := n.old.value(decl, log)
	if !ok {
		return false
	}
	before, _, errBefore := marshal("v", []any{old})
	now, _, errNow := marshal("v", []any{v})
	return errBefore == nil && errNow == nil && bytes.Equal(before, now)
}

// differing returns the properties whose changes are announced and that may have
// changed.
func (n *news) differing() []*Property {
	names := func(string) bool { return true }
	switch {
	case n.changed.props == nil:
		return nil
	case n.old.props != nil:
		changed := n.changed.props.Changed(n.old.props)
		names = func(name string) bool { return slices.Contains(changed, name) }
	}
	var all []*Property
	for _, decl := range n.changed.iface.Properties {
		if decl.Emits != EmitsConst && decl.Emits != EmitsNothing && names(decl.Name) {
			all = append(all, decl)
		}
	}
	return all
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
