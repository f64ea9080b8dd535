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

const optDeleteOriginal = "delete-original"

// moveDisk copies the image of a disk into a pool, and has the VM use it there:
// what helps when the hypervisor may not read it where it is.
func (r *request) moveDisk(ctx context.Context) ([]any, error) {
	id := r.text(0)
	i := slices.IndexFunc(r.vm.Disks, func(d *model.Device) bool { return d.ID == id })
	if i < 0 {
		return nil, errs.New(errs.NotFound, "“%s” has no disk “%s”.", r.vm.Name, model.Printable(id))
	}
	disk := r.vm.Disks[i]
	if err := r.need(!r.vm.State.Active(), "Turn the VM off before you move its disks"); err != nil {
		return nil, err
	}
	switch {
	case r.vm.HasSavedState:
		return nil, errs.New(errs.InvalidState, "“%s” has a saved state, which needs its disks where they are. Discard it, or start the VM and turn it off.", r.vm.Name)
	case len(r.vm.Snapshots) > 0:
		return nil, errs.New(errs.InvalidState, "“%s” has snapshots, which need its disks where they are. Delete the snapshots first.", r.vm.Name)
	}
	if err := r.refuseTemplate(); err != nil {
		return nil, err
	}
	pool, err := r.poolOfHost(model.Path(r.Args[1].(dbus.ObjectPath)))
	if err != nil {
		return nil, err
	}
	if r.host.IsIn(disk, pool) {
		return nil, errs.New(errs.InvalidState, "The disk is in the storage pool “%s” already.", pool.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	rights, err := r.copyRights(ctx, conn, disk.ID)
	if err == nil {
		err = r.withStorage(ctx, func(storage bool) error {
			rights.Storage = storage
			return conn.MayFill(ctx, pool.UUID, rights)
		})
	}
	if err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: "move-disk", Objects: []model.Path{r.vm.Path(), pool.Path()}, Cancellable: true,
		Run: r.alone(func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			unlock, err := r.service.locks.lock(ctx, "move-disk:"+r.host.ID()) // libvirt looks into a folder for one at a time
			if err != nil {
				return nil, err
			}
			defer unlock()
			moved, err := conn.MoveDisk(ctx, r.vm.UUID, disk.ID, inventory.DiskMove{
				Pool: pool.UUID, Files: model.PoolOfFiles(pool.Kind), DeleteOriginal: r.options.flag(optDeleteOriginal),
				Progress: job.Progress, Finish: job.PointOfNoReturn, Unfinished: r.service.unfinished.OnHost(r.host.ID()),
				Rights: rights,
			})
			return r.carried(context.WithoutCancel(ctx), disk, pool, moved, err)
		}),
	})
}

// carried announces what became of a disk and of its image, here and there.
func (r *request) carried(ctx context.Context, disk *model.Device, pool *model.StoragePool, moved inventory.MovedDisk, err error) (map[string]any, error) {
	r.refresh(ctx)
	if moved.Volume != "" {
		r.announceVolume(ctx, pool, moved.Volume)
	}
	if err != nil {
		return nil, err
	}
	r.announceDisk(ctx, disk)
	result := map[string]any{"volume": model.VolumePath(pool.UUID, moved.Volume)}
	if moved.Kept != nil {
		_, result["kept"] = errs.Of(moved.Kept)
	}
	return result, nil
}

// deleteOriginalAction asks for the right to delete what may be anybody's file.
func deleteOriginalAction(r *request) string {
	if r.options.flag(optDeleteOriginal) {
		return actionStorage
	}
	return open
}
