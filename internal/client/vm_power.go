package client

import (
	"context"

	"org.kvmmanager/internal/model"
)

// The methods of this file return the path of a job at once, or with Wait when
// it has ended. See AwaitJob.

// Clone makes a VM like one that is off. It takes Linked; the job's result has
// the new VM as "vm".
func (c *Client) Clone(ctx context.Context, vm model.Path, name string, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, vm, vmIface, "Clone", options, []any{name}, &job)
	return job, err
}

// DiscardSavedState deletes a VM's saved memory, so that the next start is a
// boot.
func (c *Client) DiscardSavedState(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "DiscardSavedState", options)
}

// Pause stops a guest where it is, and keeps it in memory.
func (c *Client) Pause(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Pause", options)
}

// PowerOff turns a VM off at once, as pulling its plug does.
func (c *Client) PowerOff(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "PowerOff", options)
}

// Reboot asks a guest to reboot.
func (c *Client) Reboot(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Reboot", options)
}

// Reset restarts a VM at once, as its reset button does.
func (c *Client) Reset(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Reset", options)
}

// Resume lets a paused guest go on, and wakes one that is suspended.
func (c *Client) Resume(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Resume", options)
}

// Save saves a guest's memory to disk and turns the VM off.
func (c *Client) Save(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Save", options)
}

// Shutdown asks a guest to shut down and waits until it has, for as long as the
// option Timeout says.
func (c *Client) Shutdown(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Shutdown", options)
}

// Start starts a VM, from its saved memory if there is one.
func (c *Client) Start(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Start", options)
}

// CheckStart says what keeps a VM that is off from starting. There is no job.
func (c *Client) CheckStart(ctx context.Context, vm model.Path, options ...Option) (checks []model.StartCheck, err error) {
	err = c.call(ctx, vm, vmIface, "CheckStart", options, nil, &checks)
	return checks, err
}

// Delete removes a VM with its configuration; its disks stay unless DeleteStorage
// says otherwise. It takes ExpectedVersion.
func (c *Client) Delete(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	return c.job(ctx, vm, "Delete", options)
}
