package app

import (
	"context"
	"os"
	"path/filepath"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// poolHeadings say what did not work. Each has a place for the name.
var poolHeadings = map[store.PoolAction]string{
	store.StartPool: i18n.Mark("“%s” Did Not Start"), store.StopPool: i18n.Mark("“%s” Did Not Stop"),
	store.RefreshPool: i18n.Mark("“%s” Was Not Refreshed"), store.DeletePool: i18n.Mark("“%s” Was Not Removed"),
}

// DoPool implements ui.HostService.
func (a *App) DoPool(action store.PoolAction, p *model.StoragePool) {
	heading := i18n.F(poolHeadings[action], p.Name)
	if action == store.StopPool {
		a.change(heading, func(ctx context.Context, c *client.Client) error {
			return c.StopPool(ctx, p.Path(), client.Interactive())
		})
		return
	}
	a.work(heading, func(ctx context.Context, c *client.Client) (model.Path, error) {
		switch action {
		case store.RefreshPool:
			return c.RefreshPool(ctx, p.Path(), client.Interactive())
		case store.DeletePool:
			return c.DeletePool(ctx, p.Path(), client.Interactive())
		default:
			return c.StartPool(ctx, p.Path(), client.Interactive())
		}
	})
}

// SetPoolAutostart implements ui.HostService.
func (a *App) SetPoolAutostart(p *model.StoragePool, on bool, then func(error)) {
	a.answer(func(ctx context.Context, c *client.Client) error {
		return c.SetPoolAutostart(ctx, p.Path(), on, client.Interactive())
	}, then)
}

// CreatePool implements ui.HostService.
func (a *App) CreatePool(host model.Path, spec model.PoolSpec, begun func(error)) {
	a.begin(i18n.F("“%s” Was Not Created", spec.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.CreateStoragePool(ctx, host, spec, client.Interactive())
	}, begun, nil)
}

// CreateVolume implements ui.HostService.
func (a *App) CreateVolume(p *model.StoragePool, spec model.VolumeSpec) {
	a.work(i18n.F("“%s” Was Not Created", spec.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.CreateVolume(ctx, p.Path(), spec, nil, client.Interactive())
	})
}

// Upload implements ui.HostService.
func (a *App) Upload(p *model.StoragePool, name, file string) {
	a.finish(i18n.F("“%s” Was Not Uploaded", name), i18n.F("“%s” was uploaded", name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return withFile(file, func(f *os.File) (model.Path, error) {
			return c.CreateVolume(ctx, p.Path(), model.VolumeSpec{Name: name}, f, client.Interactive())
		})
	})
}

// Replace implements ui.HostService.
func (a *App) Replace(v *model.StorageVolume, file string) {
	a.finish(i18n.F("“%s” Was Not Uploaded", v.Name), i18n.F("“%s” was uploaded", v.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return withFile(file, func(f *os.File) (model.Path, error) {
			return c.UploadVolume(ctx, v.Path(), f, client.Interactive())
		})
	})
}

// Download implements ui.HostService.
func (a *App) Download(v *model.StorageVolume, file string) {
	steps(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, download(ctx, c, v.Path(), file)
	}, func(_ struct{}, err error) {
		a.finished(i18n.F("“%s” Was Not Downloaded", v.Name), i18n.F("“%s” was downloaded", v.Name), err)
	})
}

// download writes a volume into a file beside the one that it becomes in the
// end, so that this is whole or as it was.
func download(ctx context.Context, c *client.Client, volume model.Path, file string) error {
	unwritten := func(err error) error {
		return errs.Wrap(errs.PermissionDenied, err, "%s", i18n.T("The file cannot be written. Choose another place."))
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".kvm-manager-*.part")
	if err != nil {
		return unwritten(err)
	}
	part := f.Name()
	job, err := c.DownloadVolume(ctx, volume, f, client.Interactive())
	if err == nil {
		_, err = c.AwaitJob(ctx, job)
	}
	if closing := f.Close(); err == nil && closing != nil {
		err = unwritten(closing)
	}
	if err == nil {
		if err = os.Rename(part, file); err == nil {
			return nil
		}
		err = unwritten(err)
	}
	_ = os.Remove(part)
	return err
}

// ResizeVolume implements ui.HostService.
func (a *App) ResizeVolume(v *model.StorageVolume, bytes uint64, shrink bool) {
	options := []client.Option{client.Interactive()}
	if shrink {
		options = append(options, client.Shrink())
	}
	a.work(i18n.F("“%s” Was Not Resized", v.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.ResizeVolume(ctx, v.Path(), bytes, options...)
	})
}

// CloneVolume implements ui.HostService.
func (a *App) CloneVolume(v *model.StorageVolume, name string) {
	a.work(i18n.F("“%s” Was Not Cloned", v.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.CloneVolume(ctx, v.Path(), name, client.Interactive())
	})
}

// WipeVolume implements ui.HostService.
func (a *App) WipeVolume(v *model.StorageVolume) {
	a.work(i18n.F("“%s” Was Not Wiped", v.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.WipeVolume(ctx, v.Path(), client.Interactive())
	})
}

// DeleteVolume implements ui.HostService.
func (a *App) DeleteVolume(v *model.StorageVolume) {
	a.work(i18n.F("“%s” Was Not Deleted", v.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return c.DeleteVolume(ctx, v.Path(), client.Interactive())
	})
}

// Tell implements ui.HostService.
func (a *App) Tell(text string) {
	if a.window != nil {
		a.window.Tell(text)
	}
}
