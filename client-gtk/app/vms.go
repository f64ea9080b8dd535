package app

import (
	"context"
	"strings"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/client-gtk/ui"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Delete implements ui.Service. It says what is kept although it was to be
// deleted.
func (a *App) Delete(deletions []ui.Deletion) {
	text := i18n.F("“%s” will be deleted", store.Title(deletions[0].VM))
	if len(deletions) > 1 {
		text = i18n.Count("%d virtual machine will be deleted", "%d virtual machines will be deleted", len(deletions))
	}
	a.window.Undoable(text, func() {
		failures := &failures{app: a, action: store.Delete, all: len(deletions)}
		for _, d := range deletions {
			a.delete(d, failures)
		}
	})
}

// delete deletes a VM, also while the window closes.
func (a *App) delete(d ui.Deletion, failures *failures) {
	options := []client.Option{client.Interactive()}
	if len(d.Disks) > 0 {
		options = append(options, client.DeleteStorage(d.Disks...))
	}
	steps(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
		return ended(ctx, c, func(ctx context.Context, c *client.Client) (model.Path, error) {
			return c.Delete(ctx, d.VM.Path(), options...)
		})
	}, func(job *model.Job, err error) {
		failures.add(d.VM, err)
		if err != nil || a.window == nil {
			return
		}
		if reasons, _ := job.Result["reasons"].([]string); len(reasons) > 0 {
			a.window.Tell(i18n.F("Some disks of “%s” were kept: %s", store.Title(d.VM), strings.Join(reasons, " ")))
		}
	})
}

// Clone implements ui.Service.
func (a *App) Clone(vm *model.VM, name string, linked bool) {
	options := []client.Option{client.Interactive()}
	if linked {
		options = append(options, client.Linked())
	}
	call(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
		return ended(ctx, c, func(ctx context.Context, c *client.Client) (model.Path, error) {
			return c.Clone(ctx, vm.Path(), name, options...)
		})
	}, func(job *model.Job, err error) {
		failures := &failures{app: a, action: store.Clone, all: 1}
		failures.add(vm, err)
		if err == nil && a.window != nil {
			a.window.Tell(i18n.F("“%s” is a clone of “%s”", name, store.Title(vm)))
		}
	})
}

// SetTemplate implements ui.Service.
func (a *App) SetTemplate(vm *model.VM, on bool) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, c.SetTemplate(ctx, vm.Path(), on, client.Interactive())
	}, func(_ struct{}, err error) { a.fail(i18n.F("“%s” Was Not Changed", store.Title(vm)), err) })
}

// VMs implements ui.Service.
func (a *App) VMs() []*model.VM {
	if a.window == nil {
		return nil
	}
	return a.window.VMs()
}

// GuestInfo implements ui.Service.
func (a *App) GuestInfo(vm model.Path, then func(*model.GuestInfo)) {
	call(a, func(ctx context.Context, c *client.Client) (model.GuestInfo, error) {
		return c.GetInfo(ctx, vm)
	}, func(info model.GuestInfo, err error) {
		if err == nil {
			then(&info)
		}
	})
}

// explain shows that a VM did not start, and what keeps it from starting.
func (a *App) explain(vm *model.VM, failure error) {
	heading := i18n.F(headings[store.Start], store.Title(vm))
	call(a, func(ctx context.Context, c *client.Client) ([]model.StartCheck, error) {
		return c.CheckStart(ctx, vm.Path())
	}, func(checks []model.StartCheck, err error) {
		if err != nil || a.window == nil {
			a.fail(heading, failure)
			return
		}
		a.window.FailStart(heading, failure, checks, func(check model.StartCheck) { a.fix(vm, check) })
	})
}

// fix does what helps a VM to start.
func (a *App) fix(vm *model.VM, check model.StartCheck) {
	call(a, func(ctx context.Context, c *client.Client) (struct{}, error) {
		return struct{}{}, c.Fix(ctx, check, client.Interactive())
	}, func(_ struct{}, err error) {
		if errs.Is(err, errs.Cancelled) {
			return
		}
		a.fail(i18n.F("“%s” Is Still Kept From Starting", store.Title(vm)), err)
		if err == nil && a.window != nil {
			a.window.Fixed(vm, func() { a.Do(store.Start, vm) })
		}
	})
}
