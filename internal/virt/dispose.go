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
		used, err := c.users(conn, uuid)
		if err != nil {
			return nil, err
		}
		var list []inventory.DiskStorage
		for _, d := range vm.Disks {
			if d.Source != "" || d.Volume != "" {
				s, err := used.storageOf(d)
				if err != nil {
					return nil, err
				}
				list = append(list, s)
			}
		}
		return list, nil
	})
}

// storageOf says what is behind one disk. The VM is none of the users.
func (u *uses) storageOf(d *model.Device) (inventory.DiskStorage, error) {
	s := inventory.DiskStorage{Disk: d.ID}
	kept := func(format string, args ...any) (inventory.DiskStorage, error) {
		s.Kept = fmt.Sprintf(format, args...)
		return s, nil
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
	i, err := u.over.imageOf(u.conn, d)
	if err != nil {
		return kept("%s is not on a volume of a storage pool that is active.", d.Target)
	}
	defer i.vol.Free()
	s.Volume, s.Name = i.facts.Path, i.facts.Name
	if pool, err := i.vol.LookupPoolByVolume(); err == nil {
		s.Pool = uuidOf(pool)
		_ = pool.Free()
	}
	id, err := u.volume(i.vol)
	if err != nil {
		return s, err
	}
	if by := u.of(&id, nil); by != nil && by.sure && !by.job {
		return kept("%s is used by “%s”, too.", d.Target, by.vm)
	}
	overlay, err := u.overlayOf(&id)
	if err != nil {
		return s, err
	}
	if overlay != "" {
		return kept("%s is what the volume “%s” is made of.", d.Target, model.Printable(overlay))
	}
	if err := u.refuse(i.vol, &id); err != nil {
		_, reason := errs.Of(err)
		return kept("%s", reason)
	}
	return s, nil
}

// DeleteVolume removes the volume at a path, and what it holds; see
// inventory.Conn.
func (c *Conn) DeleteVolume(ctx context.Context, path string) error {
	pool, err := operate(ctx, c, work[string]{}, func(conn *libvirt.Connect) (string, error) {
		if err := c.refuseSilent(ctx, path); errs.Is(err, errs.Timeout) {
			return "", err
		}
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
		return uuidOf(pool), c.onUses(conn, vol, unused(vol, ""), func() error { return vol.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL) })
	})
	if err == nil {
		c.hint(inventory.PoolEvent, pool, false)
	}
	return err
}
