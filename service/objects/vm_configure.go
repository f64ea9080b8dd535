package objects

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

func (r *request) rename(ctx context.Context) ([]any, error) {
	name := r.text(0)
	if err := invalid(model.ValidateVMName(name)); err != nil {
		return nil, err
	}
	if other := r.host.FindVM(name); other != nil && other.Name == name && other.UUID != r.vm.UUID {
		return nil, errs.New(errs.AlreadyExists, "There is already a VM called “%s”.", name)
	}
	if err := r.need(!r.vm.State.Active(), "Turn the VM off before you rename it"); err != nil {
		return nil, err
	}
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error { return conn.Rename(ctx, uuid, name) })
}

func (r *request) setAutostart(ctx context.Context) ([]any, error) {
	on := r.Args[0].(bool)
	if on {
		if err := r.refuseTemplate(); err != nil {
			return nil, err
		}
	}
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error { return conn.SetAutostart(ctx, uuid, on) })
}

func (r *request) setDescription(ctx context.Context) ([]any, error) {
	text := r.text(0)
	if err := invalid(model.ValidateDescription(text)); err != nil {
		return nil, err
	}
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error { return conn.SetDescription(ctx, uuid, text) })
}

func (r *request) setMemory(ctx context.Context) ([]any, error) {
	bytes := r.Args[0].(uint64)
	apply, err := r.options.apply()
	if err != nil {
		return nil, err
	}
	var did inventory.Applied
	err = r.change(ctx, func(conn inventory.Conn, uuid string) error {
		did, err = conn.SetMemory(ctx, uuid, bytes, apply)
		return err
	})
	if err != nil {
		return nil, err
	}
	return applied(did), nil
}

func (r *request) setTags(ctx context.Context) ([]any, error) {
	tags := r.Args[0].([]string)
	if err := invalid(model.ValidateTags(tags)); err != nil {
		return nil, err
	}
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error { return conn.SetTags(ctx, uuid, tags) })
}

func (r *request) setTitle(ctx context.Context) ([]any, error) {
	title := r.text(0)
	if err := invalid(model.ValidateTitle(title)); err != nil {
		return nil, err
	}
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error { return conn.SetTitle(ctx, uuid, title) })
}

func (r *request) setVCPUs(ctx context.Context) ([]any, error) {
	n := r.number(0)
	apply, err := r.options.apply()
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errs.New(errs.InvalidArgument, "A VM needs at least one processor.")
	}
	var did inventory.Applied
	err = r.change(ctx, func(conn inventory.Conn, uuid string) error {
		did, err = conn.SetVCPUs(ctx, uuid, n, apply)
		return err
	})
	if err != nil {
		return nil, err
	}
	return applied(did), nil
}

// invalid makes an argument's validation error an error for the caller.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return errs.New(errs.InvalidArgument, "%s", err)
}
