package objects

import (
	"context"
	"slices"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

func poolMethods() map[string]*method {
	change := ask("Authentication is required to change a storage pool.")
	return map[string]*method{
		"CreateVolume": {
			action: actionStorage, message: ask("Authentication is required to create a storage volume."),
			options: jobOptions(), forms: newVolumeForms, run: (*request).createVolume,
		},
		"Delete": {
			action: actionStorage, message: ask("Authentication is required to delete a storage pool."),
			options: jobOptions(optDeleteContents, "b"), run: (*request).deletePool,
		},
		"Refresh":      {action: actionStorage, message: change, options: jobOptions(), run: (*request).refreshPool},
		"SetAutostart": {action: actionStorage, message: change, run: (*request).setPoolAutostart},
		"Start": {
			action: actionStorage, message: ask("Authentication is required to start a storage pool."),
			options: jobOptions(), run: (*request).startPool,
		},
		"Stop": {action: actionStorage, message: ask("Authentication is required to stop a storage pool."), run: (*request).stopPool},
	}
}

// usualPoolKind is what a pool is made of unless the caller says.
const usualPoolKind = "dir"

// createPool makes a pool in a job, whose result has its path.
func (r *request) createPool(ctx context.Context) ([]any, error) {
	spec := model.PoolSpec{Kind: usualPoolKind}
	if err := decodeSpec(r.Args[0].(map[string]dbus.Variant), &spec); err != nil {
		return nil, err
	}
	if err := invalid(model.ValidatePoolSpec(&spec)); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	if err := r.checkNewPool(ctx, conn, &spec); err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: "create-pool", Objects: []model.Path{r.host.Info().Path()},
		Run: func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			unlock, err := r.service.locks.lock(ctx, "new-pool:"+spec.Name)
			if err != nil {
				return nil, err
			}
			defer unlock()
			uuid, err := conn.CreatePool(ctx, spec)
			if err != nil {
				return nil, err
			}
			r.announcePool(ctx, uuid)
			result := map[string]any{"pool": model.PoolPath(uuid)}
			// What is not known now, Host.CheckHealth tells.
			if warning, err := conn.PoolWarning(ctx, uuid); err == nil && warning != "" {
				result["warnings"] = []string{warning}
			}
			return result, nil
		},
	})
}

// checkNewPool refuses what is known to fail.
func (r *request) checkNewPool(ctx context.Context, conn inventory.Conn, spec *model.PoolSpec) error {
	for _, p := range r.host.Pools() {
		if p.Name == spec.Name {
			return errs.New(errs.AlreadyExists, "There is already a storage pool called “%s”.", spec.Name)
		}
	}
	caps, err := conn.Capabilities(ctx)
	if err != nil && !errs.Is(err, errs.NotSupported) {
		return err
	}
	if len(caps.PoolKinds) > 0 && !slices.Contains(caps.PoolKinds, spec.Kind) {
		return errs.New(errs.NotSupported, "libvirt on “%s” cannot make storage pools of kind %s. Install its storage driver for them.", r.host.ID(), spec.Kind)
	}
	return nil
}

// createPoolAction asks for the right to use what the host has or can reach: only
// a folder in the usual place is made for the pool. Volume groups and zpools are
// found by a name, links on a server lead to files of the host, and a secret of
// libvirt's opens what others keep on a server.
func createPoolAction(r *request) string {
	spec, _ := r.Args[0].(map[string]dbus.Variant)
	kind, given := spec["kind"]
	_, elsewhere := spec["target"]
	if elsewhere || given && kind.Value() != usualPoolKind {
		return actionHostPath
	}
	return open
}

// announcePool shows what became of a pool and its volumes.
func (r *request) announcePool(ctx context.Context, uuid string) {
	ctx = context.WithoutCancel(ctx)
	// What cannot be read is not known, and the outcome is the call's.
	_ = r.host.RefreshPool(ctx, uuid)
	_ = r.host.RefreshVolumes(ctx, uuid)
}

// startPool is a job: a pool may be on another machine, which takes its time.
func (r *request) startPool(ctx context.Context) ([]any, error) {
	if r.pool.Active {
		return nil, errs.New(errs.InvalidState, "The storage pool “%s” is active already.", r.pool.Name)
	}
	return r.poolJob(ctx, "start-pool", func(ctx context.Context, conn inventory.Conn) (map[string]any, error) {
		return nil, conn.StartPool(ctx, r.pool.UUID)
	})
}

func (r *request) refreshPool(ctx context.Context) ([]any, error) {
	if err := r.needActivePool(); err != nil {
		return nil, err
	}
	return r.poolJob(ctx, "refresh-pool", func(ctx context.Context, conn inventory.Conn) (map[string]any, error) {
		return nil, conn.ScanPool(ctx, r.pool.UUID)
	})
}

func (r *request) needActivePool() error {
	if !r.pool.Active {
		return errs.New(errs.InvalidState, "The storage pool “%s” is not active. Start it first.", r.pool.Name)
	}
	return nil
}

// poolJob does work on a pool as a job that ends when what changed is announced.
func (r *request) poolJob(ctx context.Context, operation string, do func(context.Context, inventory.Conn) (map[string]any, error)) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: operation, Objects: []model.Path{r.pool.Path()},
		Run: func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			unlock, err := r.service.locks.lock(ctx, r.pool.UUID)
			if err != nil {
				return nil, err
			}
			defer unlock()
			result, err := do(ctx, conn)
			r.announcePool(ctx, r.pool.UUID)
			return result, err
		},
	})
}

func (r *request) stopPool(ctx context.Context) ([]any, error) {
	if err := r.needActivePool(); err != nil {
		return nil, err
	}
	if err := r.refuseRunning("stop it"); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	if err := conn.StopPool(ctx, r.pool.UUID); err != nil {
		return nil, err
	}
	_ = r.host.RefreshPool(ctx, r.pool.UUID) // the outcome is the call's
	return nil, nil
}

// refuseRunning names a VM that runs on a volume of the pool.
func (r *request) refuseRunning(what string) error {
	for _, v := range r.host.Volumes(r.pool.UUID) {
		for _, path := range v.UsedBy {
			if _, vm := r.service.inventory.VM(path); vm != nil && vm.State.Active() {
				return errs.New(errs.DeviceInUse, "“%s” is running and uses the volume “%s” of the storage pool “%s”. Turn it off before you %s.",
					vm.Name, model.Printable(v.Name), r.pool.Name, what)
			}
		}
	}
	return nil
}

func (r *request) setPoolAutostart(ctx context.Context) ([]any, error) {
	if !r.pool.Persistent {
		return nil, errs.New(errs.InvalidState, "The storage pool “%s” has no stored configuration, so it cannot start with the host.", r.pool.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	if err := conn.SetPoolAutostart(ctx, r.pool.UUID, r.Args[0].(bool)); err != nil {
		return nil, err
	}
	_ = r.host.RefreshPool(ctx, r.pool.UUID) // the outcome is the call's
	return nil, nil
}
