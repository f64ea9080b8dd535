package objects

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

// Options of changes of devices.
const (
	optDryRun     = "dry-run"
	optDependents = "dependents" // remove what needs the device as well
)

func (r *request) addDevice(ctx context.Context) ([]any, error) {
	spec, err := r.deviceSpec(0)
	if err != nil {
		return nil, err
	}
	if err := r.refuseBusyImage(&spec.Device); err != nil {
		return nil, err
	}
	id := ""
	did, err := r.changeDevice(ctx, func(conn inventory.Conn, uuid string, how inventory.DeviceChange) (a inventory.Applied, err error) {
		id, a, err = conn.AddDevice(ctx, uuid, spec, how)
		return a, err
	})
	if err != nil {
		return nil, err
	}
	return append([]any{id}, applied(did)...), nil
}

func (r *request) configureVM(ctx context.Context) ([]any, error) {
	values := r.Args[0].(map[string]dbus.Variant)
	c := &model.Configuration{Given: given(values)}
	if err := decodeSpec(values, c); err != nil {
		return nil, err
	}
	if err := invalid(c.Validate()); err != nil {
		return nil, err
	}
	did, err := r.changeDevice(ctx, func(conn inventory.Conn, uuid string, how inventory.DeviceChange) (inventory.Applied, error) {
		return conn.Configure(ctx, uuid, c, how)
	})
	if err != nil {
		return nil, err
	}
	return applied(did), nil
}

func (r *request) removeDevice(ctx context.Context) ([]any, error) {
	did, err := r.changeDevice(ctx, func(conn inventory.Conn, uuid string, how inventory.DeviceChange) (inventory.Applied, error) {
		how.Dependents = r.options.flag(optDependents)
		return conn.RemoveDevice(ctx, uuid, r.text(0), how)
	})
	if err != nil {
		return nil, err
	}
	return applied(did), nil
}

func (r *request) resizeDisk(ctx context.Context) ([]any, error) {
	id, size := r.text(0), r.Args[1].(uint64)
	if size == 0 || size%512 != 0 {
		return nil, errs.New(errs.InvalidArgument, "The size of a disk must be a multiple of 512 bytes.")
	}
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	return r.startJob(ctx, jobs.Spec{
		Operation: "resize-disk", Objects: []model.Path{r.vm.Path()},
		Run: r.alone(func(ctx context.Context, _ *jobs.Job) (map[string]any, error) {
			err := conn.ResizeDisk(ctx, r.vm.UUID, id, size)
			r.refresh(context.WithoutCancel(ctx))
			return nil, err
		}),
	})
}

func (r *request) setBootOrder(ctx context.Context) ([]any, error) {
	ids := r.Args[0].([]string)
	return nil, r.change(ctx, func(conn inventory.Conn, uuid string) error { return conn.SetBootOrder(ctx, uuid, ids) })
}

func (r *request) updateDevice(ctx context.Context) ([]any, error) {
	spec, err := r.deviceSpec(1)
	if err != nil {
		return nil, err
	}
	next := spec.Device
	for _, d := range r.vm.Disks {
		if d.ID == r.text(0) {
			next.Kind, next.ReadOnly = d.Kind, d.ReadOnly
		}
	}
	if err := r.refuseBusyImage(&next); err != nil {
		return nil, err
	}
	did, err := r.changeDevice(ctx, func(conn inventory.Conn, uuid string, how inventory.DeviceChange) (inventory.Applied, error) {
		return conn.UpdateDevice(ctx, uuid, r.text(0), spec, how)
	})
	if err != nil {
		return nil, err
	}
	return applied(did), nil
}

// changeDevice does one change of devices in the way that the options say.
func (r *request) changeDevice(ctx context.Context, do func(inventory.Conn, string, inventory.DeviceChange) (inventory.Applied, error)) (did inventory.Applied, err error) {
	how := inventory.DeviceChange{DryRun: r.options.flag(optDryRun)}
	if how.Apply, err = r.options.apply(); err != nil {
		return did, err
	}
	err = r.withStorage(ctx, func(storage bool) error {
		how.Storage = storage
		return r.change(ctx, func(conn inventory.Conn, uuid string) error {
			did, err = do(conn, uuid, how)
			return err
		})
	})
	return did, err
}

// copyRights returns the rights that it takes to copy the images of the call's VM,
// or that of one disk, after the caller was asked for them.
func (r *request) copyRights(ctx context.Context, conn inventory.Conn, id string) (rights inventory.ImageRights, err error) {
	check := func(storage bool) error {
		rights = inventory.ImageRights{Storage: storage, HostPaths: r.granted[actionHostPath]}
		return conn.CheckCopy(ctx, r.vm.UUID, id, rights)
	}
	if err = r.withStorage(ctx, check); !errors.Is(err, inventory.ErrNeedsHostPath) {
		return rights, err
	}
	if err := r.authorize(ctx, []string{actionHostPath}); err != nil {
		return rights, err
	}
	err = r.withStorage(ctx, check)
	return rights, err
}

// deviceSpec is the device record at this position of the arguments.
func (r *request) deviceSpec(i int) (model.DeviceSpec, error) {
	values := r.Args[i].(map[string]dbus.Variant)
	spec := model.DeviceSpec{Given: given(values)}
	return spec, decodeSpec(values, &spec.Device)
}

// given is the keys of a dictionary.
func given(values map[string]dbus.Variant) map[string]bool {
	keys := make(map[string]bool, len(values))
	for key := range values {
		keys[key] = true
	}
	return keys
}

// deviceAction asks for the right to use what of the host the device at this
// position names: a path, an interface, ports that lead to the guest, or what
// another VM has on a disk. What its kind cannot have is refused later.
func deviceAction(i int) func(*request) string {
	return func(r *request) string {
		var actions []string
		values, _ := r.Args[i].(map[string]dbus.Variant)
		if source, given := values["source"]; given && source.Value() != "" {
			actions = append(actions, actionHostPath)
		}
		if r.usesHostInterface(values) {
			actions = append(actions, actionHostDevice)
		}
		if forwardsPorts(values) {
			actions = append(actions, actionNetwork)
		}
		pool, _ := values["pool"].Value().(string)
		volume, _ := values["volume"].Value().(string)
		if slices.ContainsFunc(r.host.Pools(), func(p *model.StoragePool) bool {
			return volume != "" && p.Name == pool && r.isOfAnother(p, volume)
		}) {
			actions = append(actions, actionStorage)
		}
		return strings.Join(actions, " ")
	}
}

// usesHostInterface says whether an interface sends through one of the host: by
// macvtap, or by a bridge that is not that of a network.
func (r *request) usesHostInterface(values map[string]dbus.Variant) bool {
	// What is not even a name is refused later, by whoever has the right.
	device, given := values["host-device"]
	bridge, bridged := values["bridge"]
	name, isName := bridge.Value().(string)
	return given && device.Value() != "" || bridged && name != "" && !r.isNetworkBridge(name) || bridged && !isName
}

// forwardsPorts says whether an interface opens ports of the host.
func forwardsPorts(values map[string]dbus.Variant) bool {
	list, _ := values["port-forwards"].Value().([]map[string]dbus.Variant)
	return len(list) > 0
}
