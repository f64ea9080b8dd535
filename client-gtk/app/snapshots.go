package app

import (
	"context"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// ended is a job that has been started and waited for.
func ended(ctx context.Context, c *client.Client, start func(context.Context, *client.Client) (model.Path, error)) (*model.Job, error) {
	job, err := start(ctx, c)
	if err != nil {
		return nil, err
	}
	return c.AwaitJob(ctx, job)
}

// TakeSnapshot implements ui.Service.
func (a *App) TakeSnapshot(vm *model.VM, r store.SnapshotRequest, begun func(error)) {
	options := []client.Option{client.Interactive(), client.Description(r.Description)}
	if vm.State.Active() {
		options = append(options, client.Memory(r.Memory))
	}
	if r.Quiesce {
		options = append(options, client.Quiesce())
	}
	if r.Kind != "" {
		options = append(options, client.Kind(r.Kind))
	}
	a.begin(i18n.F("No Snapshot of “%s” Was Taken", store.Title(vm)), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.CreateSnapshot(ctx, vm.Path(), r.Name, options...)
	}, begun, nil)
}

// RevertSnapshot implements ui.Service. Without the snapshot that was to be
// taken before, the VM stays as it is.
func (a *App) RevertSnapshot(vm *model.VM, s *model.Snapshot, before string, start bool) {
	steps(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
		return revert(ctx, c, vm.Path(), s.Path(), before, start)
	}, func(_ *model.Job, err error) {
		a.finished(i18n.F("“%s” Did Not Go Back", store.Title(vm)), "", err)
	})
}

func revert(ctx context.Context, c *client.Client, vm, snapshot model.Path, before string, start bool) (*model.Job, error) {
	options := []client.Option{client.Interactive()}
	if start {
		options = append(options, client.StartAfter())
	}
	if before != "" {
		if _, err := ended(ctx, c, func(ctx context.Context, c *client.Client) (model.Path, error) {
			return c.CreateSnapshot(ctx, vm, before, client.Interactive())
		}); err != nil {
			return nil, err
		}
	}
	return ended(ctx, c, func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.RevertSnapshot(ctx, snapshot, options...)
	})
}

// DeleteSnapshot implements ui.Service.
func (a *App) DeleteSnapshot(s *model.Snapshot, children bool) {
	options := []client.Option{client.Interactive()}
	if children {
		options = append(options, client.Children())
	}
	a.work(i18n.F("The Snapshot “%s” Was Not Deleted", s.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.DeleteSnapshot(ctx, s.Path(), options...)
	})
}

// DescribeSnapshot implements ui.Service.
func (a *App) DescribeSnapshot(s *model.Snapshot, description string, then func(error)) {
	a.answer(func(ctx context.Context, c *client.Client) error {
		return c.DescribeSnapshot(ctx, s.Path(), description, client.Interactive())
	}, then)
}
