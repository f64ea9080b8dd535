package virt

import (
	"cmp"
	"context"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// onPool runs an operation on one storage pool, also on one that does not answer.
func (c *Conn) onPool(ctx context.Context, uuid string, do func(*libvirt.StoragePool) error) error {
	_, err := operate(ctx, c, work[struct{}]{uuid: uuid, lane: laneVolumes}, func(conn *libvirt.Connect) (struct{}, error) {
		p, err := conn.LookupStoragePoolByUUIDString(uuid)
		if err != nil {
			return struct{}{}, err
		}
		defer p.Free()
		return struct{}{}, do(p)
	})
	return err
}

// StartPool starts a storage pool; see inventory.PoolManager.
func (c *Conn) StartPool(ctx context.Context, uuid string) error {
	if place := c.storage.of(uuid); place.target != "" && !place.mounted {
		if err := c.refuseSilent(ctx, place.target); errs.Is(err, errs.Timeout) {
			return err
		}
	}
	return c.onPool(ctx, uuid, func(p *libvirt.StoragePool) error { return p.Create(libvirt.STORAGE_POOL_CREATE_NORMAL) })
}

// StopPool stops a storage pool; see inventory.PoolManager. libvirt unmounts what
// it has mounted, which would wait for a server that does not answer.
func (c *Conn) StopPool(ctx context.Context, uuid string) error {
	if c.storage.of(uuid).mounted {
		if err := c.poolAnswers(ctx, uuid); err != nil {
			return err
		}
	}
	return c.onPool(ctx, uuid, (*libvirt.StoragePool).Destroy)
}

// ScanPool looks through a storage pool; see inventory.PoolManager.
func (c *Conn) ScanPool(ctx context.Context, uuid string) error {
	if err := c.poolAnswers(ctx, uuid); err != nil {
		return err
	}
	if err := c.basesAnswer(ctx, uuid); err != nil {
		return err
	}
	return c.onPool(ctx, uuid, func(p *libvirt.StoragePool) error { return p.Refresh(0) })
}

// SetPoolAutostart says whether a pool starts with the host.
func (c *Conn) SetPoolAutostart(ctx context.Context, uuid string, on bool) error {
	return c.onPool(ctx, uuid, func(p *libvirt.StoragePool) error { return p.SetAutostart(on) })
}

// CreatePool makes a storage pool; see inventory.PoolManager.
func (c *Conn) CreatePool(ctx context.Context, spec model.PoolSpec) (string, error) {
	xml, err := domainxml.NewPool(&spec)
	if err != nil {
		return "", err
	}
	if model.PoolOfFiles(spec.Kind) && spec.Kind != "netfs" {
		if err := c.refuseSilent(ctx, spec.Target); errs.Is(err, errs.Timeout) {
			return "", err
		}
	}
	there, err := c.poolFolderThere(ctx, &spec)
	if err != nil {
		return "", err
	}
	// Whoever gives up must not do so while something half-made is there.
	return operate(context.WithoutCancel(ctx), c, work[string]{lane: laneVolumes}, func(conn *libvirt.Connect) (string, error) {
		if err := newPoolName(conn, spec.Name); err != nil {
			return "", err
		}
		p, err := conn.StoragePoolDefineXML(xml, 0)
		if err != nil {
			return "", err
		}
		defer p.Free()
		if err := finishPool(p, &spec, there); err != nil {
			if active, _ := p.IsActive(); active {
				_ = p.Destroy()
			}
			_ = p.Undefine()
			return "", err
		}
		return uuidOf(p), nil
	})
}

// poolFolderThere reports whether the folder of a new pool is there, as far as
// this process can see it. It refuses a target that is something else: libvirt
// would give that the mode and the owner of a folder.
func (c *Conn) poolFolderThere(ctx context.Context, spec *model.PoolSpec) (bool, error) {
	target := cmp.Or(spec.Target, spec.DefaultTarget())
	if !makesFolder(spec.Kind) || target == "" {
		return false, nil
	}
	info, err := c.probeFile(ctx, target)
	switch {
	case err != nil:
		return false, err
	case info.kind == fileFolder:
		return true, nil
	case info.kind != fileMissing && info.kind != fileHidden:
		return false, errs.New(errs.InvalidArgument, "“%s” is not a folder. Give another “target”.", target)
	}
	return false, nil
}

// makesFolder reports whether libvirt makes the folder of a kind of pools.
func makesFolder(kind string) bool { return kind == "dir" || kind == "fs" || kind == "netfs" }

// newPoolName refuses a name that there is: libvirt would change that pool.
func newPoolName(conn *libvirt.Connect, name string) error {
	p, err := conn.LookupStoragePoolByName(name)
	switch {
	case hasCode(err, libvirt.ERR_NO_STORAGE_POOL):
		return nil
	case err != nil:
		return err
	}
	_ = p.Free()
	return errs.New(errs.AlreadyExists, "There is already a storage pool called “%s”.", name)
}

// finishPool makes a pool that is defined as it is wanted.
func finishPool(p *libvirt.StoragePool, spec *model.PoolSpec, folderThere bool) error {
	if err := buildPool(p, spec, folderThere); err != nil {
		return err
	}
	if spec.Autostart != nil && *spec.Autostart {
		if err := p.SetAutostart(true); err != nil {
			return err
		}
	}
	if spec.Start == nil || *spec.Start {
		return p.Create(libvirt.STORAGE_POOL_CREATE_NORMAL)
	}
	return nil
}

// buildPool makes what a pool needs: its folder, and if that is wanted what is
// on its devices. What these hold is kept unless the spec says otherwise. A folder
// that is there keeps its mode, which libvirt changes for a pool of a server.
func buildPool(p *libvirt.StoragePool, spec *model.PoolSpec, folderThere bool) error {
	switch {
	case spec.Build && spec.Kind == "zfs": // zpool itself refuses what is in use
		return p.Build(libvirt.STORAGE_POOL_BUILD_NEW)
	case spec.Build && spec.Overwrite:
		return p.Build(libvirt.STORAGE_POOL_BUILD_OVERWRITE)
	case spec.Build:
		return p.Build(libvirt.STORAGE_POOL_BUILD_NO_OVERWRITE)
	case makesFolder(spec.Kind) && !folderThere:
		return p.Build(libvirt.STORAGE_POOL_BUILD_NEW) // the folder, if it is not there
	}
	return nil
}

// DeletePool removes a storage pool; see inventory.PoolManager.
func (c *Conn) DeletePool(ctx context.Context, uuid string, storage bool) (kept, err error) {
	if storage || c.storage.of(uuid).mounted {
		if err := c.poolAnswers(ctx, uuid); err != nil {
			return nil, err
		}
	}
	err = c.onPool(context.WithoutCancel(ctx), uuid, func(p *libvirt.StoragePool) error {
		persistent, err := p.IsPersistent()
		if err != nil {
			return err
		}
		active, err := p.IsActive()
		if err != nil {
			return err
		}
		if active {
			if err := p.Destroy(); err != nil {
				return err
			}
		}
		if !persistent {
			return nil
		}
		if storage {
			kept = translate(p.Delete(libvirt.STORAGE_POOL_DELETE_NORMAL), true)
		}
		return p.Undefine()
	})
	return kept, err
}
