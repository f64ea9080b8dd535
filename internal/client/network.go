package client

import (
	"context"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

const networkIface = api.NetworkInterface

// NetworkApplied says when the keys of a change of a network take effect.
type NetworkApplied struct {
	Now       []string `wire:"now"`        // in effect, and stored
	NextStart []string `wire:"next-start"` // stored
}

// AddDHCPHost keeps an address for a guest.
func (c *Client) AddDHCPHost(ctx context.Context, network model.Path, host model.DHCPHost, options ...Option) error {
	return c.call(ctx, network, networkIface, "AddDHCPHost", options, []any{record(&host)})
}

// ConfigureNetwork changes a network, by the keys of model.NetworkSetup and with
// values of its types. It takes DryRun.
func (c *Client) ConfigureNetwork(ctx context.Context, network model.Path, changes map[string]any, options ...Option) (applied NetworkApplied, err error) {
	values := make(map[string]dbus.Variant, len(changes))
	for key, value := range changes {
		values[key] = wire.Variant(value)
	}
	err = c.call(ctx, network, networkIface, "Configure", options, []any{values}, &applied)
	return applied, err
}

// CreateNetwork makes a virtual network on a host and returns its path. What the
// setup leaves out is chosen; a list that is empty and not nil is for none.
func (c *Client) CreateNetwork(ctx context.Context, host model.Path, setup model.NetworkSetup, options ...Option) (network model.Path, err error) {
	err = c.call(ctx, host, hostIface, "CreateNetwork", options, []any{record(&setup)}, &network)
	return network, err
}

// DeleteNetwork stops and removes a network. It takes Force, for one that VMs
// have interfaces in.
func (c *Client) DeleteNetwork(ctx context.Context, network model.Path, options ...Option) error {
	return c.call(ctx, network, networkIface, "Delete", options, nil)
}

// GetLeases lists the addresses that guests have from a network.
func (c *Client) GetLeases(ctx context.Context, network model.Path, options ...Option) (leases []model.Lease, err error) {
	err = c.call(ctx, network, networkIface, "GetLeases", options, nil, &leases)
	return leases, err
}

// RemoveDHCPHost keeps an address no longer for the guest that has everything
// that is given.
func (c *Client) RemoveDHCPHost(ctx context.Context, network model.Path, host model.DHCPHost, options ...Option) error {
	return c.call(ctx, network, networkIface, "RemoveDHCPHost", options, []any{record(&host)})
}

// SetNetworkAutostart says whether a network starts together with its host.
func (c *Client) SetNetworkAutostart(ctx context.Context, network model.Path, on bool, options ...Option) error {
	return c.call(ctx, network, networkIface, "SetAutostart", options, []any{on})
}

// StartNetwork starts a virtual network.
func (c *Client) StartNetwork(ctx context.Context, network model.Path, options ...Option) error {
	return c.call(ctx, network, networkIface, "Start", options, nil)
}

// StopNetwork stops a network. It takes Force, for one that running VMs have
// interfaces in.
func (c *Client) StopNetwork(ctx context.Context, network model.Path, options ...Option) error {
	return c.call(ctx, network, networkIface, "Stop", options, nil)
}
