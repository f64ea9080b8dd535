package virt

import (
	"fmt"
	"path/filepath"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// image is a disk's volume. Its owner frees it.
type image struct {
	vol   *libvirt.StorageVol
	facts domainxml.ImageFacts
}

// imageOf finds the volume that a disk is on. A file that is in no pool is
// NotFound.
func (c *Conn) imageOf(conn *libvirt.Connect, d *model.Device) (*image, error) {
	vol, err := c.volumeOf(conn, d)
	if err != nil {
		return nil, err
	}
	if d.Volume == "" && inScratch(vol) {
		_ = vol.Free()
		return nil, errs.New(errs.NotFound, "This image is in no storage pool.")
	}
	i := &image{vol: vol}
	if i.facts, err = c.facts(conn, vol); err != nil {
		_ = vol.Free()
		return nil, err
	}
	return i, nil
}

// volumeOf finds the volume that a disk is on: by the names of pool and volume, or
// by its path, however that is spelled.
func (c *Conn) volumeOf(conn *libvirt.Connect, d *model.Device) (*libvirt.StorageVol, error) {
	if d.Volume == "" {
		return c.volumeAt(conn, d.Source)
	}
	p, err := conn.LookupStoragePoolByName(d.Pool)
	if err != nil {
		return nil, err
	}
	defer p.Free()
	return p.LookupStorageVolByName(d.Volume)
}

// volumeAt finds the volume that is at a path. libvirt knows only the path that
// begins with the folder of a pool, as the pool spells it.
func (c *Conn) volumeAt(conn *libvirt.Connect, path string) (*libvirt.StorageVol, error) {
	v, err := conn.LookupStorageVolByPath(path)
	if err == nil || !hasCode(err, libvirt.ERR_NO_STORAGE_VOL) {
		return v, err
	}
	id := c.eyes.identify(path)
	if !strings.HasPrefix(id.path, "/") || id.sight == unseen {
		return nil, err
	}
	name := filepath.Base(id.path)
	for _, p := range poolsOf(conn) {
		if !p.active || p.target == "" {
			continue
		}
		there := c.eyes.identify(p.target + "/" + name)
		if there.sight == unseen || there.like(&id) != same {
			continue
		}
		if v, again := conn.LookupStorageVolByPath(there.spelled); again == nil {
			return v, nil
		}
	}
	return nil, err
}

// pathOf is where a disk's image is; empty when nobody knows.
func (c *Conn) pathOf(conn *libvirt.Connect, d *model.Device) string {
	if d.Volume == "" {
		return d.Source
	}
	vol, err := c.volumeOf(conn, d)
	if err != nil {
		return ""
	}
	defer vol.Free()
	path, err := vol.GetPath()
	if err != nil {
		return ""
	}
	return path
}

// notAVolume says what helps with an image that no pool has.
func notAVolume(err error, target string) error {
	if hasCode(err, libvirt.ERR_NO_STORAGE_VOL, libvirt.ERR_NO_STORAGE_POOL) || errs.Is(err, errs.NotFound) {
		return errs.Wrap(errs.NotSupported, err, "The image of the disk %s is in no storage pool that is active. Move it into one first.", target)
	}
	return err
}

// freeName is a name that no volume of a pool has yet.
func freeName(pool *libvirt.StoragePool, stem, ending string) (string, error) {
	for n := 0; ; n++ {
		name := stem + ending
		if n > 0 {
			name = fmt.Sprintf("%s-%d%s", stem, n, ending)
		}
		vol, err := pool.LookupStorageVolByName(name)
		if hasCode(err, libvirt.ERR_NO_STORAGE_VOL) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		_ = vol.Free()
	}
}
