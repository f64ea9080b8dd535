package fakehv

import (
	"context"
	"slices"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// Snapshot is a plausible snapshot for a VM's list; see model.LinkSnapshots.
func Snapshot(name string) *model.Snapshot {
	return &model.Snapshot{
		Name: name, CreatedAt: time.Unix(1_700_000_000, 0), VMState: model.VMShutOff, Kind: model.SnapshotInternal,
	}
}

// PlanSnapshot implements inventory.Conn.
func (c *Conn) PlanSnapshot(ctx context.Context, uuid string, spec inventory.SnapshotSpec) (inventory.SnapshotSpec, error) {
	if spec.Kind == "" {
		spec.Kind = model.SnapshotInternal
	}
	return spec, c.enter(ctx, "plan-snapshot", uuid)
}

// CreateSnapshot implements inventory.Conn.
func (c *Conn) CreateSnapshot(ctx context.Context, uuid string, spec inventory.SnapshotSpec) error {
	return c.snapshots(ctx, "create-snapshot", uuid, func(vm *model.VM, list []*model.Snapshot, parents map[string]string) ([]*model.Snapshot, error) {
		s := Snapshot(spec.Name)
		s.Description, s.Kind, s.Current = spec.Description, spec.Kind, true
		if spec.Memory {
			s.VMState = vm.State
		}
		for _, other := range list {
			if other.Current {
				parents[s.Name], other.Current = other.Name, false
			}
		}
		return append(list, s), nil
	})
}

// AbortSnapshot implements inventory.Conn.
func (c *Conn) AbortSnapshot(ctx context.Context, uuid string) error {
	return c.enter(ctx, "abort-snapshot", uuid)
}

// RevertSnapshot implements inventory.Conn.
func (c *Conn) RevertSnapshot(ctx context.Context, uuid, name string, start, _ bool) error {
	return c.snapshots(ctx, "revert-snapshot", uuid, func(vm *model.VM, list []*model.Snapshot, _ map[string]string) ([]*model.Snapshot, error) {
		for _, s := range list {
			if s.Current = s.Name == name; s.Current {
				vm.State, vm.StateReason = s.VMState, "from-snapshot"
			}
		}
		if start {
			vm.State = model.VMRunning
		}
		return list, nil
	})
}

// CheckRevert implements inventory.Conn. The hook decides.
func (c *Conn) CheckRevert(ctx context.Context, uuid, _ string, _ bool) error {
	return c.enter(ctx, "check-revert", uuid)
}

// DeleteSnapshot implements inventory.Conn.
func (c *Conn) DeleteSnapshot(ctx context.Context, uuid, name string, children bool) error {
	return c.snapshots(ctx, "delete-snapshot", uuid, func(_ *model.VM, list []*model.Snapshot, parents map[string]string) ([]*model.Snapshot, error) {
		grandparent := parents[name]
		var gone func(name string) bool
		gone = func(other string) bool {
			return other == name || children && parents[other] != "" && gone(parents[other])
		}
		left := slices.DeleteFunc(slices.Clone(list), func(s *model.Snapshot) bool { return gone(s.Name) })
		for child, parent := range parents {
			if parent == name {
				parents[child] = grandparent
			}
		}
		return left, nil
	})
}

// SetSnapshotDescription implements inventory.Conn.
func (c *Conn) SetSnapshotDescription(ctx context.Context, uuid, name, text string) error {
	return c.snapshots(ctx, "describe-snapshot", uuid, func(_ *model.VM, list []*model.Snapshot, _ map[string]string) ([]*model.Snapshot, error) {
		for _, s := range list {
			if s.Name == name {
				s.Description = text
				return list, nil
			}
		}
		return nil, errs.New(errs.NotFound, "There is no such snapshot.")
	})
}

// snapshots makes an operation that changes a VM's snapshots, of which change
// gets copies, and the names of their parents.
func (c *Conn) snapshots(ctx context.Context, operation, uuid string,
	change func(*model.VM, []*model.Snapshot, map[string]string) ([]*model.Snapshot, error),
) error {
	if err := c.enter(ctx, operation, uuid); err != nil {
		return err
	}
	return c.h.edit(uuid, func(vm *model.VM) error {
		list, parents := make([]*model.Snapshot, len(vm.Snapshots)), map[string]string{}
		for i, s := range vm.Snapshots {
			copied := *s
			list[i] = &copied
			if parent := vm.Snapshot(s.Parent); parent != nil {
				parents[s.Name] = parent.Name
			}
		}
		list, err := change(vm, list, parents)
		if err != nil {
			return err
		}
		model.LinkSnapshots(uuid, list, parents)
		vm.Snapshots = list
		return nil
	})
}
