package client

import (
	"context"

	"org.kvmmanager/internal/model"
)

// CheckHealth looks for what keeps VMs from working well on a host.
func (c *Client) CheckHealth(ctx context.Context, host model.Path, options ...Option) (checks []model.Check, err error) {
	err = c.call(ctx, host, hostIface, "CheckHealth", options, nil, &checks)
	return checks, err
}

// DefineXML makes a new VM from libvirt XML and returns its path.
func (c *Client) DefineXML(ctx context.Context, host model.Path, xml string, options ...Option) (vm model.Path, err error) {
	err = c.call(ctx, host, hostIface, "DefineXML", options, []any{xml}, &vm)
	return vm, err
}

// FindVM finds a VM of a host by its name or UUID.
func (c *Client) FindVM(ctx context.Context, host model.Path, nameOrUUID string, options ...Option) (vm model.Path, err error) {
	err = c.call(ctx, host, hostIface, "FindVM", options, []any{nameOrUUID}, &vm)
	return vm, err
}

// GetCapabilities tells what a host's hypervisor offers to new VMs.
func (c *Client) GetCapabilities(ctx context.Context, host model.Path, options ...Option) (model.Capabilities, error) {
	var capabilities model.Capabilities
	err := c.call(ctx, host, hostIface, "GetCapabilities", options, nil, &capabilities)
	return capabilities, err
}

// ListNetworks lists a host's networks by name.
func (c *Client) ListNetworks(ctx context.Context, host model.Path, options ...Option) ([]model.Path, error) {
	return c.paths(ctx, host, "ListNetworks", options)
}

// ListStoragePools lists a host's storage pools by name.
func (c *Client) ListStoragePools(ctx context.Context, host model.Path, options ...Option) ([]model.Path, error) {
	return c.paths(ctx, host, "ListStoragePools", options)
}

// ListVMs lists a host's VMs by name.
func (c *Client) ListVMs(ctx context.Context, host model.Path, options ...Option) ([]model.Path, error) {
	return c.paths(ctx, host, "ListVMs", options)
}

// Reconnect tries now to reach a host that is not connected.
func (c *Client) Reconnect(ctx context.Context, host model.Path, options ...Option) error {
	return c.call(ctx, host, hostIface, "Reconnect", options, nil)
}
