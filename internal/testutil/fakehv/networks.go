package fakehv

import (
	"context"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// onNetwork makes an operation on a network that exists.
func (c *Conn) onNetwork(ctx context.Context, operation, uuid string, change func(*model.Network)) error {
	n, err := one(c, ctx, operation, uuid, c.h.networks)
	if err == nil {
		change(n)
		c.h.PutNetwork(n)
	}
	return err
}

// CreateNetwork implements inventory.Conn.
func (c *Conn) CreateNetwork(ctx context.Context, setup model.NetworkSetup) (string, error) {
	if err := c.enter(ctx, "create-network", setup.Name); err != nil {
		return "", err
	}
	xml, err := domainxml.NewNetwork(&setup)
	if err != nil {
		return "", err
	}
	n, err := domainxml.ParseNetwork(xml)
	if err != nil {
		return "", err
	}
	n.UUID, n.Persistent, n.Autostart = UUID(2_000_000+len(c.h.Calls())), true, setup.Autostart
	n.Active = setup.Start == nil || *setup.Start
	c.h.PutNetwork(n)
	return n.UUID, nil
}

// DeleteNetwork implements inventory.Conn.
func (c *Conn) DeleteNetwork(ctx context.Context, uuid string) error {
	_, err := one(c, ctx, "delete-network", uuid, c.h.networks)
	if err == nil {
		c.h.DropNetwork(uuid)
	}
	return err
}

// StartNetwork implements inventory.Conn.
func (c *Conn) StartNetwork(ctx context.Context, uuid string) error {
	return c.onNetwork(ctx, "start-network", uuid, func(n *model.Network) { n.Active = true })
}

// StopNetwork implements inventory.Conn.
func (c *Conn) StopNetwork(ctx context.Context, uuid string) error {
	n, err := one(c, ctx, "stop-network", uuid, c.h.networks)
	switch {
	case err != nil:
		return err
	case !n.Active:
		return errs.New(errs.InvalidState, "The network is not active.")
	case !n.Persistent:
		c.h.DropNetwork(uuid)
		return nil
	}
	n.Active = false
	c.h.PutNetwork(n)
	return nil
}

// SetNetworkAutostart implements inventory.Conn.
func (c *Conn) SetNetworkAutostart(ctx context.Context, uuid string, on bool) error {
	return c.onNetwork(ctx, "autostart-network", uuid, func(n *model.Network) { n.Autostart = on })
}
