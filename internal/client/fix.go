package client

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Fix does what a StartCheck says that a program can do, and returns when it is
// done. It takes Interactive only.
func (c *Client) Fix(ctx context.Context, check model.StartCheck, options ...Option) error {
	switch check.Fix {
	case model.FixStartNetwork:
		return c.StartNetwork(ctx, check.Object, options...)
	case model.FixStartPool:
		_, err := c.StartPool(ctx, check.Object, append(options, Wait())...)
		return err
	case model.FixDiscardState:
		_, err := c.DiscardSavedState(ctx, check.Object, append(options, Wait())...)
		return err
	case model.FixMoveDisk: // the original stays: it may be somebody's own
		_, err := c.MoveDisk(ctx, check.Object, check.Device, check.Pool, append(options, Wait())...)
		return err
	default:
		return errs.New(errs.NotSupported, "Nothing can be done about this from here.")
	}
}
