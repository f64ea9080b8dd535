package client

import (
	"context"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// The methods of this file take ExpectedVersion.

// DryRun changes nothing, and only says what would become of a change.
func DryRun() Option { return set("dry-run", true) }

// AddDevice adds a device, by the keys of a device record, and gives its id. It
// takes Apply and DryRun.
func (c *Client) AddDevice(ctx context.Context, vm model.Path, device map[string]any, options ...Option) (id string, applied Applied, err error) {
	err = c.call(ctx, vm, vmIface, "AddDevice", options, []any{variants(device)}, &id, &applied)
	return id, applied, err
}

// Configure changes a VM's machine, by the keys of the API. It takes Apply and
// DryRun.
func (c *Client) Configure(ctx context.Context, vm model.Path, changes map[string]any, options ...Option) (applied Applied, err error) {
	err = c.call(ctx, vm, vmIface, "Configure", options, []any{variants(changes)}, &applied)
	return applied, err
}

// RemoveDevice removes a device. It takes Apply and DryRun.
func (c *Client) RemoveDevice(ctx context.Context, vm model.Path, id string, options ...Option) (applied Applied, err error) {
	err = c.call(ctx, vm, vmIface, "RemoveDevice", options, []any{id}, &applied)
	return applied, err
}

// ResizeDisk makes a disk larger, in bytes, as a job. It takes Wait and
// BindLifetime.
func (c *Client) ResizeDisk(ctx context.Context, vm model.Path, id string, size uint64, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, vm, vmIface, "ResizeDisk", options, []any{id, size}, &job)
	return job, err
}

// SetBootOrder replaces what a VM boots from, by ids of devices.
func (c *Client) SetBootOrder(ctx context.Context, vm model.Path, order []string, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SetBootOrder", options, []any{order})
}

// UpdateDevice changes keys of a device record. It takes Apply and DryRun.
func (c *Client) UpdateDevice(ctx context.Context, vm model.Path, id string, changes map[string]any, options ...Option) (applied Applied, err error) {
	err = c.call(ctx, vm, vmIface, "UpdateDevice", options, []any{id, variants(changes)}, &applied)
	return applied, err
}

func variants(values map[string]any) map[string]dbus.Variant {
	out := make(map[string]dbus.Variant, len(values))
	for key, value := range values {
		if list, records := value.([]model.PortForward); records {
			out[key] = wire.Variant(list)
			continue
		}
		out[key] = dbus.MakeVariant(value)
	}
	return out
}
