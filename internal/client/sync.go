package client

import (
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// Everything in this file but Activate runs on the goroutine that reads.

// firstOwner gets the answer to who owns the service's name. If the name
// changed hands meanwhile, that is known already.
func (c *Client) firstOwner(m *busconn.Message, err error) {
	var owner string
	if err == nil {
		defer m.Close()
		err = m.Store(&owner)
	}
	var failure *busconn.Error
	switch {
	case err == nil:
		c.setOwner(owner)
	case errors.As(err, &failure):
		c.activate() // there is none
	default:
		c.fail(c.currentEpoch(), err)
	}
}

// Activate asks the bus to start the service if it is not there. Nothing has
// to be done after Connect; it is for another try after Gone or Failed.
func (c *Client) Activate() {
	c.mu.Lock()
	stuck := c.owner == "" || c.status.State == Failed
	owner := c.owner
	if stuck && c.status.State != Gone {
		c.setStatus(Status{State: Starting})
		c.commit()
	}
	c.mu.Unlock()
	switch {
	case stuck && owner == "":
		c.activate()
	case stuck:
		c.read()
	}
}

func (c *Client) activate() {
	epoch := c.currentEpoch()
	c.conn.GoDaemon("StartServiceByName", func(m *busconn.Message, err error) {
		if err != nil {
			c.fail(epoch, err)
			return
		}
		m.Close() // the new owner has been announced before
	}, busName, uint32(0))
}

func (c *Client) currentEpoch() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *Client) nameOwnerChanged(m *busconn.Message) {
	var name, before, after string
	if m.Store(&name, &before, &after) == nil && name == busName {
		c.setOwner(after)
	}
}

// setOwner begins anew with another owner of the name, or none.
func (c *Client) setOwner(owner string) {
	c.mu.Lock()
	if owner == c.owner {
		c.mu.Unlock()
		return
	}
	c.owner, c.loaded = owner, false
	c.abortParts()
	c.epoch++
	c.dropPermissions()
	c.statistics.ownerChanged()
	for _, path := range c.jobs.paths() {
		c.jobs.remove(path) // they ended with their service
	}
	if c.managers.has(api.RootPath) || owner == "" {
		c.setStatus(Status{State: Gone}) // until everything has been read
	} else {
		c.setStatus(Status{State: Starting})
	}
	c.commit()
	c.mu.Unlock()
	if owner != "" {
		c.read()
	}
}

// read reads everything from the present owner: the root object first, which
// is not among those that it manages, and then all others.
func (c *Client) read() {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner, epoch := c.owner, c.epoch
	c.loaded = false
	c.abortParts()
	if owner == "" {
		return
	}
	c.readOne(model.Root, managerIface, func(err error) {
		if err != nil {
			c.fail(epoch, err)
			return
		}
		c.conn.Go(ownerCall(owner, api.RootPath, objectManagerName, "GetManagedObjects"), func(m *busconn.Message, err error) {
			if isName(err, "LimitsExceeded") { // they do not fit into one message
				c.beginParts(epoch)
				return
			}
			if err == nil {
				defer m.Close()
				err = c.loadAll(epoch, m)
			}
			if err != nil {
				c.fail(epoch, err)
			}
		})
	})
}

// readOne reads one interface of an object. The caller holds mu; done runs
// without it.
func (c *Client) readOne(path model.Path, iface string, done func(error)) {
	epoch := c.epoch
	c.conn.Go(ownerCall(c.owner, string(path), propertiesName, "GetAll", iface), func(m *busconn.Message, err error) {
		if err == nil {
			defer m.Close()
			err = c.loadOne(epoch, path, iface, m)
		}
		done(err)
	})
}

func (c *Client) loadOne(epoch uint64, path model.Path, iface string, m *busconn.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[iface]
	if epoch != c.epoch || path != model.Root && !t.has(path) {
		return nil // it has gone meanwhile, which has been announced
	}
	t.load(path, m.Body)
	c.commit()
	return m.Body.Err()
}

// ownerCall is a call to one owner of the service's name only.
func ownerCall(owner, path, iface, member string, args ...any) *busconn.Call {
	return &busconn.Call{
		Destination: owner, Path: dbus.ObjectPath(path), Interface: iface, Member: member,
		Flags: dbus.FlagNoAutoStart, Args: args,
	}
}

// loadAll puts the answer in place of what was known.
func (c *Client) loadAll(epoch uint64, m *busconn.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return nil
	}
	if m.Signature != "a{oa{sa{sv}}}" {
		return fmt.Errorf("cannot read the objects: their types are %q", m.Signature)
	}
	loaded := c.managed()
	for _, t := range loaded {
		t.begin()
	}
	for end := m.Body.Array(8); m.Body.More(end); {
		m.Body.Entry()
		c.loadObject(m.Body.Path(), m.Body)
	}
	if err := m.Body.Err(); err != nil {
		for _, t := range loaded {
			t.abort()
		}
		return err
	}
	c.endLoad()
	return nil
}

// endLoad shows what was read in place of what was known. The caller holds mu.
func (c *Client) endLoad() {
	for _, t := range c.managed() {
		t.end()
	}
	c.loaded, c.parts = true, false
	c.setStatus(Status{State: Ready})
	c.statistics.adjust()
	c.commit()
}

// beginParts reads all objects in parts. What is told about them meanwhile changes
// what has been read of them; what has not been read yet is read as it is then.
func (c *Client) beginParts(epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	for _, t := range c.managed() {
		t.begin()
	}
	c.parts = true
	c.readPart(epoch, "/")
}

// abortParts ends reading in parts. The caller holds mu.
func (c *Client) abortParts() {
	if c.parts {
		c.parts = false
		for _, t := range c.managed() {
			t.abort()
		}
	}
}

// readPart reads the objects after a path. The caller holds mu.
func (c *Client) readPart(epoch uint64, after dbus.ObjectPath) {
	call := ownerCall(c.owner, api.RootPath, managerIface, "GetObjects", after, map[string]dbus.Variant{})
	c.conn.Go(call, func(m *busconn.Message, err error) {
		if err == nil {
			defer m.Close()
			err = c.loadPart(epoch, m)
		}
		if err != nil {
			c.fail(epoch, err)
		}
	})
}

func (c *Client) loadPart(epoch uint64, m *busconn.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch || !c.parts {
		return nil
	}
	if m.Signature != "a{oa{sa{sv}}}o" {
		return fmt.Errorf("cannot read the objects: their types are %q", m.Signature)
	}
	for end := m.Body.Array(8); m.Body.More(end); {
		m.Body.Entry()
		c.loadObject(m.Body.Path(), m.Body)
	}
	next := m.Body.Path()
	if err := m.Body.Err(); err != nil {
		c.abortParts()
		return err
	}
	if next == "/" || next == "" {
		c.endLoad()
		return nil
	}
	c.readPart(epoch, dbus.ObjectPath(next))
	return nil
}

// managed is the tables of the objects that come and go.
func (c *Client) managed() []objects {
	return []objects{&c.hosts, &c.vms, &c.snapshots, &c.networks, &c.pools, &c.volumes, &c.jobs}
}

// loadObject reads the interfaces of one object. The caller holds mu.
func (c *Client) loadObject(path model.Path, r *wire.Reader) {
	for end := r.Array(8); r.More(end); {
		r.Entry()
		if t := c.tables[r.Text()]; t != nil {
			t.load(path, r)
		} else {
			r.Skip("a{sv}")
		}
	}
}

// removeObject reads the interfaces that an object lost. The caller holds mu.
func (c *Client) removeObject(path model.Path, r *wire.Reader) {
	for end := r.Array(4); r.More(end); {
		if t := c.tables[r.Text()]; t != nil {
			t.remove(path)
		}
	}
}

// fail gives up unless another owner has appeared since.
func (c *Client) fail(epoch uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch || c.status.State == Closed {
		return
	}
	status := Status{Failed, toError(err)}
	if isName(err, "ServiceUnknown", "NameHasNoOwner") {
		status = Status{NotInstalled, errs.Wrap(errs.Disconnected, err, "The KVM Manager service is not installed.")}
	}
	c.setStatus(status)
	c.commit()
}
