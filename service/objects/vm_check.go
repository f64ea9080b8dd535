package objects

import (
	"context"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// checkStart says why a VM will not start. What libvirt said the last time is
// left out when something that was found explains it.
func (r *request) checkStart(ctx context.Context) ([]any, error) {
	if r.vm.State.Active() {
		return nil, errs.New(errs.InvalidState, "“%s” is running already.", r.vm.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	host, err := conn.CheckStart(ctx, r.vm.UUID)
	if err != nil {
		return nil, err
	}
	checks := r.host.CheckStart(r.vm)
	if slices.ContainsFunc(checks, func(c model.StartCheck) bool { return c.Status == model.CheckError }) {
		host = slices.DeleteFunc(host, func(c model.StartCheck) bool { return c.ID == "start" })
	}
	return []any{wire.Records(append(checks, host...))}, nil
}
