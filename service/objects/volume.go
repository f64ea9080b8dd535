package objects

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

func volumeMethods() map[string]*method {
	change := ask("Authentication is required to change the storage volume “$(volume.name)”.")
	return map[string]*method{
		"Clone": {
			action: actionStorage, message: ask("Authentication is required to copy the storage volume “$(volume.name)”."),
			options: jobOptions(optPool, "o", "format", "s"), run: (*request).cloneVolume,
		},
		"Delete": {
			action: actionStorage, message: ask("Authentication is required to delete the storage volume “$(volume.name)”."),
			options: jobOptions(), run: (*request).deleteVolume,
		},
		"Download": {
			action: actionStorage, message: ask("Authentication is required to read the storage volume “$(volume.name)”."),
			options: jobOptions(), run: (*request).downloadVolume,
		},
		"Resize": {action: actionStorage, message: change, options: jobOptions("shrink", "b"), run: (*request).resizeVolume},
		"Upload": {action: actionStorage, message: change, options: jobOptions(), run: (*request).uploadVolume},
		"Wipe":   {action: actionStorage, message: change, options: jobOptions(), run: (*request).wipeVolume},
	}
}

// refuseUsers names a VM that has the volume.
func (r *request) refuseUsers(v *model.StorageVolume) error {
	for _, path := range v.UsedBy {
		if _, vm := r.service.inventory.VM(path); vm != nil {
			return errs.New(errs.DeviceInUse, "“%s” uses the volume “%s”. Remove the disk from the virtual machine first.", vm.Name, model.Printable(v.Name))
		}
	}
	return nil
}

// isOfAnother reports whether a volume is known to be needed by a VM other than the
// call's, but for what a drive reads. Who may make or configure one VM may not use
// another's disks for that, unless that is a template. The hypervisor is asked
// again where the volume is used; see withStorage.
func (r *request) isOfAnother(pool *model.StoragePool, name string) bool {
	v := r.host.Volume(pool.UUID, name)
	isOn := func(d *model.Device) bool {
		if v != nil {
			return r.host.IsOn(d, v)
		}
		return r.host.IsIn(d, pool) && cmp.Or(d.Volume, path.Base(d.Source)) == name // it may be too new to be shown
	}
	return slices.ContainsFunc(r.host.VMs(), func(vm *model.VM) bool {
		if vm.Template || r.vm != nil && vm.UUID == r.vm.UUID {
			return false
		}
		i := slices.IndexFunc(vm.Disks, isOn)
		return i >= 0 && vm.Disks[i].Kind != model.KindCDROM || i < 0 && v != nil && slices.Contains(v.UsedBy, vm.Path())
	})
}

// refuseWriters names whoever would be surprised by a change of the volume's
// content: a VM that runs, or a volume that is made of it.
func (r *request) refuseWriters(v *model.StorageVolume) error {
	for _, path := range v.UsedBy {
		if _, vm := r.service.inventory.VM(path); vm != nil && vm.State.Active() {
			return errs.New(errs.DeviceInUse, "“%s” is running and uses the volume “%s”. Turn it off first.", vm.Name, model.Printable(v.Name))
		}
	}
	return r.refuseOverlays(v)
}

func (r *request) refuseOverlays(v *model.StorageVolume) error {
	if made := r.host.MadeOf(v.Place); len(made) > 0 {
		return madeOf(made[0], v)
	}
	return nil
}

func madeOf(overlay, v *model.StorageVolume) error {
	return errs.New(errs.DeviceInUse, "The volume “%s” is made of “%s”, which has to stay as it is.", model.Printable(overlay.Name), model.Printable(v.Name))
}

// volumeJob does work on a volume as a job, one at a time per volume, that ends
// when what changed is announced. check is asked before the job and in it.
func (r *request) volumeJob(ctx context.Context, operation string, cancellable bool, check func(*model.StorageVolume) error,
	do func(context.Context, inventory.Conn, *jobs.Job) (map[string]any, error),
) ([]any, error) {
	if err := check(r.storageVolume); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: operation, Objects: []model.Path{r.storageVolume.Path(), r.pool.Path()}, Cancellable: cancellable,
		Run: func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			unlock, err := r.lockVolume(ctx, operation != "download-volume" && operation != "clone-volume")
			if err != nil {
				return nil, err
			}
			defer unlock()
			now := r.host.Volume(r.pool.UUID, r.storageVolume.Name)
			if now == nil {
				return nil, errs.New(errs.NotFound, "This storage volume does not exist any more.")
			}
			if err := check(now); err != nil {
				return nil, err
			}
			result, err := do(ctx, conn, job)
			r.announceVolume(ctx, r.pool, r.storageVolume.Name)
			return result, err
		},
	})
}

// lockVolume keeps other jobs from the call's volume, and VMs from starting on it,
// however they name it: those that would write, and any if the job writes.
func (r *request) lockVolume(ctx context.Context, writes bool) (unlock func(), err error) {
	keys := []string{volumeLock(r.pool, r.storageVolume.Name)}
	if r.storageVolume.Place != "" {
		keys = append(keys, r.placeLock(r.storageVolume.Place))
	}
	if writes {
		for _, key := range slices.Clone(keys) {
			keys = append(keys, written(key))
		}
	}
	var held []func()
	unlock = func() {
		for _, release := range slices.Backward(held) {
			release()
		}
	}
	for _, key := range keys {
		release, err := r.service.locks.lock(ctx, key)
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, release)
	}
	return unlock, nil
}

// written is the lock of a volume that is written to.
func written(key string) string { return "written:" + key }

func volumeLock(pool *model.StoragePool, name string) string {
	return "volume:" + pool.UUID + "/" + name
}

func (r *request) placeLock(place string) string {
	return "place:" + r.host.ID() + ":" + r.host.Place(place)
}

// refuseBusyImages names an image of a VM that a job is at. Such a job looks for
// VMs that run once it has begun, so whoever starts the VM has it shown as one
// before this.
func (r *request) refuseBusyImages(uuid string) error {
	vm := r.host.VM(uuid)
	if vm == nil {
		return nil // which the hypervisor will say
	}
	if err := r.refuseOtherFormats(vm); err != nil {
		return err
	}
	return r.refuseBusyDisks(vm.Disks)
}

// refuseOtherFormats names a VM that runs and has an image of this VM as another
// format: what its guest writes would be the header of an image for this one.
func (r *request) refuseOtherFormats(vm *model.VM) error {
	for _, other := range r.host.VMs() {
		if other.UUID == vm.UUID || !other.State.Active() {
			continue
		}
		for _, d := range vm.Disks {
			for _, o := range other.Disks {
				if r.readsOtherwise(d, o) {
					return errs.New(errs.DeviceInUse, "“%s” is running and uses the image of the disk %s in another format. Turn it off, and use the image in one format only.", other.Name, d.Target)
				}
			}
		}
	}
	return nil
}

// readsOtherwise reports whether two disks are one image in two formats and one of
// them is written to.
func (r *request) readsOtherwise(a, b *model.Device) bool {
	written := func(d *model.Device) bool { return !d.ReadOnly && d.Kind != model.KindCDROM }
	place := func(d *model.Device) string {
		for _, p := range r.host.Pools() {
			if d.Source == "" && d.Volume != "" && p.Name == d.Pool {
				if v := r.host.Volume(p.UUID, d.Volume); v != nil {
					return v.Place
				}
			}
		}
		return d.Source
	}
	return (a.Format == "qcow2") != (b.Format == "qcow2") && (written(a) || written(b)) && place(a) != "" && r.host.Place(place(a)) == r.host.Place(place(b))
}

func (r *request) refuseBusyDisks(disks []*model.Device) error {
	for _, d := range disks {
		if err := r.refuseBusyImage(d); err != nil {
			return err
		}
	}
	return nil
}

// refuseBusyImage is the same for one disk, however it names its image.
func (r *request) refuseBusyImage(d *model.Device) error {
	key, name := "", path.Base(d.Source)
	if d.Source != "" {
		key = r.placeLock(d.Source)
	}
	for _, p := range r.host.Pools() {
		if d.Source == "" && d.Volume != "" && p.Name == d.Pool {
			key, name = volumeLock(p, d.Volume), d.Volume
		}
	}
	if d.ReadOnly || d.Kind == model.KindCDROM {
		key = written(key)
	}
	if r.service.locks.taken(key) {
		return errs.New(errs.Busy, "An operation is at work on the volume “%s”. Wait until that has ended before the virtual machine uses it.", model.Printable(name))
	}
	return nil
}

// announceVolume shows what became of a volume, and of the room in its pool.
// Without a connection nothing is known, and the outcome is the call's.
func (r *request) announceVolume(ctx context.Context, pool *model.StoragePool, name string) {
	ctx = context.WithoutCancel(ctx)
	_ = r.host.RefreshVolume(ctx, pool.UUID, name)
	_ = r.host.RefreshPool(ctx, pool.UUID)
}

func (r *request) deleteVolume(ctx context.Context) ([]any, error) {
	check := func(v *model.StorageVolume) error {
		if err := r.refuseUsers(v); err != nil {
			return err
		}
		return r.refuseOverlays(v)
	}
	return r.volumeJob(ctx, "delete-volume", false, check, func(ctx context.Context, conn inventory.Conn, _ *jobs.Job) (map[string]any, error) {
		return nil, conn.DeleteVolumeOf(ctx, r.pool.UUID, r.storageVolume.Name)
	})
}

func (r *request) resizeVolume(ctx context.Context) ([]any, error) {
	size, shrink := r.Args[0].(uint64), r.options.flag("shrink")
	check := func(v *model.StorageVolume) error {
		switch {
		case size == 0:
			return errs.New(errs.InvalidArgument, "A volume cannot have no bytes at all.")
		case size < v.Capacity && !shrink:
			return errs.New(errs.InvalidArgument, "The volume has %d bytes. To make it smaller, which cuts off what is at its end, set the option “shrink”.", v.Capacity)
		}
		return r.refuseWriters(v)
	}
	return r.volumeJob(ctx, "resize-volume", false, check, func(ctx context.Context, conn inventory.Conn, _ *jobs.Job) (map[string]any, error) {
		return nil, conn.ResizeVolume(ctx, r.pool.UUID, r.storageVolume.Name, size, shrink)
	})
}

func (r *request) wipeVolume(ctx context.Context) ([]any, error) {
	check := func(v *model.StorageVolume) error {
		if err := r.refuseUsers(v); err != nil {
			return err
		}
		return r.refuseOverlays(v)
	}
	return r.volumeJob(ctx, "wipe-volume", false, check, func(ctx context.Context, conn inventory.Conn, job *jobs.Job) (map[string]any, error) {
		return nil, conn.WipeVolume(ctx, r.pool.UUID, r.storageVolume.Name, job.Progress)
	})
}

// cloneVolume copies a volume into its own pool or another one. A copy of an
// overlay is complete in itself.
func (r *request) cloneVolume(ctx context.Context) ([]any, error) {
	name := r.text(0)
	if err := invalid(model.ValidateVolumeName(name)); err != nil {
		return nil, err
	}
	target, err := r.targetPool()
	if err != nil {
		return nil, err
	}
	format, err := r.cloneFormat(target)
	if err != nil {
		return nil, err
	}
	if err := r.newVolumeName(target, name); err != nil {
		return nil, err
	}
	return r.volumeJob(ctx, "clone-volume", true, r.refuseRunningUsers, func(ctx context.Context, conn inventory.Conn, job *jobs.Job) (map[string]any, error) {
		return r.makeVolume(ctx, conn, target, name, job, func(ctx context.Context) error {
			return conn.CopyVolume(ctx, r.pool.UUID, r.storageVolume.Name, target.UUID,
				inventory.NewVolume{Name: name, Format: format, Capacity: r.storageVolume.Capacity}, job.Progress)
		})
	})
}

// refuseRunningUsers names a VM that changes the volume while it is copied.
func (r *request) refuseRunningUsers(v *model.StorageVolume) error {
	for _, path := range v.UsedBy {
		_, vm := r.service.inventory.VM(path)
		if vm != nil && vm.State.Active() && len(r.host.MadeOf(v.Place)) == 0 {
			return errs.New(errs.DeviceInUse, "“%s” is running and uses the volume “%s”. Turn it off before you copy it.", vm.Name, model.Printable(v.Name))
		}
	}
	return nil
}

// targetPool is where a copy is to be.
func (r *request) targetPool() (*model.StoragePool, error) {
	switch pool := r.options[optPool].(type) {
	case dbus.ObjectPath:
		return r.poolOfHost(model.Path(pool))
	case string:
		known, err := r.poolCalled(pool)
		if err != nil {
			return nil, err
		}
		return r.poolOfHost(known.Path())
	default:
		return r.pool, nil
	}
}

// poolOfHost is the active pool of the call's host that is at this path.
func (r *request) poolOfHost(path model.Path) (*model.StoragePool, error) {
	host, pool := r.service.inventory.Pool(path)
	switch {
	case pool == nil || host != r.host:
		return nil, errs.New(errs.NotFound, "There is no such storage pool on “%s”.", r.host.ID())
	case !pool.Active:
		return nil, errs.New(errs.InvalidState, "The storage pool “%s” is not active. Start it first.", pool.Name)
	}
	return pool, nil
}

// cloneFormat is the format of a copy: that of the original, unless the caller
// asks for another or the pool has none.
func (r *request) cloneFormat(target *model.StoragePool) (string, error) {
	format, given := r.options["format"].(string)
	if given {
		spec := model.VolumeSpec{Name: "x", Format: format, Capacity: 1}
		return format, invalid(model.ValidateVolumeSpec(&spec, target.Kind))
	}
	if !model.PoolOfFiles(target.Kind) {
		return "", nil
	}
	if r.storageVolume.Format == "qcow2" {
		return "qcow2", nil
	}
	return "raw", nil
}

// newVolumeName refuses a name that a pool has.
func (r *request) newVolumeName(pool *model.StoragePool, name string) error {
	if r.host.Volume(pool.UUID, name) != nil {
		return errs.New(errs.AlreadyExists, "The storage pool “%s” has a volume called “%s” already. Choose another name.", pool.Name, name)
	}
	return nil
}

// makeVolume makes a volume, with nobody else who makes one of this name. One
// that was cancelled meanwhile is removed again, and so is, later, one that was
// cut off.
func (r *request) makeVolume(ctx context.Context, conn inventory.Conn, pool *model.StoragePool, name string, job *jobs.Job, do func(context.Context) error) (map[string]any, error) {
	unlock, err := r.service.locks.lock(ctx, "new-volume:"+pool.UUID+"/"+name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := conn.FindVolume(ctx, pool.UUID, name); err == nil {
		return nil, errs.New(errs.AlreadyExists, "The storage pool “%s” has a volume called “%s” already. Choose another name.", pool.Name, name)
	}
	note, err := r.service.unfinished.OnHost(r.host.ID()).Volume(pool.UUID, name)
	if err != nil {
		return nil, err
	}
	err = do(ctx)
	if err == nil && (ctx.Err() != nil || !job.PointOfNoReturn()) {
		err = errors.Join(context.Canceled, r.dropVolume(ctx, conn, pool.UUID, name))
	}
	if !errs.Is(err, errs.Disconnected) && !errs.Is(err, errs.Timeout) && !errors.Is(err, errLeft) {
		note.Done()
	} else {
		note.Leave()
	}
	r.announceVolume(ctx, pool, name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"volume": model.VolumePath(pool.UUID, name)}, nil
}

// createVolume makes a volume, empty or with the content of a file, in a job
// whose result has its path.
func (r *request) createVolume(ctx context.Context) ([]any, error) {
	spec := model.VolumeSpec{}
	if err := decodeSpec(r.Args[0].(map[string]dbus.Variant), &spec); err != nil {
		return nil, err
	}
	if err := r.needActivePool(); err != nil {
		return nil, err
	}
	if err := invalid(model.ValidateVolumeSpec(&spec, r.pool.Kind)); err != nil {
		return nil, err
	}
	if err := r.newVolumeName(r.pool, spec.Name); err != nil {
		return nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	if spec.FD != nil {
		return r.createFromFile(ctx, conn, &spec)
	}
	volume, err := r.newVolume(&spec)
	if err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: "create-volume", Objects: []model.Path{r.pool.Path()}, Cancellable: true,
		Run: func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			return r.makeVolume(ctx, conn, r.pool, spec.Name, job, func(ctx context.Context) error {
				return conn.CreateVolume(ctx, r.pool.UUID, volume)
			})
		},
	})
}

// newVolume is what a spec without a file asks for.
func (r *request) newVolume(spec *model.VolumeSpec) (inventory.NewVolume, error) {
	v := inventory.NewVolume{Name: spec.Name, Format: spec.Format, Capacity: spec.Capacity, Allocation: spec.Allocation}
	if v.Format == "" && model.PoolOfFiles(r.pool.Kind) {
		v.Format = "qcow2"
	}
	if spec.Backing == "" {
		return v, nil
	}
	host, _, base := r.service.inventory.Volume(spec.Backing)
	switch {
	case base == nil || host != r.host:
		return v, errs.New(errs.NotFound, "There is no such storage volume on “%s”.", r.host.ID())
	case model.PoolOfFiles(r.pool.Kind) && v.Format != "qcow2":
		return v, errs.New(errs.InvalidArgument, "Only a qcow2 volume can be made of another one.")
	case v.Capacity == 0:
		v.Capacity = base.Capacity
	case v.Capacity < base.Capacity:
		return v, errs.New(errs.InvalidArgument, "A volume cannot be smaller than what it is made of, which has %d bytes.", base.Capacity)
	}
	v.Backing, v.BackingFormat = base.Place, backingFormat(base)
	return v, nil
}

// backingFormat is what QEMU has to take a volume for.
func backingFormat(v *model.StorageVolume) string {
	if v.Format == "qcow2" {
		return "qcow2"
	}
	return "raw"
}
