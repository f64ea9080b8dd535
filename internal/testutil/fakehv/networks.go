package fakehv

import (
	"context"
	"maps"
	"slices"
	"time"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
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
func (c *Conn) DeleteNetwork(ctx context.Context, uuid string, _ bool) error {
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

// ConfigureNetwork implements inventory.Conn: an active network has nothing but
// its DHCP and DNS entries at once.
func (c *Conn) ConfigureNetwork(ctx context.Context, uuid string, changes model.NetworkSetup, how inventory.NetworkChange) (inventory.NetworkChanged, error) {
	var did inventory.NetworkChanged
	n, err := one(c, ctx, "configure-network", uuid, c.h.networks)
	if err != nil {
		return did, err
	}
	setup := n.Setup()
	setup.Take(&changes, how.Given)
	if err := model.ValidateNetworkSetup(&setup, how.Given); err != nil {
		return did, errs.New(errs.InvalidArgument, "%s", err)
	}
	if did.NextStart = slices.Sorted(maps.Keys(how.Given)); n.Active {
		did.Now, did.NextStart = domainxml.SplitNetworkChange(n, &setup, how.Given)
	}
	if how.DryRun {
		return did, nil
	}
	n.DHCPRanges, n.DHCPHosts, n.DNSHosts, n.PendingChanges = setup.DHCPRanges, setup.DHCPHosts, setup.DNSHosts, did.NextStart
	c.h.PutNetwork(n)
	return did, nil
}

// AddDHCPHost implements inventory.Conn.
func (c *Conn) AddDHCPHost(ctx context.Context, uuid string, host model.DHCPHost) error {
	return c.onNetwork(ctx, "add-dhcp-host", uuid, func(n *model.Network) { n.DHCPHosts = append(slices.Clone(n.DHCPHosts), host) })
}

// RemoveDHCPHost implements inventory.Conn.
func (c *Conn) RemoveDHCPHost(ctx context.Context, uuid string, host model.DHCPHost) error {
	return c.onNetwork(ctx, "remove-dhcp-host", uuid, func(n *model.Network) {
		n.DHCPHosts = slices.DeleteFunc(slices.Clone(n.DHCPHosts), func(h model.DHCPHost) bool { return h.Fits(&host) })
	})
}

// Leases implements inventory.Conn: every fixed lease is taken, and there is what
// was put there.
func (c *Conn) Leases(ctx context.Context, uuid string) ([]model.Lease, error) {
	n, err := one(c, ctx, "leases", uuid, c.h.networks)
	if err != nil {
		return nil, err
	}
	c.h.mu.Lock()
	leases := slices.Clone(c.h.leases[uuid])
	c.h.mu.Unlock()
	for _, h := range n.DHCPHosts {
		if !slices.ContainsFunc(leases, func(l model.Lease) bool { return l.Address == h.Address && l.MAC == h.MAC }) {
			leases = append(leases, model.Lease{MAC: h.MAC, Address: h.Address, Name: h.Name, Family: "ipv4", Prefix: 24, ExpiresAt: time.UnixMilli(1_000_000_000_000)})
		}
	}
	return leases, nil
}
