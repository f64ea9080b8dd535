package client

import (
	"context"
	"fmt"
	"sync"

	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Options says which service to use.
type Options struct {
	// Address is that of the bus, in D-Bus's format. Empty: the system bus.
	Address string
}

// Client is a connection to the service and a mirror of its objects.
type Client struct {
	conn *busconn.Conn

	mu      sync.Mutex // guards everything below
	status  Status
	owner   string // unique name of the service; empty when there is none
	epoch   uint64 // counts the owners: what an earlier one says is void
	loaded  bool   // the tables are those of this owner
	parts   bool   // the tables are being read in parts
	waiters map[*waiter]struct{}

	managers  table[model.Manager]
	hosts     table[model.Host]
	vms       table[model.VM]
	snapshots table[model.Snapshot]
	networks  table[model.Network]
	pools     table[model.StoragePool]
	volumes   table[model.StorageVolume]
	jobs      table[model.Job]
	tables    map[string]objects // the same by interface

	subscriptions map[*Subscription]struct{}
	permissions   permissions
	statistics    statistics
}

// Connect connects to the bus and starts to mirror the service, which it
// starts if need be. It does not wait for it: see Status and AwaitReady. ctx is
// for connecting only.
func Connect(ctx context.Context, o Options) (*Client, error) {
	if o.Address == "" {
		o.Address = bus.SystemAddress()
	}
	c := newClient()
	conn, err := busconn.Dial(ctx, o.Address, (*handler)(c))
	if err != nil {
		return nil, errs.Wrap(errs.Disconnected, err, "The message bus cannot be reached.")
	}
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	for _, rule := range matchRules() {
		if _, err := conn.Daemon(ctx, "AddMatch", rule); err != nil {
			conn.Close()
			return nil, fmt.Errorf("cannot follow the service: %w", toError(err))
		}
	}
	conn.GoDaemon("GetNameOwner", c.firstOwner, busName)
	return c, nil
}

func newClient() *Client {
	c := &Client{
		status: Status{State: Starting}, waiters: map[*waiter]struct{}{}, subscriptions: map[*Subscription]struct{}{},
	}
	c.tables = c.initTables()
	c.permissions.init()
	c.statistics.init(c)
	return c
}

// Close ends the connection. Everything that waits ends with an error of the
// kind Disconnected.
func (c *Client) Close() { c.conn.Close() }

// Status is how things stand with the service.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// AwaitReady waits until the mirror is complete, or cannot become so by
// itself, which is an error.
func (c *Client) AwaitReady(ctx context.Context) error {
	var status Status
	err := c.await(ctx, func() bool {
		status = c.status
		return status.settled()
	})
	if err != nil {
		return err
	}
	return status.Err
}

// waiter waits for a condition.
type waiter struct {
	met  func() bool
	done chan struct{}
}

// await waits until the condition, which runs with mu held after each change,
// is met.
func (c *Client) await(ctx context.Context, met func() bool) error {
	c.mu.Lock()
	if met() {
		c.mu.Unlock()
		return nil
	}
	w := &waiter{met, make(chan struct{})}
	c.waiters[w] = struct{}{}
	c.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiters, w)
		return context.Cause(ctx)
	}
}

// commit tells those who wait of what has changed. The caller holds mu.
func (c *Client) commit() {
	for w := range c.waiters {
		if w.met() {
			delete(c.waiters, w)
			close(w.done)
		}
	}
	for s := range c.subscriptions {
		s.wake()
	}
}

func (c *Client) setStatus(s Status) {
	if c.status.State == Closed {
		return
	}
	c.status = s
	for sub := range c.subscriptions {
		sub.dirty = true
	}
}
