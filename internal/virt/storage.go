package virt

import (
	"context"
	"slices"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// poolStates maps libvirt's states of storage pools.
var poolStates = map[libvirt.StoragePoolState]model.PoolState{
	libvirt.STORAGE_POOL_INACTIVE:     model.PoolInactive,
	libvirt.STORAGE_POOL_BUILDING:     model.PoolBuilding,
	libvirt.STORAGE_POOL_RUNNING:      model.PoolRunning,
	libvirt.STORAGE_POOL_DEGRADED:     model.PoolDegraded,
	libvirt.STORAGE_POOL_INACCESSIBLE: model.PoolInaccessible,
}

// Pools reads all storage pools; one that goes away meanwhile is left out.
func (c *Conn) Pools(ctx context.Context) ([]*model.StoragePool, error) {
	pools, err := c.listPools(ctx)
	if err == nil {
		c.storage.retain(pools)
		c.markSilent(ctx, pools...)
	}
	return pools, err
}

func (c *Conn) listPools(ctx context.Context) ([]*model.StoragePool, error) {
	return readPools(ctx, c, "", func(conn *libvirt.Connect) ([]*model.StoragePool, error) {
		found, err := conn.ListAllStoragePools(0)
		if errs.Is(translate(err, true), errs.NotSupported) {
			return nil, nil // a driver without storage has none
		}
		if err != nil {
			return nil, err
		}
		pools, err := askEach(ctx, found, (*libvirt.StoragePool).Free, libvirt.ERR_NO_STORAGE_POOL, askPool)
		if err == nil {
			c.bases.retain(pools)
		}
		return slices.DeleteFunc(pools, func(p *model.StoragePool) bool { return isScratch(p.Name) }), err
	})
}

// Pool reads one storage pool.
func (c *Conn) Pool(ctx context.Context, uuid string) (*model.StoragePool, error) {
	pool, err := c.readPool(ctx, uuid)
	if err == nil {
		c.storage.note(pool)
		c.markSilent(ctx, pool)
	}
	return pool, err
}

func (c *Conn) readPool(ctx context.Context, uuid string) (*model.StoragePool, error) {
	return readPools(ctx, c, uuid, func(conn *libvirt.Connect) (*model.StoragePool, error) {
		p, err := conn.LookupStoragePoolByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer p.Free()
		if name, err := p.GetName(); err == nil && isScratch(name) {
			return nil, errs.New(errs.NotFound, "This storage pool is not there for long.")
		}
		return askPool(p)
	})
}

// askPool reads everything about one storage pool.
func askPool(p *libvirt.StoragePool) (*model.StoragePool, error) {
	xml, err := p.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	pool, err := domainxml.ParsePool(xml)
	if err != nil {
		return nil, err
	}
	if pool.UUID, err = p.GetUUIDString(); err != nil {
		return nil, err
	}
	info, err := p.GetInfo()
	if err != nil {
		return nil, err
	}
	pool.State = poolStates[info.State]
	if pool.State == "" {
		pool.State = model.PoolInaccessible // a state newer than this program
	}
	pool.Active = info.State != libvirt.STORAGE_POOL_INACTIVE
	pool.Capacity, pool.Allocation, pool.Available = info.Capacity, info.Allocation, info.Available
	if pool.Persistent, err = p.IsPersistent(); err != nil {
		return nil, err
	}
	if pool.Persistent {
		pool.Autostart, err = optional(p.GetAutostart())
	}
	return pool, err
}
