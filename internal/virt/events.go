package virt

import (
	"fmt"
	"runtime/debug"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/service/inventory"
)

// registrations are the callbacks of a connection.
type registrations struct {
	closing              bool // the close callback may be registered
	domain, network, sto []int
}

// register asks for every event that a driver offers. Only lifecycle events
// of VMs are needed; a driver may lack the others.
func (c *Conn) register() error {
	conn := c.main.conn
	if err := c.watchMain(); err != nil {
		return err
	}
	c.registered.closing = true
	id, err := conn.DomainEventLifecycleRegister(nil, c.onLifecycle)
	if err != nil {
		return fmt.Errorf("cannot register for lifecycle events: %w", err)
	}
	c.registered.domain = append(c.registered.domain, id)
	for _, register := range c.domainEvents() {
		if err := keep(&c.registered.domain, register); err != nil {
			return err
		}
	}
	for _, register := range c.networkEvents() {
		if err := keep(&c.registered.network, register); err != nil {
			return err
		}
	}
	for _, register := range c.poolEvents() {
		if err := keep(&c.registered.sto, register); err != nil {
			return err
		}
	}
	return nil
}

// watchMain has the loss of the main connection end the whole.
func (c *Conn) watchMain() error {
	err := c.main.conn.RegisterCloseCallback(func(_ *libvirt.Connect, why libvirt.ConnectCloseReason) {
		defer contain()
		c.lost(why)
	})
	if err != nil && !unsupported(err) {
		return fmt.Errorf("cannot watch the connection: %w", err)
	}
	return nil
}

// keep registers one callback, unless the driver or the library is too old.
func keep(ids *[]int, register func() (int, error)) error {
	id, err := register()
	switch {
	case err == nil:
		*ids = append(*ids, id)
	case !unsupported(err):
		return fmt.Errorf("cannot register for events: %w", err)
	}
	return nil
}

// undo takes the callbacks back. Errors mean that the connection is gone, and
// the callbacks with it.
func (r *registrations) undo(l *link) {
	for _, id := range r.domain {
		_ = l.conn.DomainEventDeregister(id)
	}
	for _, id := range r.network {
		_ = l.conn.NetworkEventDeregister(id)
	}
	for _, id := range r.sto {
		_ = l.conn.StoragePoolEventDeregister(id)
	}
	if r.closing {
		_ = l.conn.UnregisterCloseCallback()
	}
}

// named is a borrowed handle. It tells its UUID without asking anybody.
type named interface{ GetUUIDString() (string, error) }

// uuidOf copies the UUID out of a borrowed handle.
func uuidOf(object named) string {
	uuid, err := object.GetUUIDString()
	if err != nil {
		return "" // the handle is none; the hint becomes one about the host
	}
	return uuid
}

// hint queues the news that an object changed. libvirt's event loop calls it,
// so it copies and never blocks.
func (c *Conn) hint(kind inventory.EventKind, uuid string, crashed bool) {
	if uuid == "" {
		kind = inventory.HostEvent
	}
	c.queue.push(inventory.Event{Kind: kind, ID: uuid, Crashed: crashed})
}

// contain keeps a panic from crossing into C, which would end the process
// without a word.
func contain() {
	if p := recover(); p != nil {
		debug.PrintStack()
	}
}
