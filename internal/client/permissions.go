package client

import (
	"context"

	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// Permission is what a caller may do.
type Permission string

// The permissions.
const (
	Allowed       Permission = "yes"
	NeedsPassword Permission = "auth"
	Denied        Permission = "no"
)

// permissions keeps what the service said, until it may no longer hold. The
// client's mu guards it.
type permissions struct {
	entries map[model.Path]*permissionsEntry
}

// permissionsEntry is an answer, or one that is on its way.
type permissionsEntry struct {
	done   chan struct{} // closed when the rest is set
	values map[string]Permission
	err    error
}

func (p *permissions) init() { p.entries = map[model.Path]*permissionsEntry{} }

// vmChanged forgets what depended on a VM's name, as polkit's rules can.
func (p *permissions) vmChanged(path model.Path, old, value *model.VM) {
	if old == nil || value == nil || old.Name != value.Name {
		delete(p.entries, path)
	}
}

// dropPermissions forgets everything. The caller holds mu.
func (c *Client) dropPermissions() {
	clear(c.permissions.entries)
	for s := range c.subscriptions {
		s.permissionsChanged = true
	}
}

// GetPermissions tells what this program may do with an object: polkit action
// to answer. The service is asked once, until a Batch says PermissionsChanged.
// The map must not be changed.
func (c *Client) GetPermissions(ctx context.Context, object model.Path) (map[string]Permission, error) {
	entry, err := c.permissionsOf(object)
	if err != nil {
		return nil, err
	}
	select {
	case <-entry.done:
		return entry.values, entry.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// permissionsOf is what is known about an object, or is being asked.
func (c *Client) permissionsOf(object model.Path) (*permissionsEntry, error) {
	call, err := newCall(model.Root, managerIface, "GetPermissions", nil, wire.ObjectPath(object))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := c.permissions.entries[object]
	if entry == nil {
		entry = &permissionsEntry{done: make(chan struct{})}
		c.permissions.entries[object] = entry
		c.conn.Go(call, func(m *busconn.Message, err error) { c.gotPermissions(object, entry, m, err) })
	}
	return entry, nil
}

func (c *Client) gotPermissions(object model.Path, entry *permissionsEntry, m *busconn.Message, err error) {
	if err == nil {
		defer m.Close()
		entry.values, err = readPermissions(m)
	}
	entry.err = toError(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.permissions.entries[object] == entry {
		delete(c.permissions.entries, object) // ask again next time
	}
	close(entry.done)
}

func readPermissions(m *busconn.Message) (map[string]Permission, error) {
	if m.Signature != "a{ss}" {
		return nil, unexpected(m.Store())
	}
	values := permissionsIn(m.Body)
	return values, unexpected(m.Body.Err())
}

func permissionsIn(r *wire.Reader) map[string]Permission {
	values := map[string]Permission{}
	for end := r.Array(8); r.More(end); {
		r.Entry()
		action := r.Text()
		values[action] = Permission(r.Text())
	}
	return values
}

// GetPermissionsOf tells what this program may do with several objects, by object.
// It takes Actions. Nothing of it is kept.
func (c *Client) GetPermissionsOf(ctx context.Context, objects []model.Path, options ...Option) (map[model.Path]map[string]Permission, error) {
	m, err := c.send(ctx, model.Root, managerIface, "GetPermissionsOf", options, wire.ObjectPaths(objects))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if m.Signature != "a{oa{ss}}" {
		return nil, unexpected(m.Store())
	}
	all := map[model.Path]map[string]Permission{}
	for end := m.Body.Array(8); m.Body.More(end); {
		m.Body.Entry()
		path := m.Body.Path()
		all[path] = permissionsIn(m.Body)
	}
	return all, unexpected(m.Body.Err())
}
