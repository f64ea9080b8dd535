package virt

import (
	"context"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/service/inventory"
)

// volumeXML describes a new volume.
func volumeXML(v inventory.NewVolume) (string, error) {
	n := domainxml.NewVolume{Name: v.Name, Format: v.Format, Capacity: v.Capacity, Allocation: v.Allocation}
	if v.Backing != "" {
		n.Base = &domainxml.ImageFacts{Path: v.Backing, Format: v.BackingFormat}
	}
	return domainxml.NewVolumeXML(n)
}

// CreateVolume makes a volume; see inventory.VolumeManager. It is waited for
// even when ctx ends: whoever cancels removes what was made, and must know of
// it.
func (c *Conn) CreateVolume(ctx context.Context, pool string, v inventory.NewVolume) error {
	xml, err := volumeXML(v)
	if err != nil {
		return err
	}
	return c.inPool(context.WithoutCancel(ctx), pool, func(conn *libvirt.Connect, p *libvirt.StoragePool) error {
		if v.Backing != "" { // qemu-img opens it
			if _, err := c.inspect(conn, inventory.ImageRights{Storage: true}).place(v.Backing, v.BackingFormat, true); err != nil {
				return err
			}
		}
		made, err := p.StorageVolCreateXML(xml, 0)
		if err != nil {
			return err
		}
		return made.Free()
	})
}

// CopyVolume copies a volume; see inventory.VolumeManager.
func (c *Conn) CopyVolume(ctx context.Context, fromPool, from, pool string, v inventory.NewVolume, progress func(done, total uint64)) error {
	xml, err := volumeXML(v)
	if err != nil {
		return err
	}
	return c.inPoolAs(ctx, moving, pool, func(conn *libvirt.Connect, p *libvirt.StoragePool) error {
		return withVolume(conn, fromPool, from, func(original *libvirt.StorageVol) error {
			info, err := original.GetInfo()
			if err != nil {
				return err
			}
			stop := followVolume(p, v.Name, func(done uint64) { progress(done, info.Allocation) })
			i := c.inspect(conn, inventory.ImageRights{Storage: true})
			made, err := copyVolume(i, original, p, xml)
			stop()
			if err != nil {
				return err
			}
			return made.Free()
		})
	})
}

// inPool runs work in a pool, beside other work in it.
func (c *Conn) inPool(ctx context.Context, pool string, do func(*libvirt.Connect, *libvirt.StoragePool) error) error {
	return c.inPoolAs(ctx, work[struct{}]{lane: laneVolumes}, pool, do)
}

func (c *Conn) inPoolAs(ctx context.Context, w work[struct{}], pool string, do func(*libvirt.Connect, *libvirt.StoragePool) error) error {
	w.pool = pool
	_, err := operate(ctx, c, w, func(conn *libvirt.Connect) (struct{}, error) {
		p, err := conn.LookupStoragePoolByUUIDString(pool)
		if err != nil {
			return struct{}{}, err
		}
		defer p.Free()
		return struct{}{}, do(conn, p)
	})
	return err
}

// DeleteVolumeOf removes a volume that no VM needs; see inventory.VolumeManager.
func (c *Conn) DeleteVolumeOf(ctx context.Context, pool, name string) error {
	return c.dropUnless(context.WithoutCancel(ctx), pool, name, noVM)
}

// CheckPool says which VM needs a volume of a pool; see inventory.VolumeManager.
func (c *Conn) CheckPool(ctx context.Context, pool string) error {
	return c.inPool(ctx, pool, func(conn *libvirt.Connect, p *libvirt.StoragePool) error {
		u, err := c.users(conn, "")
		if err != nil {
			return err
		}
		vols, err := p.ListAllStorageVolumes(0)
		if err != nil {
			return err
		}
		defer freeRest(vols, (*libvirt.StorageVol).Free)
		for i := range vols {
			id, err := u.volume(&vols[i])
			if err != nil {
				continue // it went away meanwhile
			}
			if err := u.refuse(&vols[i], &id); err != nil {
				return err
			}
		}
		return nil
	})
}

// ResizeVolume changes a volume's size; see inventory.VolumeManager.
func (c *Conn) ResizeVolume(ctx context.Context, pool, name string, capacity uint64, shrink bool) error {
	var flags libvirt.StorageVolResizeFlags
	if shrink {
		flags = libvirt.STORAGE_VOL_RESIZE_SHRINK
	}
	return c.onVolume(context.WithoutCancel(ctx), pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		return c.onUses(conn, v, changeable(v), func() error {
			return resizeVolume(c.inspect(conn, inventory.ImageRights{Storage: true}), v, capacity, flags)
		})
	})
}

// CheckVolume says why a volume has to stay as it is; see inventory.VolumeManager.
func (c *Conn) CheckVolume(ctx context.Context, pool, name string) error {
	return c.onVolume(ctx, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		u, err := c.users(conn, "")
		if err != nil {
			return err
		}
		id, err := u.volume(v)
		if err != nil {
			return err
		}
		return changeable(v)(u, &id)
	})
}

// WipeVolume overwrites a volume; see inventory.VolumeManager. libvirt says how
// far it is only by how much room the volume takes.
func (c *Conn) WipeVolume(ctx context.Context, pool, name string, progress func(done, total uint64)) error {
	return c.inPoolAs(ctx, moving, pool, func(conn *libvirt.Connect, p *libvirt.StoragePool) error {
		return withVolume(conn, pool, name, func(v *libvirt.StorageVol) error {
			return c.onUses(conn, v, unused(v, ""), func() error {
				info, err := v.GetInfo()
				if err != nil {
					return err
				}
				if info.Allocation < info.Capacity {
					defer followVolume(p, name, func(done uint64) { progress(done, info.Capacity) })()
				}
				return v.Wipe(0)
			})
		})
	})
}

// followVolume reports how much room a volume takes until it is told to stop.
func followVolume(pool *libvirt.StoragePool, name string, report func(allocation uint64)) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(cloneTick)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			vol, err := pool.LookupStorageVolByName(name)
			if err != nil {
				continue
			}
			if info, err := vol.GetInfo(); err == nil {
				report(info.Allocation)
			}
			_ = vol.Free()
		}
	}()
	return func() { close(quit); <-ended }
}
