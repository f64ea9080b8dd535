package client

import (
	"context"
	"os"

	"org.kvmmanager/internal/model"
)

// CreateSnapshot keeps what a VM is now. It takes Description, Memory, Kind,
// Quiesce and ExpectedVersion; the job's result has the new snapshot as
// "snapshot".
func (c *Client) CreateSnapshot(ctx context.Context, vm model.Path, name string, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, vm, vmIface, "CreateSnapshot", options, []any{name}, &job)
	return job, err
}

// SnapshotScreenshot is what the guest showed when a snapshot was made, as
// TakeScreenshot gives it. In the API it is Snapshot.GetScreenshot.
func (c *Client) SnapshotScreenshot(ctx context.Context, snapshot model.Path, options ...Option) (image *os.File, mime string, err error) {
	return c.image(ctx, snapshot, snapshotIface, "GetScreenshot", options)
}

// RevertSnapshot makes a VM what it was. It takes StartAfter. In the API it is
// Snapshot.Revert.
func (c *Client) RevertSnapshot(ctx context.Context, snapshot model.Path, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, snapshot, snapshotIface, "Revert", options, nil, &job)
	return job, err
}

// DeleteSnapshot deletes a snapshot. It takes Children. In the API it is
// Snapshot.Delete.
func (c *Client) DeleteSnapshot(ctx context.Context, snapshot model.Path, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, snapshot, snapshotIface, "Delete", options, nil, &job)
	return job, err
}

// DescribeSnapshot sets a snapshot's text for people. In the API it is
// Snapshot.SetDescription.
func (c *Client) DescribeSnapshot(ctx context.Context, snapshot model.Path, description string, options ...Option) error {
	return c.call(ctx, snapshot, snapshotIface, "SetDescription", options, []any{description})
}
