package objects

import (
	"context"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/osinfo"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/create"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

// planVM answers with what createVM would make. The source's descriptor is read
// only as far as it tells what it is.
func (r *request) planVM(ctx context.Context) ([]any, error) {
	plan, source, err := r.plan(ctx)
	defer source.Close()
	if err != nil {
		return nil, err
	}
	return []any{append(wire.Record(&plan.Spec), wire.Record(&plan.Info)...)}, nil
}

// createVM makes a VM in a job, whose result has its path.
func (r *request) createVM(ctx context.Context) ([]any, error) {
	plan, source, err := r.plan(ctx)
	if err == nil {
		err = plan.Err()
	}
	var conn inventory.Conn
	if err == nil {
		err = r.refuseBusyDisks(plan.Disks())
	}
	if err == nil {
		conn, err = r.conn()
	}
	if err == nil {
		err = r.withStorage(ctx, func(storage bool) error {
			plan.AllowStorage(storage)
			done, err := r.service.plans.turn(ctx, r.UID)
			if err != nil {
				return err
			}
			defer done()
			for _, pool := range plan.Pools() {
				if err := conn.MayFill(ctx, pool, plan.Rights()); err != nil {
					return err
				}
			}
			for _, disk := range plan.Uses() {
				if err := conn.CheckUse(ctx, disk, storage); err != nil {
					return err
				}
				if disk.Type == "network" {
					continue
				}
				if _, err := conn.InspectImage(ctx, disk.Source, disk.Format, disk.ReadOnly, plan.Rights()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		source.Close()
		return nil, err
	}
	results, err := r.startJob(ctx, jobs.Spec{
		Operation: "create", Objects: []model.Path{r.host.Info().Path()}, Cancellable: true,
		Run: func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
			defer source.Close()
			return r.carryOut(ctx, plan, conn, job)
		},
	})
	if !r.audited { // no job was started
		source.Close()
	}
	return results, err
}

// startingConn starts no VM on a volume that a job is at.
type startingConn struct {
	inventory.Conn
	request *request
}

// Start implements create.Hypervisor. The VM is new, so nobody else may have read
// it yet.
func (c startingConn) Start(ctx context.Context, uuid string, paused bool) error {
	host := c.request.host
	err := host.Refresh(ctx, uuid)
	for again := 0; again < 3 && errs.Is(err, errs.Timeout); again++ {
		err = host.Refresh(ctx, uuid) // libvirtd may be busy: what is made is too good to be lost for that
	}
	if err != nil {
		return err
	}
	defer settle(host.SetTransition(uuid, model.VMStarting))
	if err := c.request.refuseBusyImages(uuid); err != nil {
		return err
	}
	return c.Conn.Start(ctx, uuid, paused)
}

// carryOut makes what is planned, and announces it, or that nothing is left.
func (r *request) carryOut(ctx context.Context, plan *create.Plan, conn inventory.Conn, job *jobs.Job) (map[string]any, error) {
	unlock, err := r.service.locks.lock(ctx, "new:"+plan.Spec.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = create.Make(ctx, plan, startingConn{conn, r}, r.service.unfinished.OnHost(r.host.ID()), job, r.service.log)
	settled := context.WithoutCancel(ctx)
	for _, pool := range plan.Pools() {
		_ = r.host.RefreshPool(settled, pool) // the outcome is the making's
	}
	plan.EachVolume(func(pool, name string) { _ = r.host.RefreshVolume(settled, pool, name) })
	r.announceVM(settled, plan.UUID())
	if err != nil {
		return nil, err
	}
	return map[string]any{"vm": model.VMPath(plan.UUID())}, nil
}

// plan reads the spec and resolves it, when it is the turn of the call's user. The
// caller closes the source, which may be nil, also when there is an error.
func (r *request) plan(ctx context.Context) (*create.Plan, *create.Source, error) {
	done, err := r.service.plans.turn(ctx, r.UID)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	spec := model.VMSpec{}
	if err := decodeSpec(r.Args[0].(map[string]dbus.Variant), &spec); err != nil {
		return nil, nil, err
	}
	if err := invalid(model.ValidateVMSpec(&spec)); err != nil {
		return nil, nil, err
	}
	if err := invalid(model.CheckOwnName(spec.Source.URL, r.host.Info().Hostname)); err != nil {
		return nil, nil, err
	}
	conn, err := r.conn()
	if err != nil {
		return nil, nil, err
	}
	capabilities, err := conn.Capabilities(ctx)
	if err != nil && !errs.Is(err, errs.NotSupported) {
		return nil, nil, err
	}
	source, err := r.source(ctx, conn, &spec.Source)
	if err != nil {
		return nil, source, err
	}
	planner := &create.Planner{
		Host: r.host, Capabilities: capabilities, Systems: osinfo.Open(osinfo.Default),
		Volume: func(path model.Path) *create.Volume { return r.volume(ctx, conn, path) },
		CheckImage: once(func(i imageAs) error {
			_, err := conn.InspectImage(ctx, i.path, i.format, i.readOnly, inventory.ImageRights{})
			return err
		}),
		Taken: func(pool *model.StoragePool, name string) bool {
			_, err := conn.FindVolume(ctx, pool.UUID, name)
			return err == nil
		},
	}
	plan, err := planner.Plan(ctx, spec, source)
	return plan, source, err
}

// imageAs is an image and how it is read.
type imageAs struct {
	path, format string
	readOnly     bool
}

// once checks each image only once, however many disks a plan has on it.
func once(check func(imageAs) error) func(path, format string, readOnly bool) error {
	known := map[imageAs]error{}
	return func(path, format string, readOnly bool) error {
		image := imageAs{path, format, readOnly}
		err, checked := known[image]
		if !checked {
			err = check(image)
			known[image] = err
		}
		return err
	}
}

// source opens what the new VM starts from.
func (r *request) source(ctx context.Context, conn inventory.Conn, s *model.VMSource) (*create.Source, error) {
	switch {
	case s.FD != nil:
		file, size, err := r.toRead(ctx, dbus.UnixFDIndex(*s.FD))
		if err != nil {
			return nil, err
		}
		return create.FileSource(ctx, file, size), nil
	case s.Volume != "":
		v := r.volume(ctx, conn, s.Volume)
		if v == nil {
			return nil, errs.New(errs.NotFound, "There is no such storage volume.")
		}
		return create.VolumeSource(v, func(ctx context.Context, offset, length uint64) ([]byte, error) {
			return conn.PeekVolume(ctx, v.Pool.UUID, v.Name, offset, length)
		}), nil
	case s.Path != "":
		return create.PathSource(s.Path, s.Format), nil
	default:
		return nil, nil
	}
}

// volume finds the volume with this path, …/pools/UUID/volumes/NAME; nil when
// this host has none.
func (r *request) volume(ctx context.Context, conn inventory.Conn, path model.Path) *create.Volume {
	owner, name, valid := model.SplitVolumePath(path)
	pools := r.host.Pools()
	i := slices.IndexFunc(pools, func(p *model.StoragePool) bool { return p.Path() == owner })
	if i < 0 || !valid {
		return nil
	}
	info, err := conn.FindVolume(ctx, pools[i].UUID, name)
	if err != nil {
		return nil
	}
	v := &create.Volume{Object: path, Pool: pools[i], Name: info.Name, Path: info.Path, Format: info.Format, Capacity: info.Capacity}
	if known := r.host.Volume(pools[i].UUID, name); known != nil {
		v.UsedBy = known.UsedBy
	}
	return v
}

// createAction asks for the rights to use the host's own files, interfaces and
// ports, and what other VMs have on their disks, if the spec names some.
func createAction(r *request) string {
	var actions []string
	spec, _ := r.Args[0].(map[string]dbus.Variant)
	source, _ := spec["source"].Value().(map[string]dbus.Variant)
	if _, given := source["path"]; given {
		actions = append(actions, actionHostPath)
	}
	networks, _ := spec["networks"].Value().([]map[string]dbus.Variant)
	if slices.ContainsFunc(networks, r.usesHostInterface) {
		actions = append(actions, actionHostDevice)
	}
	if slices.ContainsFunc(networks, forwardsPorts) {
		actions = append(actions, actionNetwork)
	}
	disks, _ := spec["disks"].Value().([]map[string]dbus.Variant)
	if r.namesVolumeOfAnother(source) || slices.ContainsFunc(disks, r.namesVolumeOfAnother) {
		actions = append(actions, actionStorage)
	}
	return strings.Join(actions, " ")
}

// namesVolumeOfAnother says whether a source or disk is what another VM writes to.
func (r *request) namesVolumeOfAnother(values map[string]dbus.Variant) bool {
	path, _ := values["volume"].Value().(dbus.ObjectPath)
	owner, name, valid := model.SplitVolumePath(model.Path(path))
	return valid && slices.ContainsFunc(r.host.Pools(), func(p *model.StoragePool) bool {
		return p.Path() == owner && r.isOfAnother(p, name)
	})
}

// newName is the name of the VM that the call makes, if it makes one; empty
// unless that can be a name.
func (r *request) newName() (name string, makes bool) {
	switch {
	case r.Call == nil || len(r.Args) == 0:
		return "", false
	case r.Interface == api.HostInterface && r.Member == "CreateVM":
		spec, _ := r.Args[0].(map[string]dbus.Variant)
		name, _ = spec["name"].Value().(string)
	case r.Interface == api.VMInterface && r.Member == "Clone":
		name, _ = r.Args[0].(string)
	default:
		return "", false
	}
	if model.ValidateVMName(name) != nil {
		name = ""
	}
	return name, true
}
