package app

import (
	"context"
	"time"

	"org.kvmmanager/internal/client"
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
