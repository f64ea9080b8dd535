package app

import (
	"context"
	"maps"
	"os"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// ChangeHardware implements ui.HardwareService.
func (a *App) ChangeHardware(vm model.Path, h store.HardwareChange, dryRun bool, then func(store.Outcome, error)) {
	change := func(ctx context.Context, c *client.Client) (store.Outcome, error) {
		return changeHardware(ctx, c, vm, h, dryRun)
	}
	if h.New != nil && !dryRun { // a volume, and then the device that it is for
		steps(a, change, then)
		return
	}
	call(a, change, then)
}

func changeHardware(ctx context.Context, c *client.Client, vm model.Path, h store.HardwareChange, dryRun bool) (store.Outcome, error) {
	options := []client.Option{client.ExpectedVersion(h.Version)}
	if dryRun {
		options = append(options, client.DryRun(), client.Wanted())
	} else {
		options = append(options, client.Interactive())
	}
	if h.New != nil {
		return withVolume(ctx, c, vm, h, dryRun)
	}
	var applied client.Applied
	var err error
	switch h.Op {
	case store.AddDevice:
		_, applied, err = c.AddDevice(ctx, vm, h.Values, options...)
	case store.UpdateDevice:
		applied, err = c.UpdateDevice(ctx, vm, h.ID, h.Values, options...)
	case store.RemoveDevice:
		applied, err = c.RemoveDevice(ctx, vm, h.ID, options...)
	case store.ConfigureMachine:
		applied, err = c.Configure(ctx, vm, h.Values, options...)
	case store.ResizeDisk:
		if dryRun { // a disk has one size, now and at the next boot
			return store.Outcome{Now: true, NextBoot: true}, nil
		}
		_, err = ended(ctx, c, func(ctx context.Context, c *client.Client) (model.Path, error) {
			return c.ResizeDisk(ctx, vm, h.ID, h.Size, options...)
		})
	case store.SetBootOrder:
		if dryRun {
			return store.Outcome{NextBoot: true}, nil
		}
		err = c.SetBootOrder(ctx, vm, h.Order, options...)
	}
	return store.Outcome{Now: applied.Now, NextBoot: applied.NextBoot}, err
}

// withVolume makes the volume that a device gets, and then the change. If that
// fails there is no volume either. What would become of it is that of any volume.
func withVolume(ctx context.Context, c *client.Client, vm model.Path, h store.HardwareChange, dryRun bool) (store.Outcome, error) {
	n := h.New
	h.New, h.Values = nil, maps.Clone(h.Values)
	if dryRun {
		if n.Like == "" {
			return store.Outcome{}, store.ErrUnknown
		}
		h.Values["pool"], h.Values["volume"] = n.LikePool, n.Like
		return changeHardware(ctx, c, vm, h, true)
	}
	job, err := ended(ctx, c, func(ctx context.Context, c *client.Client) (model.Path, error) {
		return withFile(n.File, func(f *os.File) (model.Path, error) {
			return c.CreateVolume(ctx, n.Pool, n.Spec, f, client.Interactive())
		})
	})
	if err != nil {
		return store.Outcome{}, err
	}
	h.Values["pool"], h.Values["volume"] = n.PoolName, n.Spec.Name
	outcome, err := changeHardware(ctx, c, vm, h, false)
	if volume, ok := job.Result["volume"].(model.Path); err != nil && ok {
		_, _ = c.DeleteVolume(ctx, volume, client.Wait()) // the first error is the one that counts
	}
	return outcome, err
}

// Surroundings implements ui.HardwareService.
func (a *App) Surroundings(host model.Path) store.Surroundings {
	var s store.Surroundings
	c := a.client
	if c == nil {
		return s
	}
	for _, n := range c.Networks() {
		if n.Host == host {
			s.Networks = append(s.Networks, n)
		}
	}
	for _, p := range c.Pools() {
		if p.Host == host {
			s.Pools = append(s.Pools, p)
			s.Volumes = append(s.Volumes, c.Volumes(p.Path())...)
		}
	}
	return s
}

// VM implements ui.HardwareService.
func (a *App) VM(path model.Path) *model.VM {
	if a.client == nil {
		return nil
	}
	return a.client.VM(path)
}

// XML implements ui.HardwareService.
func (a *App) XML(vm model.Path, inactive, edit bool, then func(string, error)) {
	options := []client.Option{client.Interactive()}
	if inactive {
		options = append(options, client.Inactive())
	}
	if edit {
		options = append(options, client.Secrets())
	}
	call(a, func(ctx context.Context, c *client.Client) (string, error) { return c.GetXML(ctx, vm, options...) }, then)
}

// SetXML implements ui.HardwareService.
func (a *App) SetXML(vm model.Path, xml string, version uint64, then func(error)) {
	a.answer(func(ctx context.Context, c *client.Client) error {
		return c.SetXML(ctx, vm, xml, client.ExpectedVersion(version), client.Interactive())
	}, then)
}

// Fail implements ui.HardwareService.
func (a *App) Fail(heading string, err error) { a.fail(heading, err) }
