package app

import (
	"context"
	"os"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// withFile opens a file for as long as do takes. The person's own rights decide
// whether that works: the service gets the open file.
func withFile[T any](path string, do func(*os.File) (T, error)) (T, error) {
	if path == "" {
		return do(nil)
	}
	file, err := os.Open(path)
	if err != nil {
		var none T
		return none, errs.Wrap(errs.PermissionDenied, err, "%s", i18n.T("The file cannot be opened. Choose one that you may read."))
	}
	defer file.Close()
	return do(file)
}

// Plan implements ui.Service.
func (a *App) Plan(host model.Path, spec model.VMSpec, file string, then func(client.Plan, error)) {
	call(a, func(ctx context.Context, c *client.Client) (client.Plan, error) {
		return withFile(file, func(f *os.File) (client.Plan, error) { return c.PlanVM(ctx, host, spec, f) })
	}, then)
}

// Create implements ui.Service.
func (a *App) Create(host model.Path, spec model.VMSpec, file string) {
	call(a, func(ctx context.Context, c *client.Client) (*model.Job, error) {
		job, err := withFile(file, func(f *os.File) (model.Path, error) {
			return c.CreateVM(ctx, host, spec, f, client.Interactive())
		})
		if err != nil {
			return nil, err
		}
		return c.AwaitJob(ctx, job)
	}, func(job *model.Job, err error) {
		switch {
		case errs.Is(err, errs.Cancelled), errs.Is(err, errs.AuthenticationDismissed):
		case err != nil:
			a.fail(i18n.F("“%s” Was Not Created", spec.Name), err)
		case a.window != nil:
			if vm, ok := job.Result["vm"].(model.Path); ok {
				a.window.Open(vm)
			}
		}
	})
}
