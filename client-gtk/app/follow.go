package app

import (
	"context"
	"time"

	"github.com/diamondburned/gotk4/pkg/gio/v2"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// sampleEvery is how often the graphs move.
const sampleEvery = time.Second

// follow connects to the service, and hands every batch to the window until ctx
// ends. It waits until the window has taken one in before it gets the next, in
// which everything is that happened meanwhile.
func (a *App) follow(ctx context.Context) {
	c, err := client.Connect(ctx, client.Options{})
	if err != nil {
		a.handOver(ctx, &client.Batch{Status: client.Status{State: client.Failed, Err: err}})
		return
	}
	defer c.Close()
	later(func() { a.client = c })
	defer later(func() {
		if a.client == c {
			a.client = nil
		}
	})
	changes := c.Subscribe()
	defer changes.Close()
	for {
		batch, err := changes.Next(ctx)
		if err != nil || !a.handOver(ctx, batch) {
			return
		}
	}
}

// handOver gives a batch to the window; false when ctx has ended.
func (a *App) handOver(ctx context.Context, batch *client.Batch) bool {
	taken := make(chan struct{})
	later(func() {
		defer close(taken)
		if a.window != nil && ctx.Err() == nil {
			a.window.Take(batch)
			a.notify(batch)
		}
	})
	select {
	case <-taken:
		return true
	case <-ctx.Done():
		return false
	}
}

// notify tells of crashes while nobody looks at the window.
func (a *App) notify(batch *client.Batch) {
	if a.window.IsActive() {
		return
	}
	for _, c := range batch.VMs {
		if c.Old == nil || c.New == nil || c.New.State != model.VMCrashed || c.Old.State == model.VMCrashed {
			continue
		}
		n := gio.NewNotification(i18n.F("“%s” Has Crashed", c.New.Name))
		n.SetBody(i18n.T("It has been turned off. Start it again from its page."))
		n.SetDefaultAction("app.open::" + string(c.New.Path()))
		a.SendNotification("crash-"+c.New.UUID, n)
	}
}

// sampling is a subscription to statistics; it ends with stop.
type sampling struct{ stop context.CancelFunc }

func (a *App) sample(c *client.Client) *sampling {
	ctx, cancel := context.WithCancel(a.ctx)
	go func() {
		s := c.SubscribeStatistics(sampleEvery)
		defer s.Close()
		for {
			samples, err := s.Next(ctx)
			if err != nil {
				return
			}
			later(func() {
				if a.window != nil && ctx.Err() == nil {
					a.window.Sample(samples)
				}
			})
		}
	}()
	return &sampling{stop: cancel}
}
