package client

import (
	"context"
	"os"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

// Plan is what the service would make of a spec.
type Plan struct {
	Spec model.VMSpec // with everything chosen that was left out
	model.VMPlan
}

// PlanVM tells what CreateVM would do. file is what the VM starts from, or nil;
// it stays the caller's.
func (c *Client) PlanVM(ctx context.Context, host model.Path, spec model.VMSpec, file *os.File, options ...Option) (Plan, error) {
	m, err := c.send(ctx, host, hostIface, "PlanVM", with(file, options), specOf(spec, file))
	if err != nil {
		return Plan{}, err
	}
	defer m.Close()
	var plan Plan
	again := *m.Body // both parts are in one dictionary
	m.Body.Struct(&plan.Spec)
	again.Struct(&plan.VMPlan)
	return plan, unexpected(m.Body.Err())
}

// CreateVM makes a VM and returns the job, whose result has its path. file is
// what the VM starts from, or nil; it stays the caller's, who may close it when
// the method has returned.
func (c *Client) CreateVM(ctx context.Context, host model.Path, spec model.VMSpec, file *os.File, options ...Option) (job model.Path, err error) {
	err = c.call(ctx, host, hostIface, "CreateVM", with(file, options), []any{specOf(spec, file)}, &job)
	return job, err
}

// with hands a file over.
func with(file *os.File, options []Option) []Option {
	if file == nil {
		return options
	}
	return append([]Option{func(r *request) { r.files = []*os.File{file} }}, options...)
}

// specOf is a spec as it travels, with the file in its place.
func specOf(spec model.VMSpec, file *os.File) map[string]dbus.Variant {
	if file != nil {
		spec.Source.FD = new(model.FD)
	}
	return record(&spec)
}
