package virt

import (
	"slices"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

// onUses looks at a volume and at what needs it, and then changes or removes it.
// Until that has ended, no VM gets the volume.
func (c *Conn) onUses(conn *libvirt.Connect, v *libvirt.StorageVol, stays func(*uses, *imageID) error, do func() error) error {
	return c.onUsesBut(conn, "", v, stays, do)
}

// onUsesBut is onUses without what one VM needs.
func (c *Conn) onUsesBut(conn *libvirt.Connect, without string, v *libvirt.StorageVol, stays func(*uses, *imageID) error, do func() error) error {
	path, err := v.GetPath()
	if err != nil {
		return err
	}
	mine := c.claims.add(use{id: c.eyes.identify(path), writes: true, job: true})
	defer c.claims.drop(mine)
	u, err := c.users(conn, without, mine)
	if err != nil {
		return err
	}
	id, err := u.volume(v)
	if err != nil {
		return err
	}
	if err := stays(u, &id); err != nil {
		return err
	}
	return do()
}

// noVM says which VM needs a volume, if one does, or which volume of a pool that is
// not active: those of active ones are the caller's to know.
func noVM(v *libvirt.StorageVol) func(*uses, *imageID) error {
	return func(u *uses, id *imageID) error {
		if err := u.refuse(v, id); err != nil {
			return err
		}
		return madeOf(u.overlayAmong(id, u.absentOverlays()))
	}
}

// unused says why a volume has to stay, if it has to; see inventory.NewVolumes for
// copied.
func unused(v *libvirt.StorageVol, copied string) func(*uses, *imageID) error {
	return func(u *uses, id *imageID) error {
		if err := u.refuse(v, id); err != nil {
			return err
		}
		if copied != "" {
			copied := u.identify(copied)
			if by := u.of(&copied, func(b *use) bool { return !b.job }); by == nil || !by.sure {
				return errs.New(errs.DeviceInUse, "No virtual machine has the copy of the volume.")
			}
		}
		return u.noOverlay(id)
	}
}

// unwanted is unused for a volume that a job has made and that is not wanted after
// all. It is too new for anything unknown to be made of it, and for what was
// elsewhere, under the same name and hidden from this process, to be the same file.
func unwanted(v *libvirt.StorageVol) func(*uses, *imageID) error {
	return func(u *uses, id *imageID) error {
		u.lacks = nil
		u.all = slices.DeleteFunc(u.all, func(b use) bool { return u.like(id, &b.id) == perhaps })
		return unused(v, "")(u, id)
	}
}

// replaceable is changeable for a volume that was just found to be that, or made.
func replaceable(v *libvirt.StorageVol) func(*uses, *imageID) error {
	return func(u *uses, id *imageID) error {
		u.lacks = nil
		return changeable(v)(u, id)
	}
}

// changeable says why the content of a volume has to stay, if it has to. A VM that
// is off can cope with a change.
func changeable(v *libvirt.StorageVol) func(*uses, *imageID) error {
	return func(u *uses, id *imageID) error {
		switch by := u.of(id, func(b *use) bool { return b.base || b.active || b.job }); {
		case by != nil && by.active && !by.base && by.sure:
			return errs.New(errs.DeviceInUse, "“%s” is running and uses the volume “%s”. Turn it off first.", by.vm, nameOf(v))
		case by != nil:
			return u.inUse(by, nameOf(v))
		case u.unknown() != nil:
			return u.unknown()
		}
		return u.noOverlay(id)
	}
}
