package virt

import (
	"path/filepath"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// use is who needs an image.
type use struct {
	vm     string
	active bool // the VM runs
	base   bool // what is in the VM, or what it can go back to, is made of it
}

// uses is the images that VMs need, by path.
type uses struct {
	conn    *libvirt.Connect
	by      map[string]use
	unknown error // why there may be more; nil when these are all

	asleep    []*model.StoragePool // those that are not active; nil before they are asked for
	refreshed map[string]error     // by folder: what came of looking through its pool again
}

// users finds what VMs need, but for one: what a VM has now and what it will
// have, what its snapshots are of, and what any of that is made of. libvirt lists
// in no pool what it has made for a snapshot.
func users(conn *libvirt.Connect, without string) (*uses, error) {
	doms, err := conn.ListAllDomains(0)
	if err != nil {
		return nil, err
	}
	defer freeRest(doms, (*libvirt.Domain).Free)
	u := &uses{conn: conn, by: map[string]use{}, refreshed: map[string]error{}}
	for i := range doms {
		if uuidOf(&doms[i]) == without {
			continue
		}
		if err := u.add(&doms[i]); err != nil && !hasCode(err, libvirt.ERR_NO_DOMAIN) { // it went away meanwhile
			return nil, err
		}
	}
	return u, nil
}

func (u *uses) add(dom *libvirt.Domain) error {
	name, err := dom.GetName()
	if err != nil {
		return err
	}
	active, err := dom.IsActive()
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, flags := range []libvirt.DomainXMLFlags{0, libvirt.DOMAIN_XML_INACTIVE} {
		xml, err := dom.GetXMLDesc(flags)
		if err != nil {
			return err
		}
		images, err := domainxml.Images(xml)
		if err != nil {
			return err
		}
		u.take(name, images, own, active)
	}
	return u.addSnapshots(dom, name, own)
}

// take notes images of a VM's own, which are added to those that it has.
func (u *uses) take(vm string, images []domainxml.Image, own map[string]bool, active bool) {
	for i := range images {
		d := &images[i].Device
		path := pathOf(u.conn, d)
		u.note(path, use{vm, active, images[i].Base})
		if path == "" || !own[path] {
			u.follow(vm, d, path, active)
		}
		own[path] = true
	}
}

// addSnapshots notes what a VM needs to go back. What it goes on with is no more
// needed for that than it was.
func (u *uses) addSnapshots(dom *libvirt.Domain, vm string, own map[string]bool) error {
	found, err := dom.ListAllSnapshots(0)
	if unsupported(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer freeRest(found, (*libvirt.DomainSnapshot).Free)
	for i := range found {
		xml, err := found[i].GetXMLDesc(0)
		if hasCode(err, libvirt.ERR_NO_DOMAIN_SNAPSHOT) {
			continue // it went away meanwhile
		}
		if err != nil {
			return err
		}
		images, err := domainxml.SnapshotImages(xml)
		if err != nil {
			return err
		}
		for j := range images {
			d := &images[j].Device
			path := pathOf(u.conn, d)
			if path != "" && own[path] {
				continue
			}
			own[path] = true
			u.note(path, use{vm: vm, base: true})
			u.follow(vm, d, path, false)
		}
	}
	return nil
}

// note keeps the strongest need.
func (u *uses) note(path string, next use) {
	old, known := u.by[path]
	if path == "" || known && (old.base || !next.base) && (old.active || !next.active) {
		return
	}
	u.by[path] = use{next.vm, old.active || next.active, old.base || next.base}
}

// follow notes what the image of a disk is made of, as the pools tell. A VM that
// runs names that itself, but not on every hypervisor.
func (u *uses) follow(vm string, d *model.Device, path string, active bool) {
	if d.Format == "" || d.Format == "raw" { // QEMU does not look into it, either
		return
	}
	for seen := map[string]bool{}; !seen[path]; {
		seen[path] = true
		made, err := u.backing(path)
		if err != nil || made == "" {
			if err != nil && !active {
				u.missing(vm, d, path, err)
			}
			return
		}
		u.note(made, use{vm, active, true})
		path = made
	}
}

// backing is what the image at a path is made of. One that its pool does not
// list may have been made behind libvirt's back.
func (u *uses) backing(path string) (string, error) {
	vol, err := u.conn.LookupStorageVolByPath(path)
	if hasCode(err, libvirt.ERR_NO_STORAGE_VOL) && u.refresh(filepath.Dir(path)) {
		vol, err = u.conn.LookupStorageVolByPath(path)
	}
	if err != nil {
		return "", err
	}
	defer vol.Free()
	facts, err := factsOf(vol)
	return facts.Backing, err
}

// refresh has libvirt look again what is in a folder, once, if a pool is there.
func (u *uses) refresh(folder string) bool {
	if _, again := u.refreshed[folder]; again {
		return false
	}
	u.refreshed[folder] = nil
	pool, err := u.conn.LookupStoragePoolByTargetPath(folder)
	if err != nil {
		return false
	}
	defer pool.Free()
	err = pool.Refresh(0)
	u.refreshed[folder] = err
	return err == nil
}

// missing is about an image that no active pool has. Where its pool is not active,
// or too busy to be looked through, nobody knows what it is made of.
func (u *uses) missing(vm string, d *model.Device, path string, err error) {
	if u.unknown != nil || path != "" && !hasCode(err, libvirt.ERR_NO_STORAGE_VOL) {
		return
	}
	if pool := u.asleepAt(d, path); pool != "" {
		u.unknown = errs.New(errs.InvalidState,
			"The storage pool “%s” is not active, so nobody knows what the disk %s of “%s” is made of. Start the pool first.", pool, d.Target, vm)
	} else if u.refreshed[filepath.Dir(path)] != nil {
		u.unknown = errs.New(errs.Busy,
			"It cannot be found out now what the disk %s of “%s” is made of. Try again when nothing is copied in its storage pool.", d.Target, vm)
	}
}

// asleepAt is the name of the pool that is not active and has a disk's image.
func (u *uses) asleepAt(d *model.Device, path string) string {
	if u.asleep == nil {
		u.asleep = sleepers(u.conn)
	}
	for _, p := range u.asleep {
		if path == "" && p.Name == d.Pool || path != "" && p.Target != "" && filepath.Clean(p.Target) == filepath.Dir(path) {
			return p.Name
		}
	}
	return ""
}

// sleepers is the pools that are not active.
func sleepers(conn *libvirt.Connect) []*model.StoragePool {
	list := []*model.StoragePool{}
	pools, err := conn.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_INACTIVE)
	if err != nil {
		return list
	}
	defer freeRest(pools, (*libvirt.StoragePool).Free)
	for i := range pools {
		xml, err := pools[i].GetXMLDesc(0)
		if err != nil {
			continue // it went away meanwhile
		}
		if p, err := domainxml.ParsePool(xml); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// usesOf finds what VMs need, and where a volume is.
func usesOf(conn *libvirt.Connect, v *libvirt.StorageVol) (u *uses, path string, err error) {
	if path, err = v.GetPath(); err != nil {
		return nil, "", err
	}
	u, err = users(conn, "")
	return u, path, err
}

// noVM says which VM needs a volume, if one does, and what helps.
func noVM(conn *libvirt.Connect, v *libvirt.StorageVol) error {
	u, path, err := usesOf(conn, v)
	if err != nil {
		return err
	}
	return u.refuse(v, path)
}

func (u *uses) refuse(v *libvirt.StorageVol, path string) error {
	by := u.by[path]
	switch name := nameOf(v); {
	case by.base:
		return errs.New(errs.DeviceInUse, "“%s” needs the volume “%s”: its disks or its snapshots are made of it. It has to stay as it is.", by.vm, name)
	case by.vm != "":
		return errs.New(errs.DeviceInUse, "“%s” uses the volume “%s”. Remove the disk from the virtual machine first.", by.vm, name)
	}
	return u.unknown
}

func nameOf(v *libvirt.StorageVol) string {
	name, _ := v.GetName()
	return strings.ToValidUTF8(name, "\uFFFD")
}

// unused says why a volume has to stay, if it has to; see inventory.NewVolumes for
// copied.
func unused(conn *libvirt.Connect, v *libvirt.StorageVol, copied string) error {
	u, path, err := usesOf(conn, v)
	if err != nil {
		return err
	}
	if err := u.refuse(v, path); err != nil {
		return err
	}
	if copied != "" && u.by[copied].vm == "" {
		return errs.New(errs.DeviceInUse, "No virtual machine has the copy of the volume.")
	}
	return noOverlay(conn, path)
}

// unwanted is unused for a volume that a job has made and that is not wanted after
// all. It is too new for what nobody knows to be made of it.
func unwanted(conn *libvirt.Connect, v *libvirt.StorageVol) error {
	u, path, err := usesOf(conn, v)
	if err != nil {
		return err
	}
	u.unknown = nil
	if err := u.refuse(v, path); err != nil {
		return err
	}
	return noOverlay(conn, path)
}

// changeable says why what is in a volume has to stay, if it has to. A VM that is
// off can cope with a change.
func changeable(conn *libvirt.Connect, v *libvirt.StorageVol) error {
	u, path, err := usesOf(conn, v)
	if err != nil {
		return err
	}
	switch by := u.by[path]; {
	case by.base:
		return u.refuse(v, path)
	case by.active:
		return errs.New(errs.DeviceInUse, "“%s” is running and uses the volume “%s”. Turn it off first.", by.vm, nameOf(v))
	case u.unknown != nil:
		return u.unknown
	}
	return noOverlay(conn, path)
}

// noOverlay says which volume is made of what is at a path, if one is.
func noOverlay(conn *libvirt.Connect, path string) error {
	made, err := overlays(conn)
	if err != nil && !unsupported(err) {
		return err
	}
	if list := made[path]; len(list) > 0 {
		return errs.New(errs.DeviceInUse, "The volume “%s” is made of it.", list[0])
	}
	return nil
}
