package client

import (
	"context"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

const networkIface = api.NetworkInterface

// CreateNetwork makes a virtual network on a host and returns its path. What the
// setup leaves out is chosen; a list that is empty and not nil is for none.
func (c *Client) CreateNetwork(ctx context.Context, host model.Path, setup model.NetworkSetup, options ...Option) (network model.Path, err error) {
	values := map[string]dbus.Variant{}
	for _, entry := range wire.Record(&setup) {
		values[entry.Key] = entry.Value
	}
	err = c.call(ctx, host, hostIface, "CreateNetwork", options, []any{values}, &network)
	return network, err
}

// DeleteNetwork stops and removes a network. It takes Force, for one that VMs
// have interfaces in.
func (c *Client) DeleteNetwork(ctx context.Context, network model.Path, options ...Option) error {
	return c.call(ctx, network, networkIface, "Delete", options, nil)
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
