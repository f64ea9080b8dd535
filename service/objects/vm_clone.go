package objects

import (
	"context"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

// clone makes a VM like this one. A linked clone shares the disks of this one,
// which nobody may write to from then on: that is what a template is for.
func (r *request) clone(ctx context.Context) ([]any, error) {
	name, linked := r.text(0), r.options.flag("linked")
	if err := invalid(model.ValidateVMName(name)); err != nil {
		return nil, err
	}
	if other := r.host.FindVM(name); other != nil && other.Name == name {
		return nil, errs.New(errs.AlreadyExists, "There is already a VM called “%s”.", name)
	}
	if err := r.need(!r.vm.State.Active(), "Turn the VM off before you clone it"); err != nil {
		return nil, err
	}
	if linked && !r.vm.Template {
		return nil, errs.New(errs.InvalidState, "“%s” is not a template. Linked clones break when their original is started, so make it a template first.", r.vm.Name)
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	if _, err := r.copyRights(ctx, conn, ""); err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: "clone", Objects: []model.Path{r.vm.Path()}, Cancellable: true,
		// What others are made of must neither go nor be written to meanwhile.
		Run: r.alone(func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			now := r.host.VM(r.vm.UUID)
			if r.vm.Template && now != nil && !now.Template {
				return nil, errs.New(errs.InvalidState, "“%s” is not a template any more. Look at it again before you clone it.", r.vm.Name)
			}
			uuid, err := conn.Clone(ctx, r.vm.UUID, inventory.CloneSpec{
				Name: name, Linked: linked, Storage: r.granted[actionStorage], Progress: job.Progress, Finish: job.PointOfNoReturn,
				Unfinished: r.service.unfinished.OnHost(r.host.ID()),
			})
			if err != nil {
				return nil, err
			}
			r.announceVM(context.WithoutCancel(ctx), uuid)
			r.announceDisks(context.WithoutCancel(ctx), uuid)
			return map[string]any{"vm": model.VMPath(uuid)}, nil
		}),
	})
}

// announceDisks shows the volumes that a VM's disks are on.
func (r *request) announceDisks(ctx context.Context, uuid string) {
	vm := r.host.VM(uuid)
	if vm == nil {
		return
	}
	for _, d := range vm.Disks {
		r.announceDisk(ctx, d)
	}
}

func (r *request) announceDisk(ctx context.Context, d *model.Device) {
	if d.Source != "" {
		_ = r.host.RefreshVolumeAt(ctx, d.Source) // the outcome is the job's
	}
	for _, p := range r.host.Pools() {
		if d.Volume != "" && p.Name == d.Pool {
			_ = r.host.RefreshVolume(ctx, p.UUID, d.Volume)
		}
	}
}

// cloneAction is the right to read the disks of a VM, unless somebody with a
// right to it has said that it is there to be cloned.
func cloneAction(r *request) string {
	if r.vm.Template {
		return open
	}
	return actionStorage
}

func (r *request) setTemplate(ctx context.Context) ([]any, error) {
	on := r.Args[0].(bool)
	if err := r.need(!r.vm.State.Active(), "Turn the VM off first"); err != nil {
		return nil, err
	}
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error { return conn.SetTemplate(ctx, uuid, on) })
}

// refuseTemplate keeps what others are made of from being started.
func (r *request) refuseTemplate() error {
	if r.vm.Template {
		return errs.New(errs.InvalidState, "“%s” is a template. Clone it, or stop using it as a template.", r.vm.Name)
	}
	return nil
}
