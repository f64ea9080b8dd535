package bus

import (
	"strings"

	"github.com/godbus/dbus/v5"
)

// node is a place in the tree: an object, or only the way to some.
type node struct {
	object   *object
	children map[string]struct{}
}

// unlisted reports whether the node is nothing but an unlisted object.
func (n *node) unlisted() bool { return n.object != nil && n.object.unlisted && len(n.children) == 0 }

// nodes is every node by its path. A node exists while it has an object or
// children; the root of the service always exists, as does the way to it.
type nodes map[dbus.ObjectPath]*node

// ensure gives the node at path, made with its ancestors if need be.
func (ns nodes) ensure(path dbus.ObjectPath) *node {
	n := ns[path]
	if n != nil {
		return n
	}
	n = &node{}
	ns[path] = n
	if parent, name, ok := split(path); ok {
		p := ns.ensure(parent)
		if p.children == nil {
			p.children = make(map[string]struct{})
		}
		p.children[name] = struct{}{}
	}
	return n
}

// set puts the object at path, nil takes it away. Nodes that lead nowhere
// then go too, except keep and its ancestors.
func (ns nodes) set(path dbus.ObjectPath, o *object, keep dbus.ObjectPath) {
	if o != nil {
		ns.ensure(path).object = o
		return
	}
	n := ns[path]
	if n == nil {
		return
	}
	n.object = nil
	for n.object == nil && len(n.children) == 0 && path != keep {
		parent, name, ok := split(path)
		if !ok {
			return
		}
		delete(ns, path)
		path, n = parent, ns[parent]
		delete(n.children, name)
	}
}

// split takes the last element off a path; false for "/".
func split(path dbus.ObjectPath) (parent dbus.ObjectPath, name string, ok bool) {
	if path == "/" {
		return "", "", false
	}
	i := strings.LastIndexByte(string(path), '/')
	if i == 0 {
		return "/", string(path[1:]), true
	}
	return path[:i], string(path[i+1:]), true
}

// join is the path of a child.
func join(parent dbus.ObjectPath, name string) dbus.ObjectPath {
	if parent == "/" {
		return "/" + dbus.ObjectPath(name)
	}
	return parent + "/" + dbus.ObjectPath(name)
}
