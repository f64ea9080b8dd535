package virt

import (
	"context"
	"path/filepath"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/model"
)

// Volumes reads all volumes of a pool; see inventory.VolumeReader. libvirt has
// no call for all of them at once: of ten thousand that takes some seconds.
func (c *Conn) Volumes(ctx context.Context, pool string) ([]*model.StorageVolume, error) {
	return operate(ctx, c, work[[]*model.StorageVolume]{pool: pool, lane: laneVolumes}, func(conn *libvirt.Connect) ([]*model.StorageVolume, error) {
		p, err := conn.LookupStoragePoolByUUIDString(pool)
		if err != nil {
			return nil, err
		}
		defer p.Free()
		active, err := p.IsActive()
		if err != nil || !active {
			return nil, err
		}
		if mark, err := markPool(p); err == nil {
			c.pooled.read(pool, mark)
		}
		found, err := p.ListAllStorageVolumes(0)
		if err != nil {
			return nil, err
		}
		list, err := askEach(ctx, found, (*libvirt.StorageVol).Free, libvirt.ERR_NO_STORAGE_VOL, func(v *libvirt.StorageVol) (*model.StorageVolume, error) {
			return c.askVolume(ctx, conn, v, pool)
		})
		if err == nil {
			c.bases.noteAll(pool, list)
		}
		return list, err
	})
}

// Volume reads one volume; see inventory.VolumeReader.
func (c *Conn) Volume(ctx context.Context, pool, name string) (*model.StorageVolume, error) {
	return readVolumes(ctx, c, pool, volumePatience, func(conn *libvirt.Connect) (volume *model.StorageVolume, err error) {
		err = withVolume(conn, pool, name, func(v *libvirt.StorageVol) error {
			if volume, err = c.askVolume(ctx, conn, v, pool); err == nil {
				c.bases.note(pool, volume)
			}
			return err
		})
		return volume, err
	})
}

// VolumeAt reads the volume at a place on the host; see inventory.VolumeReader.
func (c *Conn) VolumeAt(ctx context.Context, place string) (*model.StorageVolume, error) {
	if err := c.refuseSilent(ctx, place); err != nil {
		return nil, err
	}
	return readVolumes(ctx, c, c.storage.holding(place), volumePatience, func(conn *libvirt.Connect) (*model.StorageVolume, error) {
		v, err := c.volumeAt(conn, place)
		if err != nil {
			return nil, err
		}
		defer v.Free()
		p, err := v.LookupPoolByVolume()
		if err != nil {
			return nil, err
		}
		defer p.Free()
		volume, err := c.askVolume(ctx, conn, v, uuidOf(p))
		if err == nil {
			c.bases.note(uuidOf(p), volume)
		}
		return volume, err
	})
}

// RealPath returns a path without links; see inventory.VolumeReader.
func (c *Conn) RealPath(ctx context.Context, path string) (string, error) {
	info, err := c.probeFile(ctx, path)
	if err != nil || info.kind == fileHidden && !IsHere(c.uri) {
		return filepath.Clean(path), err
	}
	return info.path, nil
}

// askVolume reads everything about one volume. One that cannot be looked into,
// such as a folder or an image that is broken, is shown by what is known of it; so
// is one whose base image does not answer.
func (c *Conn) askVolume(ctx context.Context, conn *libvirt.Connect, v *libvirt.StorageVol, pool string) (*model.StorageVolume, error) {
	name, err := v.GetName()
	if err != nil {
		return nil, err
	}
	volume := &model.StorageVolume{}
	if base, err := c.volumeAnswers(ctx, conn, v); err != nil {
		volume.Place, _ = v.GetPath()
		volume.Backing = base
		volume.Name, volume.Pool = name, model.PoolPath(pool)
		return volume, ctx.Err()
	}
	xml, err := v.GetXMLDesc(0)
	switch {
	case err == nil:
		if parsed, err := domainxml.ParseVolume(xml); err == nil {
			volume = parsed
		} // else its name or place is no text for XML
	case hasCode(err, libvirt.ERR_NO_STORAGE_VOL), hasCode(err, libvirt.ERR_NO_STORAGE_POOL), hasCode(err, libvirt.ERR_RPC):
		return nil, err
	}
	if volume.Place == "" {
		volume.Place, _ = v.GetPath()
	}
	// The name as libvirt looks it up: XML has no room for every byte.
	volume.Name, volume.Pool = name, model.PoolPath(pool)
	return volume, nil
}
