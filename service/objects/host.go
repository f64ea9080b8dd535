package objects

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

func hostMethods() map[string]*method {
	return map[string]*method{
		"CheckHealth": reads((*request).checkHealth),
		"CreateNetwork": {
			action: actionNetwork, also: networkAction, message: ask("Authentication is required to create a virtual network."),
			options: declare(optForce, "b"), run: (*request).createNetwork,
		},
		"CreateStoragePool": {
			action: actionStorage, also: createPoolAction, message: ask("Authentication is required to create a storage pool."),
			options: jobOptions(), run: (*request).createPool,
		},
		"CreateVM": {
			action: actionCreate, also: createAction, message: ask("Authentication is required to create a virtual machine."),
			options: jobOptions(), forms: newVMForms, run: (*request).createVM,
		},
		"DefineXML": {
			action: actionEditXML, message: ask("Authentication is required to define a virtual machine."),
			run: (*request).defineXML,
		},
		"FindVM":           reads((*request).findVM),
		"GetCapabilities":  reads((*request).getCapabilities),
		"GetStatistics":    reads((*request).getStatistics),
		"ListNetworks":     reads((*request).listNetworks),
		"ListStoragePools": reads((*request).listStoragePools),
		"ListVMs":          reads((*request).listVMs),
		"PlanVM": {
			action: actionRead, message: readMessage, options: declare(), forms: newVMForms, run: (*request).planVM,
		},
		// It only brings forward what happens anyway, at most twice a second.
		"Reconnect": reads((*request).reconnect),
	}
}

// checkHealth answers also while the host is disconnected: that is what there
// is to say then.
func (r *request) checkHealth(ctx context.Context) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		_, message := errs.Of(err)
		return []any{wire.Records([]model.Check{{
			ID: "libvirt", Status: model.CheckError, Message: message,
			Hint: "Check that libvirt is installed and running on this host: systemctl status libvirtd.",
		}})}, nil
	}
	checks, err := conn.CheckHealth(ctx)
	if err != nil {
		return nil, err
	}
	return []any{wire.Records(checks)}, nil
}

func (r *request) defineXML(ctx context.Context) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	uuid, err := conn.DefineXML(ctx, r.text(0), "")
	if err != nil {
		return nil, err
	}
	r.announceVM(ctx, uuid)
	return []any{wire.ObjectPath(model.VMPath(uuid))}, nil
}

func (r *request) findVM(context.Context) ([]any, error) {
	vm := r.host.FindVM(r.text(0))
	if vm == nil {
		if _, err := r.conn(); err != nil {
			return nil, err // nobody knows what is there
		}
		return nil, errs.New(errs.NotFound, "There is no VM with the name or UUID “%s” on “%s”.", model.Printable(r.text(0)), r.host.ID())
	}
	return []any{wire.ObjectPath(vm.Path())}, nil
}

func (r *request) getCapabilities(ctx context.Context) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	capabilities, err := conn.Capabilities(ctx)
	if err != nil {
		return nil, err
	}
	return []any{wire.Record(&capabilities)}, nil
}

func (r *request) listNetworks(context.Context) ([]any, error) {
	return []any{pathsOf(r.host.Networks())}, nil
}

func (r *request) listStoragePools(context.Context) ([]any, error) {
	return []any{pathsOf(r.host.Pools())}, nil
}

func (r *request) listVMs(context.Context) ([]any, error) { return []any{pathsOf(r.host.VMs())}, nil }

func (r *request) reconnect(context.Context) ([]any, error) {
	r.host.Reconnect()
	return nil, nil
}

func pathsOf[T interface{ Path() model.Path }](list []T) any {
	paths := make([]model.Path, len(list))
	for i, v := range list {
		paths[i] = v.Path()
	}
	return wire.ObjectPaths(paths)
}
