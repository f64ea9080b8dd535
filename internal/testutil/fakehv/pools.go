package fakehv

import (
	"cmp"
	"context"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// DropPool removes a pool and announces it, as another tool would.
func (h *Hypervisor) DropPool(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pools, uuid)
	h.emit(poolEvent(uuid))
}

// changePool makes an operation that changes a pool.
func (c *Conn) changePool(ctx context.Context, operation, uuid string, change func(*model.StoragePool)) error {
	p, err := one(c, ctx, operation, uuid, c.h.pools)
	if err == nil {
		change(p)
		c.h.PutPool(p)
	}
	return err
}

// CreatePool implements inventory.Conn.
func (c *Conn) CreatePool(ctx context.Context, spec model.PoolSpec) (string, error) {
	if err := c.enter(ctx, "create-pool", spec.Name); err != nil {
		return "", err
	}
	p := &model.StoragePool{
		UUID: UUID(3_000_000 + len(c.h.Calls())), Name: spec.Name, Kind: spec.Kind, Target: cmp.Or(spec.Target, spec.DefaultTarget()),
		State: model.PoolInactive, Persistent: true, Autostart: spec.Autostart != nil && *spec.Autostart,
	}
	if spec.Start == nil || *spec.Start {
		p.State, p.Active = model.PoolRunning, true
	}
	c.h.PutPool(p)
	return p.UUID, nil
}

// StartPool implements inventory.Conn.
func (c *Conn) StartPool(ctx context.Context, uuid string) error {
	return c.changePool(ctx, "start-pool", uuid, func(p *model.StoragePool) { p.Active, p.State = true, model.PoolRunning })
}

// StopPool implements inventory.Conn.
func (c *Conn) StopPool(ctx context.Context, uuid string) error {
	return c.changePool(ctx, "stop-pool", uuid, func(p *model.StoragePool) { p.Active, p.State = false, model.PoolInactive })
}

// ScanPool implements inventory.Conn. Like libvirt, it announces that.
func (c *Conn) ScanPool(ctx context.Context, uuid string) error {
	return c.changePool(ctx, "scan-pool", uuid, func(*model.StoragePool) {})
}

// SetPoolAutostart implements inventory.Conn.
func (c *Conn) SetPoolAutostart(ctx context.Context, uuid string, on bool) error {
	return c.changePool(ctx, "set-pool-autostart", uuid, func(p *model.StoragePool) { p.Autostart = on })
}

// DeletePool implements inventory.Conn. A pool that still has volumes keeps its
// PoolWarning implements inventory.Conn.
func (c *Conn) PoolWarning(ctx context.Context, uuid string) (string, error) {
	return "", c.enter(ctx, "pool-warning", uuid)
}

// storage.
func (c *Conn) DeletePool(ctx context.Context, uuid string, storage bool) (kept, err error) {
	if _, err := one(c, ctx, "delete-pool", uuid, c.h.pools); err != nil {
		return nil, err
	}
	for _, path := range c.h.Volumes() {
		if storage && strings.HasPrefix(path, uuid+"/") {
			kept = errs.New(errs.Busy, "The folder is not empty.")
		}
	}
	c.h.DropPool(uuid)
	return kept, nil
}
