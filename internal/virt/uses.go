package virt

import (
	"path/filepath"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// use is one need of an image.
type use struct {
	uuid, vm string
	id       imageID
	active   bool   // the VM runs
	writes   bool   // the VM writes to it
	format   string // what the VM takes it for; empty where nothing tells
	base     bool   // a disk or a snapshot of the VM depends on its content
	drive    bool   // a medium in a CD-ROM or floppy drive
	template bool   // the VM is a template
	job      bool   // not a VM, but an operation that is under way
}

// uses is the images that VMs need, as libvirt knows at one moment.
type uses struct {
	over  *Conn
	conn  *libvirt.Connect
	all   []use
	lacks []error            // why the base images of some are not known
	known map[string]imageID // identities, by path as it was spelled

	pools     []poolFacts // nil before they are asked for
	overlays  []overlay   // the same
	listed    bool        // overlays were asked for
	prints    map[string]print
	refreshed map[string]error // by pool: the result of refreshing it
}

// overlay is a volume that has a base image.
type overlay struct {
	name string
	base imageID
}

// print is what libvirt sees of a volume's file. Two paths to one file have one
// print, and two files hardly ever do.
type print struct {
	length            uint64
	modified, changed int64
}

// users finds the images that VMs need, without those of one VM: what a VM has
// now and at its next boot, what its snapshots are of, and the base images of all
// that. libvirt lists in no pool what it has made for a snapshot. What operations
// have claimed is added, but for mine.
func (c *Conn) users(conn *libvirt.Connect, without string, mine ...*claim) (*uses, error) {
	doms, err := conn.ListAllDomains(0)
	if err != nil {
		return nil, err
	}
	defer freeRest(doms, (*libvirt.Domain).Free)
	u := c.noUsers(conn)
	for i := range doms {
		if uuidOf(&doms[i]) == without {
			continue
		}
		if err := u.add(&doms[i]); err != nil && !hasCode(err, libvirt.ERR_NO_DOMAIN) { // it went away meanwhile
			return nil, err
		}
	}
	u.all = append(u.all, c.claims.others(mine)...)
	return u, nil
}

func (c *Conn) noUsers(conn *libvirt.Connect) *uses {
	return &uses{over: c, conn: conn, known: map[string]imageID{}, prints: map[string]print{}, refreshed: map[string]error{}}
}

// identify returns the identity of what is at a path, as it was when these uses
// were found.
func (u *uses) identify(path string) imageID {
	id, known := u.known[path]
	if !known {
		id = u.over.eyes.identify(path)
		u.known[path] = id
	}
	return id
}

// reading is one VM whose images are read.
type reading struct {
	use
	own map[any]bool // paths and files of what the VM has
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
	r := &reading{use: use{uuid: uuidOf(dom), vm: name, active: active}, own: map[any]bool{}}
	ask := []func() (string, error){
		func() (string, error) { return dom.GetXMLDesc(0) },
		func() (string, error) { return dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE) },
	}
	if saved, err := optional(dom.HasManagedSaveImage(0)); err == nil && saved {
		ask = append(ask, func() (string, error) { return dom.ManagedSaveGetXMLDesc(0) })
	}
	for _, xmlOf := range ask {
		xml, err := xmlOf()
		if err != nil {
			return err
		}
		images, err := domainxml.Images(xml)
		if err != nil {
			return err
		}
		if r.template, err = domainxml.IsTemplate(xml); err != nil {
			return err
		}
		for i := range images {
			u.take(r, &images[i])
		}
	}
	return u.addSnapshots(dom, r)
}

// take adds an image that a VM has.
func (u *uses) take(r *reading, image *domainxml.Image) {
	path := u.pathOf(&image.Device)
	id := u.identify(path)
	u.note(r, id, image, image.Base)
	if path == "" || !r.has(id) || image.Whole {
		u.follow(r, image, id, r.active)
	}
	r.keep(id)
}

func (r *reading) keep(id imageID) {
	r.own[id.path] = true
	if id.sight == seen {
		r.own[id.file] = true
	}
}

func (r *reading) has(id imageID) bool {
	return id.path != "" && (r.own[id.path] || id.sight == seen && r.own[id.file])
}

func (u *uses) note(r *reading, id imageID, image *domainxml.Image, base bool) {
	if id.path == "" {
		return
	}
	next := r.use
	next.id, next.base, next.writes = id, base, image.Writes() && !base
	if image.Type != "" {
		next.format = imageFormat(image.Format)
	}
	next.drive = image.Kind == model.KindCDROM || image.Kind == model.KindFloppy
	u.all = append(u.all, next)
}

// addSnapshots adds what a VM needs to revert. What it goes on with is no more
// needed for that than it was.
func (u *uses) addSnapshots(dom *libvirt.Domain, r *reading) error {
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
			id := u.identify(u.pathOf(&images[j].Device))
			if r.has(id) {
				continue
			}
			r.keep(id)
			u.note(r, id, &images[j], true)
			u.follow(r, &images[j], id, false)
		}
	}
	return nil
}

// follow adds the base images of a disk, as the pools tell. A VM that runs names
// them itself, but not on every hypervisor.
func (u *uses) follow(r *reading, image *domainxml.Image, id imageID, active bool) {
	if f := image.Format; f == "" || f == "raw" || f == domainxml.FormatMemory { // QEMU does not look into it, either
		return
	}
	for seen := map[string]bool{}; !seen[id.path]; {
		seen[id.path] = true
		base, err := u.backing(id)
		if err != nil || base == "" {
			if err != nil && !active && !image.Whole {
				u.missing(r.vm, &image.Device, id, err)
			}
			return
		}
		id = u.identify(base)
		below := domainxml.Image{Device: model.Device{Kind: image.Kind}}
		u.note(r, id, &below, true)
	}
}

// backing is the path of an image's base image; empty if it has none. An image
// that its pool does not list may have been made behind libvirt's back. For one
// whose pool is not active, it is what was known last.
func (u *uses) backing(id imageID) (string, error) {
	vol, err := u.over.volumeAt(u.conn, id.spelled)
	if hasCode(err, libvirt.ERR_NO_STORAGE_VOL) && u.refresh(id) {
		vol, err = u.over.volumeAt(u.conn, id.spelled)
	}
	if err != nil {
		if base, known := u.remembered(id); known {
			return base, nil
		}
		return "", err
	}
	defer vol.Free()
	facts, err := u.over.facts(u.conn, vol)
	if errs.Is(err, errs.Timeout) && facts.Backing != "" {
		return facts.Backing, nil
	}
	if err != nil {
		return "", err
	}
	if pool, err := vol.LookupPoolByVolume(); err == nil {
		u.over.bases.note(uuidOf(pool), &model.StorageVolume{Name: facts.Name, Place: facts.Path, Format: facts.Format, Backing: facts.Backing})
		_ = pool.Free()
	}
	return facts.Backing, nil
}

// remembered returns the base image that an image had when it was last read; false if
// that is not known.
func (u *uses) remembered(id imageID) (base string, known bool) {
	if p := u.poolOf(id, false); p != nil {
		b, known := u.over.bases.named(p.uuid, filepath.Base(id.path))
		return b.backing, known
	}
	return u.over.bases.at(id)
}

// pathOf is where a disk's image is, or will be when its pool is active again; empty
// if that is not known. What is below /dev/disk has other names than volumes have.
func (u *uses) pathOf(d *model.Device) string {
	path := u.over.pathOf(u.conn, d)
	if path != "" || d.Volume == "" {
		return path
	}
	for _, p := range u.allPools() {
		if p.name != d.Pool {
			continue
		}
		b, _ := u.over.bases.named(p.uuid, d.Volume)
		if b.path == "" && p.target != "" && !within(filepath.Clean(p.target), "/dev/disk") {
			return filepath.Join(p.target, d.Volume)
		}
		return b.path
	}
	return ""
}

// refresh has libvirt look again what is in the pool of an image, once. It reports
// whether that has been done.
func (u *uses) refresh(id imageID) bool {
	p := u.poolOf(id, true)
	if p == nil {
		return false
	}
	if _, again := u.refreshed[p.uuid]; again {
		return false
	}
	if u.over.poolAnswers(u.over.ctx, p.uuid) != nil || u.over.basesAnswer(u.over.ctx, p.uuid) != nil {
		return false
	}
	pool, err := u.conn.LookupStoragePoolByUUIDString(p.uuid)
	if err != nil {
		return false
	}
	defer pool.Free()
	err = pool.Refresh(0)
	u.refreshed[p.uuid] = err
	return err == nil
}

// missing is about an image that no active pool has. Where its pool is not active,
// or too busy to be refreshed, its base images are not known.
func (u *uses) missing(vm string, d *model.Device, id imageID, err error) {
	if errs.Is(err, errs.Timeout) {
		if _, known := u.remembered(id); !known {
			u.lacks = append(u.lacks, errs.New(errs.Timeout,
				"The disk %s of “%s” may depend on this, but its storage does not answer. Check the server or the device that it is on, or remove the disk.", d.Target, vm))
		}
		return
	}
	if id.path != "" && !hasCode(err, libvirt.ERR_NO_STORAGE_VOL) {
		return
	}
	pool := ""
	if p := u.poolOf(id, false); p != nil {
		pool = p.name
	}
	if id.path == "" && slices.ContainsFunc(u.allPools(), func(p poolFacts) bool { return !p.active && p.name == d.Pool }) {
		pool = d.Pool
	}
	if pool != "" {
		u.lacks = append(u.lacks, errs.New(errs.InvalidState,
			"The disk %s of “%s” may depend on this, but its storage pool “%s” is not active. Start the pool. If its storage is gone for good, delete the pool or the virtual machine.", d.Target, vm, pool))
	} else if p := u.poolOf(id, true); p != nil && u.refreshed[p.uuid] != nil {
		u.lacks = append(u.lacks, errs.New(errs.Busy,
			"The disk %s of “%s” may depend on this, but its storage pool is busy. Try again when nothing is copied in the pool.", d.Target, vm))
	}
}

// unknown returns why more images may be needed; nil when these are all.
func (u *uses) unknown() error {
	if len(u.lacks) == 0 {
		return nil
	}
	return u.lacks[0]
}

// poolFacts is what a storage pool is called and where it is.
type poolFacts struct {
	name, uuid, target string
	active             bool
}

func (u *uses) allPools() []poolFacts {
	if u.pools == nil {
		u.pools = poolsOf(u.conn)
	}
	return u.pools
}

func poolsOf(conn *libvirt.Connect) []poolFacts {
	list := []poolFacts{}
	pools, err := conn.ListAllStoragePools(0)
	if err != nil {
		return list
	}
	defer freeRest(pools, (*libvirt.StoragePool).Free)
	for i := range pools {
		xml, err := pools[i].GetXMLDesc(0)
		if err != nil {
			continue // it went away meanwhile
		}
		active, err := pools[i].IsActive()
		if err != nil {
			continue
		}
		if p, err := domainxml.ParsePool(xml); err == nil {
			list = append(list, poolFacts{p.Name, p.UUID, p.Target, active})
		}
	}
	return list
}

// poolOf is the pool whose folder an image is in; nil if there is none.
func (u *uses) poolOf(id imageID, active bool) *poolFacts {
	if !strings.HasPrefix(id.path, "/") {
		return nil
	}
	folder := u.identify(filepath.Dir(id.path))
	spelled := u.identify(filepath.Dir(id.spelled))
	for i, p := range u.allPools() {
		if p.active != active || p.target == "" {
			continue
		}
		target := u.identify(p.target)
		if folder.like(&target) == same || spelled.like(&target) == same {
			return &u.pools[i]
		}
	}
	return nil
}

// found is the strongest need of an image.
type found struct {
	use
	sure bool // otherwise the need may be one of another image
}

// of returns the strongest need of an image for which fits reports true, or all
// if it is nil; nil if there is none.
func (u *uses) of(id *imageID, fits func(*use) bool) *found {
	var best *found
	for i := range u.all {
		next := &u.all[i]
		if fits != nil && !fits(next) {
			continue
		}
		how := u.like(id, &next.id)
		if how == different {
			continue
		}
		f := &found{*next, how == same}
		if best == nil || f.strength() > best.strength() {
			best = f
		}
	}
	return best
}

func (f *found) strength() int {
	n := 0
	for i, is := range []bool{true, f.sure, f.active, f.base} {
		if is {
			n += 1 << i
		}
	}
	return n
}

// like compares two images. Where this process cannot see one of them, libvirt
// may: two volumes are different if it sees different files, and an image that
// changes meanwhile is one that something writes to.
func (u *uses) like(a, b *imageID) likeness {
	how := a.like(b)
	if how == same || a.sight == seen && b.sight == seen || a.path == "" || b.path == "" {
		return how
	}
	first, ok := u.printOf(a)
	if !ok {
		return how
	}
	second, ok := u.printOf(b)
	if !ok {
		return how
	}
	if first == second {
		return perhaps
	}
	return different
}

// printOf is what is seen of an image: by this process, or by libvirt if a pool
// has it.
func (u *uses) printOf(id *imageID) (print, bool) {
	if p, asked := u.prints[id.spelled]; asked {
		return p, p != print{}
	}
	p := u.lookAgain(id)
	u.prints[id.spelled] = p
	return p, p != print{}
}

func (u *uses) lookAgain(id *imageID) print {
	if id.sight == seen {
		if id.file.block {
			return print{}
		}
		return print{id.length, id.modified, id.changed}
	}
	vol, err := u.over.volumeAt(u.conn, id.spelled)
	if err != nil {
		return print{}
	}
	defer vol.Free()
	facts, err := u.over.facts(u.conn, vol)
	if err != nil || facts.Changed == 0 {
		return print{}
	}
	return print{facts.Length, facts.Modified, facts.Changed}
}

// changing reports whether an image has changed since it was first looked at, so
// that it was not told from others for sure.
func (u *uses) changing(id *imageID) bool {
	first := u.prints[id.spelled]
	if (first == print{}) {
		return false
	}
	now := u.over.eyes.identify(id.spelled)
	return u.lookAgain(&now) != first
}

// volume identifies a volume.
func (u *uses) volume(v *libvirt.StorageVol) (imageID, error) {
	path, err := v.GetPath()
	if err != nil {
		return imageID{}, err
	}
	id := u.identify(path)
	_, _ = u.printOf(&id) // before anything else is looked at
	return id, nil
}

// refuse says who needs a volume, if anything does, and what helps.
func (u *uses) refuse(v *libvirt.StorageVol, id *imageID) error {
	if err := u.inUse(u.of(id, nil), nameOf(v)); err != nil {
		return err
	}
	if u.changing(id) {
		return errs.New(errs.Busy, "Something writes to the volume “%s”. Try again when it has ended.", nameOf(v))
	}
	return u.unknown()
}

// inUse says that a volume is needed, and what helps.
func (u *uses) inUse(by *found, volume string) error {
	switch {
	case by == nil:
		return nil
	case by.job:
		return errs.New(errs.Busy, "An operation is at work on the volume “%s”. Wait until that has ended.", volume)
	case !by.sure:
		return errs.New(errs.DeviceInUse, "The volume “%s” may be the same as “%s”, which “%s” uses. Remove that from the virtual machine first, or start the storage pool that has it.", volume, model.Printable(by.id.spelled), by.vm)
	case by.base:
		return errs.New(errs.DeviceInUse, "“%s” needs the volume “%s”: its disks or its snapshots are made of it. It has to stay as it is.", by.vm, volume)
	}
	return errs.New(errs.DeviceInUse, "“%s” uses the volume “%s”. Remove the disk from the virtual machine first.", by.vm, volume)
}

func nameOf(v *libvirt.StorageVol) string {
	name, _ := v.GetName()
	return strings.ToValidUTF8(name, "\uFFFD")
}

// noOverlay says which volume has a volume as its base image, if one does.
func (u *uses) noOverlay(id *imageID) error {
	name, err := u.overlayOf(id)
	if err == nil {
		err = madeOf(name)
	}
	return err
}

// madeOf says that a volume has the one at hand as its base image; nil for an empty
// name.
func madeOf(name string) error {
	if name == "" {
		return nil
	}
	return errs.New(errs.DeviceInUse, "The volume “%s” is made of it.", model.Printable(name))
}

// overlayOf is the name of a volume that has an image as its base image; empty if
// there is none.
func (u *uses) overlayOf(id *imageID) (string, error) {
	if id.path == "" {
		return "", nil
	}
	if !u.listed {
		if err := u.listOverlays(); err != nil && !unsupported(err) {
			return "", err
		}
		u.listed = true
	}
	return u.overlayAmong(id, u.overlays), nil
}

func (u *uses) overlayAmong(id *imageID, list []overlay) string {
	for i := range list {
		if u.like(id, &list[i].base) != different {
			return list[i].name
		}
	}
	return ""
}

// absentOverlays lists the volumes with a base image that pools had which are there,
// but not active.
func (u *uses) absentOverlays() []overlay {
	var list []overlay
	for _, p := range u.allPools() {
		if !p.active {
			list = append(list, u.rememberedOverlays(p.uuid)...)
		}
	}
	return list
}

// listOverlays finds the volumes that have a base image: those of all active pools,
// and those that pools had which are there, but not active.
func (u *uses) listOverlays() error {
	pools, err := u.conn.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE)
	if err != nil {
		return err
	}
	defer freeRest(pools, (*libvirt.StoragePool).Free)
	for i := range pools {
		if u.over.poolAnswers(u.over.ctx, uuidOf(&pools[i])) != nil {
			u.overlays = append(u.overlays, u.rememberedOverlays(uuidOf(&pools[i]))...)
			continue
		}
		vols, err := pools[i].ListAllStorageVolumes(0)
		if hasCode(err, libvirt.ERR_NO_STORAGE_POOL) {
			continue // it went away meanwhile
		}
		if err != nil {
			return err
		}
		for j := range vols {
			facts, err := u.over.facts(u.conn, &vols[j])
			_ = vols[j].Free()
			if (err == nil || errs.Is(err, errs.Timeout)) && facts.Backing != "" { // otherwise it went away meanwhile
				u.overlays = append(u.overlays, overlay{facts.Name, u.identify(facts.Backing)})
			}
		}
	}
	u.overlays = append(u.overlays, u.absentOverlays()...)
	return nil
}

// rememberedOverlays lists the volumes of a pool that had a base image when they were
// last read.
func (u *uses) rememberedOverlays(pool string) []overlay {
	var list []overlay
	for name, base := range u.over.bases.of(pool) {
		list = append(list, overlay{name, u.identify(base)})
	}
	return list
}
