package virt

import (
	"fmt"

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

// imageOf finds the volume that a disk is on: by its path, or by the names of
// pool and volume. A file that is in no pool is NotFound.
func imageOf(conn *libvirt.Connect, path, pool, volume string) (*image, error) {
	vol, err := volumeOf(conn, path, pool, volume)
	if err != nil {
		return nil, err
	}
	if volume == "" && inScratch(vol) {
		_ = vol.Free()
		return nil, errs.New(errs.NotFound, "This image is in no storage pool.")
	}
	xml, err := vol.GetXMLDesc(0)
	if err == nil {
		i := &image{vol: vol}
		if i.facts, err = domainxml.ParseImage(xml); err == nil {
			return i, nil
		}
	}
	_ = vol.Free()
	return nil, err
}

func volumeOf(conn *libvirt.Connect, path, pool, volume string) (*libvirt.StorageVol, error) {
	if volume == "" {
		return conn.LookupStorageVolByPath(path)
	}
	p, err := conn.LookupStoragePoolByName(pool)
	if err != nil {
		return nil, err
	}
	defer p.Free()
	return p.LookupStorageVolByName(volume)
}

// overlays is the volumes of all pools that run which are made of another one,
// by the path of that one.
func overlays(conn *libvirt.Connect) (map[string][]string, error) {
	pools, err := conn.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE)
	if err != nil {
		return nil, err
	}
	defer freeRest(pools, (*libvirt.StoragePool).Free)
	made := map[string][]string{}
	for i := range pools {
		vols, err := pools[i].ListAllStorageVolumes(0)
		if hasCode(err, libvirt.ERR_NO_STORAGE_POOL) {
			continue // it went away meanwhile
		}
		if err != nil {
			return nil, err
		}
		for j := range vols {
			facts, err := factsOf(&vols[j])
			_ = vols[j].Free()
			if err == nil && facts.Backing != "" { // otherwise it went away meanwhile
				made[facts.Backing] = append(made[facts.Backing], facts.Name)
			}
		}
	}
	return made, nil
}

// pathOf is where a disk's image is; empty when nobody knows.
func pathOf(conn *libvirt.Connect, d *model.Device) string {
	if d.Volume == "" {
		return d.Source
	}
	vol, err := volumeOf(conn, "", d.Pool, d.Volume)
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
