package client

import (
	"context"

	"org.kvmmanager/internal/model"
)

// The methods of this file need a guest whose agent is connected.

// FreezeFilesystems has a guest hold back everything that writes. It returns the
// path of a job at once, or with Wait when it has ended.
func (c *Client) FreezeFilesystems(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, vm, guestIface, "FreezeFilesystems", options, nil, &job)
	return job, err
}

// GetInfo asks a guest about itself.
func (c *Client) GetInfo(ctx context.Context, vm model.Path, options ...Option) (info model.GuestInfo, err error) {
	err = c.call(ctx, vm, guestIface, "GetInfo", options, nil, &info)
	return info, err
}

// ThawFilesystems lets a guest write again, as a job.
func (c *Client) ThawFilesystems(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, vm, guestIface, "ThawFilesystems", options, nil, &job)
	return job, err
}

// TrimFilesystems has a guest give back the space that it does not use, as a
// job.
func (c *Client) TrimFilesystems(ctx context.Context, vm model.Path, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, vm, guestIface, "TrimFilesystems", options, nil, &job)
	return job, err
}
