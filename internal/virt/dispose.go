package virt

import (
	"context"
	"fmt"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// Storage says what is behind the disks of a VM and whether only it needs that;
// see inventory.Conn.
func (c *Conn) Storage(ctx context.Context, uuid string) ([]inventory.DiskStorage, error) {
	return onVM(ctx, c, work[[]inventory.DiskStorage]{uuid: uuid}, func(dom *libvirt.Domain) ([]inventory.DiskStorage, error) {
		xml, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
		if err != nil {
			return nil, err
		}
		vm, err := domainxml.ParseVM("", xml)
		if err != nil {
			return nil, err
		}
		conn, err := dom.DomainGetConnect()
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		used, err := users(conn, uuid)
		if err != nil {
			return nil, err
		}
		made, err := overlays(conn)
		if err != nil && !unsupported(err) {
			return nil, err
		}
		var list []inventory.DiskStorage
		for _, d := range vm.Disks {
			if d.Source != "" || d.Volume != "" {
				list = append(list, storageOf(conn, d, used, made))
			}
		}
		return list, nil
	})
}

func storageOf(conn *libvirt.Connect, d *model.Device, used *uses, made map[string][]string) inventory.DiskStorage {
	s := inventory.DiskStorage{Disk: d.ID}
	kept := func(format string, args ...any) inventory.DiskStorage {
		s.Kept = fmt.Sprintf(format, args...)
		return s
	}
	switch {
	case d.Kind != model.KindDisk:
		return kept("%s holds a medium, which is kept.", d.Target)
	case d.ReadOnly:
		return kept("%s is read-only.", d.Target)
	case d.Shareable:
		return kept("%s is meant to be shared.", d.Target)
	case d.Type != "file" && d.Type != "block" && d.Type != "volume":
		return kept("%s is not on a volume of a storage pool.", d.Target)
	}
	i, err := imageOf(conn, d.Source, d.Pool, d.Volume)
	if err != nil {
		return kept("%s is not on a volume of a storage pool that is active.", d.Target)
	}
	defer i.vol.Free()
	s.Volume, s.Name = i.facts.Path, i.facts.Name
	if pool, err := i.vol.LookupPoolByVolume(); err == nil {
		s.Pool = uuidOf(pool)
		_ = pool.Free()
	}
	switch other := used.by[s.Volume].vm; {
	case other != "":
		return kept("%s is used by “%s”, too.", d.Target, other)
	case len(made[s.Volume]) > 0:
		return kept("%s is what the volume “%s” is made of.", d.Target, made[s.Volume][0])
	case used.unknown != nil:
		_, reason := errs.Of(used.unknown)
		return kept("%s", reason)
	}
	return s
}

// DeleteVolume removes the volume at a path, and what it holds; see
// inventory.Conn.
func (c *Conn) DeleteVolume(ctx context.Context, path string) error {
	pool, err := operate(ctx, c, work[string]{}, func(conn *libvirt.Connect) (string, error) {
		vol, err := conn.LookupStorageVolByPath(path)
		if err != nil {
			return "", err
		}
		defer vol.Free()
		pool, err := vol.LookupPoolByVolume()
		if err != nil {
			return "", err
		}
		defer pool.Free()
		if err := unused(conn, vol, ""); err != nil {
			return "", err
		}
		return uuidOf(pool), vol.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL)
	})
	if err == nil {
		c.hint(inventory.PoolEvent, pool, false)
	}
	return err
}
