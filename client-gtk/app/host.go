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
	store.StartNetwork: i18n.Mark("“%s” Did Not Start"),
}

// DoNetwork implements ui.HostService.
func (a *App) DoNetwork(action store.NetworkAction, n *model.Network) {
	a.change(i18n.F(networkHeadings[action], n.Name), func(ctx context.Context, c *client.Client) error {
		return c.StartNetwork(ctx, n.Path(), client.Interactive())
	})
}

// poolHeadings say what did not work. Each has a place for the name.
var poolHeadings = map[store.PoolAction]string{
	store.StartPool: i18n.Mark("“%s” Did Not Start"),
}

// DoPool implements ui.HostService.
func (a *App) DoPool(action store.PoolAction, p *model.StoragePool) {
	a.work(i18n.F(poolHeadings[action], p.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.StartPool(ctx, p.Path(), client.Interactive())
	})
}

// change makes a call that returns when it is done, and says under a heading
// what went wrong.
func (a *App) change(heading string, do func(context.Context, *client.Client) error) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, do(ctx, c)
	}, func(_ struct{}, err error) { a.fail(heading, err) })
}

// work makes a call that starts a job, and says under a heading what went wrong
// with either.
func (a *App) work(heading string, do func(context.Context, *client.Client) (model.Path, error)) {
	call(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
		job, err := do(ctx, c)
		if err != nil {
			return nil, err
		}
		return c.AwaitJob(ctx, job)
	}, func(_ *model.Job, err error) {
		if !errs.Is(err, errs.Cancelled) {
			a.fail(heading, err)
		}
	})
}
