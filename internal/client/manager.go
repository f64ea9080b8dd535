package client

import (
	"context"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// AddHost adds a connection to another hypervisor, for good, and returns the
// host's path. The connection is made later; see Host.State.
func (c *Client) AddHost(ctx context.Context, id, uri string, options ...Option) (host model.Path, err error) {
	err = c.call(ctx, model.Root, managerIface, "AddHost", options, []any{id, uri}, &host)
	return host, err
}

// RemoveHost closes the connection to a host and forgets it.
func (c *Client) RemoveHost(ctx context.Context, host model.Path, options ...Option) error {
	return c.call(ctx, model.Root, managerIface, "RemoveHost", options, []any{wire.ObjectPath(host)})
}
