package objects

import (
	"context"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

const (
	optMemory  = "memory"
	optKind    = "kind"
	optQuiesce = "quiesce"
)

func snapshotMethods() map[string]*method {
	return map[string]*method{
		"Delete": {
			action: actionSnapshot, message: ask("Authentication is required to delete a snapshot of “$(vm.name)”."),
			options: jobOptions("children", "b"), run: (*request).deleteSnapshot,
		},
		"GetScreenshot": repeatedly(&method{
			action: actionConsole, message: ask("Authentication is required to see what “$(vm.name)” showed."),
			run: (*request).getSnapshotScreenshot,
		}),
		"Revert": {
			action: actionSnapshot, message: ask("Authentication is required to take “$(vm.name)” back to a snapshot."),
			options: jobOptions("start", "b"), run: (*request).revertSnapshot,
		},
		"SetDescription": {
			action: actionSnapshot, message: ask("Authentication is required to describe a snapshot of “$(vm.name)”."),
			run: (*request).describeSnapshot,
		},
	}
}

// createSnapshotMethod is the method of a VM that makes one.
func createSnapshotMethod() *method {
	return &method{
		action: actionSnapshot, message: ask("Authentication is required to take a snapshot of “$(vm.name)”."),
		options: jobOptions("description", "s", optMemory, "b", optKind, "s", optQuiesce, "b", optExpectedVersion, "t"),
		run:     (*request).createSnapshot,
	}
}

func (r *request) createSnapshot(ctx context.Context) ([]any, error) {
	spec, err := r.snapshotSpec()
	if err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	if spec, err = conn.PlanSnapshot(ctx, r.vm.UUID, spec); err != nil {
		return nil, err
	}
	// libvirt writes the memory into a file as it does for Save, and can stop.
	abortable := spec.Memory && spec.Kind == model.SnapshotExternal
	create := func(ctx context.Context, uuid string) error { return conn.CreateSnapshot(ctx, uuid, spec) }
	made := model.SnapshotPath(r.vm.UUID, spec.Name)
	var screen []byte
	return r.snapshotJob(ctx, conn, "create-snapshot", abortable, func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
		do := create
		if abortable {
			do = func(ctx context.Context, uuid string) error {
				return cancellable(ctx, job, conn, uuid, create, conn.AbortSnapshot)
			}
		}
		if spec.Memory {
			screen = r.screen(ctx, conn)
		}
		if err := do(ctx, r.vm.UUID); err != nil {
			return nil, err
		}
		return map[string]any{"snapshot": made}, nil
	}, func() { r.keepPicture(screen, made) })
}

// snapshotSpec is what a call asks for, as far as the inventory can tell that
// it is possible.
func (r *request) snapshotSpec() (inventory.SnapshotSpec, error) {
	active := r.vm.State.Active()
	quiesce := r.options.flag(optQuiesce)
	spec := inventory.SnapshotSpec{Name: r.text(0), Memory: active && !quiesce, Quiesce: quiesce}
	spec.Description, _ = r.options["description"].(string)
	if memory, given := r.options[optMemory].(bool); given {
		spec.Memory = memory
	}
	kind, given := r.options[optKind].(string)
	switch spec.Kind = model.SnapshotKind(kind); {
	case !given, kind == "auto":
		spec.Kind = ""
		if spec.Quiesce {
			spec.Kind = model.SnapshotExternal
		}
	case spec.Kind != model.SnapshotInternal && spec.Kind != model.SnapshotExternal:
		return spec, errs.New(errs.InvalidArgument, "The option “kind” must be internal, external or auto, not “%s”.", model.Printable(kind))
	}
	if err := invalid(model.ValidateSnapshotName(spec.Name)); err != nil {
		return spec, err
	}
	if err := invalid(model.ValidateDescription(spec.Description)); err != nil {
		return spec, err
	}
	switch {
	case spec.Memory && !active:
		return spec, errs.New(errs.InvalidState, "“%s” is off, so it has no memory that could be saved. Leave the option “memory” out.", r.vm.Name)
	case r.vm.Snapshot(model.SnapshotPath(r.vm.UUID, spec.Name)) != nil:
		return spec, errs.New(errs.AlreadyExists, "“%s” has a snapshot called “%s” already. Choose another name.", r.vm.Name, spec.Name)
	}
	return spec, r.checkQuiesce(spec)
}

// checkQuiesce says why the guest's file systems cannot be frozen meanwhile.
func (r *request) checkQuiesce(spec inventory.SnapshotSpec) error {
	switch {
	case !spec.Quiesce:
		return nil
	case spec.Memory:
		return errs.New(errs.InvalidArgument, "A snapshot with memory needs no frozen file systems. Set the option “memory” to false, or leave “quiesce” out.")
	case spec.Kind == model.SnapshotInternal:
		return errs.New(errs.InvalidArgument, "Only an external snapshot can be made while the guest's file systems are frozen.")
	case r.vm.State != model.VMRunning:
		return errs.New(errs.InvalidState, "Only a guest that runs can freeze its file systems: “%s” is %s.", r.vm.Name, r.vm.State)
	case r.vm.GuestAgent != model.AgentConnected:
		return errs.New(errs.GuestAgentUnavailable, "The guest agent of “%s” is not connected, so its file systems cannot be frozen. Install and start qemu-guest-agent in the guest.", r.vm.Name)
	}
	return nil
}

func (r *request) revertSnapshot(ctx context.Context) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	err = r.withStorage(ctx, func(storage bool) error { return conn.CheckRevert(ctx, r.vm.UUID, r.snapshot.Name, storage) })
	if err != nil {
		return nil, err
	}
	start, storage := r.options.flag("start"), r.granted[actionStorage]
	return r.snapshotJob(ctx, conn, "revert-snapshot", false, func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
		defer settle(r.host.SetTransition(r.vm.UUID, model.VMRestoring))
		if err := r.refuseBusyImages(r.vm.UUID); err != nil {
			return nil, err
		}
		return nil, conn.RevertSnapshot(ctx, r.vm.UUID, r.snapshot.Name, start, storage)
	}, nil)
}

func (r *request) deleteSnapshot(ctx context.Context) ([]any, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	children := r.options.flag("children")
	return r.snapshotJob(ctx, conn, "delete-snapshot", false, func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
		return nil, conn.DeleteSnapshot(ctx, r.vm.UUID, r.snapshot.Name, children)
	}, nil)
}

func (r *request) describeSnapshot(ctx context.Context) ([]any, error) {
	text := r.text(0)
	if err := invalid(model.ValidateDescription(text)); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	// What holds the lock may be a job that takes minutes, and a snapshot that
	// it deletes must not be defined anew.
	unlock, ok := r.service.locks.lockNow(r.vm.UUID)
	if !ok {
		return nil, errs.New(errs.Busy, "“%s” is being changed. Try again when that has ended.", r.vm.Name)
	}
	defer unlock()
	if err := conn.SetSnapshotDescription(ctx, r.vm.UUID, r.snapshot.Name, text); err != nil {
		return nil, err
	}
	r.refresh(ctx)
	return nil, nil
}

// snapshotJob does work on a VM's snapshots, one at a time per VM, and announces
// what changed before the job ends. After a success, settled is called, if there
// is one, once the inventory knows.
func (r *request) snapshotJob(ctx context.Context, conn inventory.Conn, operation string, abortable bool, do jobWork, settled func()) ([]any, error) {
	// Linked clones are made of a template's disks, so these stay as they are.
	if err := r.refuseTemplate(); err != nil {
		return nil, err
	}
	objects := []model.Path{r.vm.Path()}
	if r.snapshot != nil {
		objects = append(objects, r.snapshot.Path())
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: operation, Objects: objects, Cancellable: abortable,
		Run: r.alone(func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			before := r.host.VM(r.vm.UUID)
			result, err := do(ctx, job)
			r.refresh(context.WithoutCancel(ctx))
			r.announceImages(context.WithoutCancel(ctx), conn, before)
			if err == nil && settled != nil {
				settled()
			}
			r.sweepPictures()
			return result, err
		}),
	})
}

// announceImages shows which images external snapshots have added and removed
// beside those of a VM. libvirt tells its own pools of none of that.
func (r *request) announceImages(ctx context.Context, conn inventory.Conn, before *model.VM) {
	var disks []*model.Device
	for _, vm := range []*model.VM{before, r.host.VM(r.vm.UUID)} {
		if vm != nil && slices.ContainsFunc(vm.Snapshots, func(s *model.Snapshot) bool { return s.Kind == model.SnapshotExternal }) {
			disks = append(disks, vm.Disks...)
		}
	}
	for _, p := range r.host.Pools() {
		if p.Active && slices.ContainsFunc(disks, func(d *model.Device) bool { return r.host.IsIn(d, p) }) {
			r.settleContent(ctx, conn, p.UUID)
			r.announcePool(ctx, p.UUID)
		}
	}
}
