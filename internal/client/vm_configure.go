package client

import (
	"context"

	"org.kvmmanager/internal/model"
)

// The methods of this file that change a VM take ExpectedVersion.

// Applied says what became of a change of hardware.
type Applied struct {
	Now      bool `wire:"now"`       // the running VM has it
	NextBoot bool `wire:"next-boot"` // the stored configuration has it
}

// GetXML returns a VM's libvirt XML, for callers who may neither configure the VM
// nor see its screen without what may hold secrets. It takes Inactive and Secrets.
func (c *Client) GetXML(ctx context.Context, vm model.Path, options ...Option) (xml string, err error) {
	err = c.call(ctx, vm, vmIface, "GetXML", options, nil, &xml)
	return xml, err
}

// Rename gives a VM another name.
func (c *Client) Rename(ctx context.Context, vm model.Path, name string, options ...Option) error {
	return c.call(ctx, vm, vmIface, "Rename", options, []any{name})
}

// SetAutostart says whether a VM starts together with its host.
func (c *Client) SetAutostart(ctx context.Context, vm model.Path, autostart bool, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SetAutostart", options, []any{autostart})
}

// SetDescription sets a VM's text for people.
func (c *Client) SetDescription(ctx context.Context, vm model.Path, description string, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SetDescription", options, []any{description})
}

// SetMemory sets a VM's memory, in bytes. It takes Apply.
func (c *Client) SetMemory(ctx context.Context, vm model.Path, memory uint64, options ...Option) (applied Applied, err error) {
	err = c.call(ctx, vm, vmIface, "SetMemory", options, []any{memory}, &applied)
	return applied, err
}

// SetTags replaces a VM's tags.
func (c *Client) SetTags(ctx context.Context, vm model.Path, tags []string, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SetTags", options, []any{tags})
}

// SetTemplate says whether a VM is there to be cloned, and is not started.
func (c *Client) SetTemplate(ctx context.Context, vm model.Path, template bool, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SetTemplate", options, []any{template})
}

// SetTitle sets a VM's title, one line for people.
func (c *Client) SetTitle(ctx context.Context, vm model.Path, title string, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SetTitle", options, []any{title})
}

// SetVCPUs sets the number of a VM's virtual CPUs. It takes Apply.
func (c *Client) SetVCPUs(ctx context.Context, vm model.Path, vcpus uint32, options ...Option) (applied Applied, err error) {
	err = c.call(ctx, vm, vmIface, "SetVCPUs", options, []any{vcpus}, &applied)
	return applied, err
}

// SetXML replaces a VM's stored configuration.
func (c *Client) SetXML(ctx context.Context, vm model.Path, xml string, options ...Option) error {
	return c.call(ctx, vm, vmIface, "SetXML", options, []any{xml})
}
