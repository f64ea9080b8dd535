package bus

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/godbus/dbus/v5"
)

// Handler answers the calls of the tree's own interfaces. It runs in a
// goroutine of its own. ctx ends when the connection does.
//
// The results must have the declared types. A result of type *os.File travels
// as a descriptor and is closed afterwards, whatever becomes of the reply.
//
// A *dbus.Error goes to the caller as it is, any other error as errs.Of has
// it; of an Internal one only the log learns the cause.
type Handler func(ctx context.Context, c *Call) ([]any, error)

// Callers tells the user and the process of a sender. It is asked once for each
// connection that calls.
type Callers func(ctx context.Context, sender string) (uid, pid uint32, err error)

// Tree is the objects that the service shows, and who answers their calls.
// All methods may be called from any goroutine.
type Tree struct {
	root    dbus.ObjectPath
	ifaces  map[string]*Interface
	handler Handler
	log     *slog.Logger
	limits  *limits
	shares  *shares
	answers answering
	link    atomic.Pointer[link] // nil until connected

	// apply is held from the first look at the state to the last signal of
	// an Apply. Only its holder changes nodes.
	apply sync.Mutex
	// state guards nodes for the moment of a look-up or a swap, never while
	// anything is sent.
	state sync.RWMutex
	nodes nodes
}

// New makes an empty tree that knows these interfaces. A tree without methods of
// its own needs neither a handler nor callers. ObjectManager is at
// root, and every object is at or below it.
func New(root dbus.ObjectPath, ifaces []*Interface, handler Handler, callers Callers, log *slog.Logger) *Tree {
	t := &Tree{
		root: root, ifaces: make(map[string]*Interface, len(ifaces)), handler: handler, log: log,
		limits: newLimits(maxCallsPerUser, maxCalls), nodes: make(nodes),
	}
	for _, i := range ifaces {
		t.ifaces[i.Name] = i
	}
	t.shares = newShares(callers, t.serve)
	t.nodes.ensure(root)
	return t
}

// Has says whether an object with this interface is at path.
func (t *Tree) Has(path dbus.ObjectPath, iface string) bool {
	_, o := t.find(path)
	return o.part(iface) != nil
}

// Properties is the state of an interface of an object, as it was put. False
// when there is no such object or interface.
func (t *Tree) Properties(path dbus.ObjectPath, iface string) (Properties, bool) {
	_, o := t.find(path)
	p := o.part(iface)
	if p == nil {
		return nil, false
	}
	return p.props, true
}

// Paths lists, in order, the objects at and below prefix.
func (t *Tree) Paths(prefix dbus.ObjectPath) []dbus.ObjectPath {
	t.state.RLock()
	defer t.state.RUnlock()
	var paths []dbus.ObjectPath
	for path, n := range t.nodes {
		if n.object != nil && below(path, prefix) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// find looks a path up: whether there is a node, and the object if it has one.
func (t *Tree) find(path dbus.ObjectPath) (exists bool, o *object) {
	t.state.RLock()
	defer t.state.RUnlock()
	n := t.nodes[path]
	if n == nil {
		return false, nil
	}
	return true, n.object
}

// children returns the names of the nodes right below path, but for unlisted
// objects.
func (t *Tree) children(path dbus.ObjectPath) []string {
	t.state.RLock()
	defer t.state.RUnlock()
	n := t.nodes[path]
	if n == nil {
		return nil
	}
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		if child := t.nodes[join(path, name)]; !child.unlisted() {
			names = append(names, name)
		}
	}
	return names
}

// managed returns every listed object below the root.
func (t *Tree) managed() []*object {
	t.state.RLock()
	defer t.state.RUnlock()
	objects := make([]*object, 0, len(t.nodes))
	for path, n := range t.nodes {
		if n.object != nil && !n.object.unlisted && path != t.root {
			objects = append(objects, n.object)
		}
	}
	return objects
}

// Part is the result of a method that reads the list of all objects in parts: the
// objects after a path in the order of their paths, and the path of the last of
// them, or "/" if there are no more (a{oa{sa{sv}}}o). Like GetManagedObjects, the
// answer has everything that was announced before it, and nothing that comes later.
type Part struct {
	After dbus.ObjectPath // need not exist
	Most  int             // objects
	Bytes int             // which the objects before the last one have at most
}

// part finds the objects of a part.
func (t *Tree) part(p Part) (list []*encoding, next dbus.ObjectPath) {
	objects := slices.DeleteFunc(t.managed(), func(o *object) bool { return o.path <= p.After })
	slices.SortFunc(objects, func(a, b *object) int { return strings.Compare(string(a.path), string(b.path)) })
	next = "/"
	for i, o := range objects {
		if i == p.Most || p.Bytes < 0 {
			return list, next
		}
		e := o.encoding(t.log)
		p.Bytes -= e.length
		list, next = append(list, e), o.path
	}
	return list, "/"
}

// body is the body of an answer with a part.
func (p Part) body(t *Tree) [][]byte {
	list, next := t.part(p)
	pieces := managedObjects(list)
	length := 0
	for _, piece := range pieces {
		length += len(piece)
	}
	end := encoder{make([]byte, length%8, length%8+16+len(next))}
	end.string(string(next))
	return append(pieces, end.b[length%8:])
}

// below says whether path is prefix or under it.
func below(path, prefix dbus.ObjectPath) bool {
	rest, ok := strings.CutPrefix(string(path), string(prefix))
	return ok && (rest == "" || rest[0] == '/' || prefix == "/")
}
