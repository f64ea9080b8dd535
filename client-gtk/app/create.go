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
		return withFile(file, func(f *os.File) (client.Plan, error) { return c.PlanVM(ctx, host, spec, f, client.Wanted()) })
	}, then)
}

// Create implements ui.Service.
func (a *App) Create(host model.Path, spec model.VMSpec, file string, begun func(error)) {
	a.begin(i18n.F("“%s” Was Not Created", spec.Name), func(ctx context.Context, c *client.Client) (model.Path, error) {
		return withFile(file, func(f *os.File) (model.Path, error) {
			return c.CreateVM(ctx, host, spec, f, client.Interactive())
		})
	}, begun, func(job *model.Job) {
		if vm, ok := job.Result["vm"].(model.Path); ok && a.window != nil {
			a.window.Open(vm)
			a.window.ShowTab("screen")
		}
	})
}
