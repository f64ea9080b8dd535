package app

import (
	"context"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// networkHeadings say what did not work. Each has a place for the name.
var networkHeadings = map[store.NetworkAction]string{
	store.StartNetwork: i18n.Mark("“%s” Did Not Start"), store.StopNetwork: i18n.Mark("“%s” Did Not Stop"),
	store.DeleteNetwork: i18n.Mark("“%s” Was Not Deleted"),
}

// DoNetwork implements ui.HostService.
func (a *App) DoNetwork(action store.NetworkAction, n *model.Network, force bool) {
	options := []client.Option{client.Interactive()}
	if force {
		options = append(options, client.Force())
	}
	a.change(i18n.F(networkHeadings[action], n.Name), func(ctx context.Context, c *client.Client) error {
		switch action {
		case store.StopNetwork:
			return c.StopNetwork(ctx, n.Path(), options...)
		case store.DeleteNetwork:
			return c.DeleteNetwork(ctx, n.Path(), options...)
		default:
			return c.StartNetwork(ctx, n.Path(), options...)
		}
	})
}

// SetNetworkAutostart implements ui.HostService.
func (a *App) SetNetworkAutostart(n *model.Network, on bool, then func(error)) {
	a.answer(func(ctx context.Context, c *client.Client) error {
		return c.SetNetworkAutostart(ctx, n.Path(), on, client.Interactive())
	}, then)
}

// CreateNetwork implements ui.HostService.
func (a *App) CreateNetwork(host model.Path, setup model.NetworkSetup, done func(error)) {
	a.answer(func(ctx context.Context, c *client.Client) error {
		_, err := c.CreateNetwork(ctx, host, setup, client.Interactive())
		return err
	}, done)
}

// change makes a call that returns when it is done, and says under a heading
// what went wrong.
func (a *App) change(heading string, do func(context.Context, *client.Client) error) {
	a.answer(do, func(err error) { a.fail(heading, err) })
}

// answer makes a call that returns when it is done, and hands over what went
// wrong.
func (a *App) answer(do func(context.Context, *client.Client) error, then func(error)) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, do(ctx, c)
	}, func(_ struct{}, err error) { then(err) })
}

// begin makes a call that starts a job, and lets begun know whether it did. What
// goes wrong after that is said under a heading; then gets a job that is done.
func (a *App) begin(heading string, do func(context.Context, *client.Client) (model.Path, error), begun func(error), then func(*model.Job)) {
	call(a, do, func(job model.Path, err error) {
		begun(err)
		if err != nil {
			return
		}
		call(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
			return c.AwaitJob(ctx, job)
		}, func(job *model.Job, err error) {
			a.finished(heading, "", err)
			if err == nil && then != nil {
				then(job)
			}
		})
	})
}

// work makes a call that starts a job, and says under a heading what went wrong
// with either.
func (a *App) work(heading string, do func(context.Context, *client.Client) (model.Path, error)) {
	a.finish(heading, "", do)
}

// finish is work whose end is worth a message.
func (a *App) finish(heading, done string, do func(context.Context, *client.Client) (model.Path, error)) {
	call(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
		return ended(ctx, c, do)
	}, func(_ *model.Job, err error) { a.finished(heading, done, err) })
}

// finished says how work has ended. Who cancelled it knows.
func (a *App) finished(heading, done string, err error) {
	switch {
	case errs.Is(err, errs.Cancelled):
	case err != nil:
		a.fail(heading, err)
	case done != "":
		a.Tell(done)
	}
}

// Hosts implements ui.HostService.
func (a *App) Hosts() []*model.Host {
	if a.window == nil {
		return nil
	}
	return a.window.Hosts()
}

// Networks implements ui.HostService.
func (a *App) Networks(host model.Path) []*model.Network {
	if a.window == nil {
		return nil
	}
	return a.window.Networks(host)
}

// Pools implements ui.HostService.
func (a *App) Pools(host model.Path) []*model.StoragePool {
	if a.window == nil {
		return nil
	}
	return a.window.Pools(host)
}

// Capabilities implements ui.HostService.
func (a *App) Capabilities(host model.Path, then func(model.Capabilities, error)) {
	call(a, func(ctx context.Context, c *client.Client) (model.Capabilities, error) {
		return c.GetCapabilities(ctx, host, client.Wanted())
	}, then)
}
