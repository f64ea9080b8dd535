package bus

import (
	"fmt"

	"github.com/godbus/dbus/v5"
)

// plan is one Apply at work: what the objects become, and what is announced.
type plan struct {
	tree    *Tree
	objects map[dbus.ObjectPath]*object // as they become; nil is gone
	order   []*news
	added   map[dbus.ObjectPath]*news // the InterfacesAdded that later Puts join
	changed map[place]*news           // the PropertiesChanged that later Puts join
}

// place is one interface of one object.
type place struct {
	path  dbus.ObjectPath
	iface string
}

// news is one signal to come. Exactly one of added, changed, removed and
// signal is set.
type news struct {
	path    dbus.ObjectPath
	added   *object // the object, with its new interfaces only
	changed *part
	old     *part // changed: what clients know
	removed []string
	signal  *Signal
	iface   *Interface // signal: where it is declared
	args    []any
	to      []string // signal: who gets it; nil is everybody
}

func newPlan(t *Tree) *plan {
	return &plan{
		tree: t, objects: make(map[dbus.ObjectPath]*object),
		added: make(map[dbus.ObjectPath]*news), changed: make(map[place]*news),
	}
}

// object is the object at path as the plan has left it.
func (p *plan) object(path dbus.ObjectPath) *object {
	if o, ok := p.objects[path]; ok {
		return o
	}
	// Only the holder of tree.apply, which is us, writes nodes.
	if n := p.tree.nodes[path]; n != nil {
		return n.object
	}
	return nil
}

func (p *plan) add(n *news) *news {
	p.order = append(p.order, n)
	return n
}

func (p *plan) put(c Change) {
	iface := p.tree.declared(c.iface)
	if !c.path.IsValid() || !below(c.path, p.tree.root) {
		p.tree.log.Error("an object outside the tree was dropped", "path", c.path, "interface", c.iface)
		return
	}
	now := &part{iface: iface, props: c.props}
	o := p.object(c.path)
	if o != nil && o.unlisted {
		o = nil // to clients it is a new one
	}
	old := o.part(c.iface)
	p.objects[c.path] = o.with(c.path, now)
	added := p.added[c.path]
	switch {
	case old == nil && added == nil:
		p.added[c.path] = p.add(&news{path: c.path, added: (*object)(nil).with(c.path, now)})
	case added != nil && (old == nil || added.added.part(c.iface) != nil):
		added.added = added.added.with(c.path, now)
	case p.changed[place{c.path, c.iface}] != nil:
		p.changed[place{c.path, c.iface}].changed = now
	default:
		p.changed[place{c.path, c.iface}] = p.add(&news{path: c.path, changed: now, old: old})
	}
}

func (p *plan) remove(c Change) {
	o := p.object(c.path)
	if o == nil {
		return
	}
	p.objects[c.path] = nil
	if !o.unlisted {
		p.gone(c.path, o.names())
	}
}

func (p *plan) unlist(c Change) {
	o := p.object(c.path)
	if o == nil || o.unlisted {
		return
	}
	p.objects[c.path] = &object{path: o.path, parts: o.parts, unlisted: true}
	p.gone(c.path, o.names())
}

func (p *plan) removeInterface(c Change) {
	o := p.object(c.path)
	if o.part(c.iface) == nil {
		return
	}
	p.objects[c.path] = o.without(c.iface)
	if !o.unlisted {
		p.gone(c.path, []string{c.iface})
	}
}

// gone announces a removal, and lets nothing later join what came before it.
func (p *plan) gone(path dbus.ObjectPath, ifaces []string) {
	delete(p.added, path)
	for _, iface := range ifaces {
		delete(p.changed, place{path, iface})
	}
	p.add(&news{path: path, removed: ifaces})
}

func (p *plan) emit(c Change) {
	iface := p.tree.declared(c.iface)
	s := iface.Signal(c.signal)
	if s == nil {
		panic(fmt.Sprintf("bus: %s has no signal %s", c.iface, c.signal))
	}
	if !c.path.IsValid() {
		p.tree.log.Error("a signal of an invalid path was dropped", "path", c.path, "interface", c.iface, "signal", c.signal)
		return
	}
	p.add(&news{path: c.path, signal: s, iface: iface, args: c.args, to: c.to})
}

// commit shows the new state to readers.
func (p *plan) commit() {
	p.tree.state.Lock()
	defer p.tree.state.Unlock()
	for path, o := range p.objects {
		p.tree.nodes.set(path, o, p.tree.root)
	}
}

// declared is the interface of this name. Using one that New was not told of
// is a mistake in the program.
func (t *Tree) declared(name string) *Interface {
	i := t.ifaces[name]
	if i == nil {
		panic(fmt.Sprintf("bus: interface %s is not declared", name))
	}
	return i
}
