package virt

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// cloneTick is how often the progress of a copy is asked for.
const cloneTick = 500 * time.Millisecond

// copying is a VM that is being cloned.
type copying struct {
	ctx     context.Context // its end is looked at between the steps
	over    *Conn
	conn    *libvirt.Connect
	scratch string // begins the names of the connection's own pools
	spec    inventory.CloneSpec
	images  map[string]domainxml.DiskImage
	made    []madeVolume
	pools   map[string]bool // UUIDs of those that have changed

	done, total uint64 // bytes
}

// madeVolume is a volume of the clone, which is there as a whole, in parts, or not
// at all.
type madeVolume struct {
	pool, name string
	note       inventory.Note
}

// Clone makes a copy of a VM; see inventory.Conn. libvirt cannot stop in the
// middle of a volume, so a clone that is cancelled ends with the volume at hand.
func (c *Conn) Clone(ctx context.Context, uuid string, spec inventory.CloneSpec) (string, error) {
	if err := c.imagesAnswer(ctx, uuid); err != nil {
		return "", err
	}
	k := &copying{ctx: ctx, over: c, scratch: c.scratch, spec: spec, images: map[string]domainxml.DiskImage{}, pools: map[string]bool{}}
	// Whoever gives up must not do so while something half-made is there.
	made, err := operate(ctx, c, work[string]{uuid: uuid, lane: laneTransfer, settled: true}, func(conn *libvirt.Connect) (string, error) {
		k.conn = conn
		dom, err := conn.LookupDomainByUUIDString(uuid)
		if err != nil {
			return "", err
		}
		defer dom.Free()
		return k.run(dom)
	})
	for pool := range k.pools {
		c.hint(inventory.PoolEvent, pool, false)
	}
	if err == nil {
		c.memory.redefined(made)
	}
	return made, err
}

func (k *copying) run(dom *libvirt.Domain) (uuid string, err error) {
	defer func() { k.end(err != nil) }()
	active, err := dom.IsActive()
	if err != nil {
		return "", err
	}
	if active {
		return "", errs.New(errs.InvalidState, "The virtual machine is running. Turn it off before you clone it.")
	}
	if err := checkNew(k.conn, k.spec.Name, ""); err != nil {
		return "", err
	}
	xml, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
	if err != nil {
		return "", err
	}
	if err := k.copyDisks(xml); err != nil {
		return "", err
	}
	if uuid, err = randomUUID(); err != nil {
		return "", err
	}
	xml, err = domainxml.CloneDomain(xml, domainxml.Clone{Name: k.spec.Name, UUID: uuid, MAC: randomMAC, Images: k.images})
	if err != nil {
		return "", err
	}
	if k.ctx.Err() != nil || !k.spec.Finish() {
		return "", errs.New(errs.Cancelled, "The operation was cancelled.")
	}
	clone, err := k.conn.DomainDefineXMLFlags(xml, libvirt.DOMAIN_DEFINE_VALIDATE)
	if err != nil {
		k.undefine(uuid)
		return "", err
	}
	defer clone.Free()
	if err := k.over.ownVariables(k.conn, clone, xml); err != nil {
		_ = clone.UndefineFlags(libvirt.DOMAIN_UNDEFINE_KEEP_NVRAM)
		k.undefine(uuid)
		return "", err
	}
	return uuid, nil
}

// undefine removes a definition that may be there in spite of the failure: who
// loses libvirt meanwhile does not know what became of it.
func (k *copying) undefine(uuid string) {
	dom, err := k.conn.LookupDomainByUUIDString(uuid)
	if err == nil {
		err = dom.UndefineFlags(undefineFlags[0])
		_ = dom.Free()
	}
	if err == nil || hasCode(err, libvirt.ERR_NO_DOMAIN) {
		return
	}
	if note, err := k.spec.Unfinished.VM(uuid); err == nil {
		note.Leave()
	}
}

// end forgets the volumes, and removes them if there is no VM to use them. What
// cannot be removed now is removed later.
func (k *copying) end(failed bool) {
	for _, v := range k.made {
		if failed {
			err := withVolume(k.conn, v.pool, v.name, func(vol *libvirt.StorageVol) error {
				return vol.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL)
			})
			if err != nil && !hasCode(err, libvirt.ERR_NO_STORAGE_VOL) {
				v.note.Leave()
				continue
			}
		}
		v.note.Done()
	}
}

func (k *copying) inspection() *inspection {
	return k.over.inspect(k.conn, inventory.ImageRights{Storage: k.spec.Storage})
}

// copyDisks looks at every disk before it copies the first.
func (k *copying) copyDisks(xml string) error {
	if err := k.mayRead(xml); err != nil {
		return err
	}
	disks, err := domainxml.OwnDisks(xml)
	if err != nil {
		return err
	}
	originals := make([]*image, 0, len(disks))
	sources := make([]*copySource, 0, len(disks))
	defer func() {
		for _, i := range originals {
			_ = i.vol.Free()
		}
	}()
	for _, d := range disks {
		i, err := k.over.imageOf(k.conn, &model.Device{Source: d.Path, Pool: d.Pool, Volume: d.Volume})
		if err != nil {
			return notAVolume(err, d.Target)
		}
		originals = append(originals, i)
		chain, err := chainOf(xml, d.Target)
		if err != nil {
			return err
		}
		if err := k.inspection().inside(i.vol, i.facts.Path); err != nil {
			return err
		}
		from := &copySource{vol: i.vol, format: d.Format, chain: chain}
		if err := from.look(k.inspection()); err != nil {
			return err
		}
		sources = append(sources, from)
		k.total += i.facts.Allocation
	}
	for n, i := range originals {
		if err := k.ctx.Err(); err != nil {
			return err
		}
		suffix := ""
		if n > 0 {
			suffix = "-" + disks[n].Target
		}
		if err := k.copyDisk(i, sources[n], disks[n].Target, k.spec.Name+suffix); err != nil {
			return err
		}
		k.done += i.facts.Allocation
		k.spec.Progress(k.done, k.total)
	}
	return nil
}

// mayRead says why the caller may not read the disks of the VM: those of a template
// everybody may.
func (k *copying) mayRead(xml string) error {
	if k.spec.Storage {
		return nil
	}
	vm, err := domainxml.ParseVM("", xml)
	if err != nil {
		return err
	}
	if !vm.Template {
		return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "The virtual machine is no template. Cloning it takes the right to manage storage.")
	}
	return mayShare(xml, false)
}

// mayShare says why the caller may not have another VM write to the disks that a
// clone and its original share: they are another VM's, also those of a template.
func mayShare(xml string, storage bool) error {
	if storage {
		return nil
	}
	images, err := domainxml.Images(xml)
	if err != nil {
		return err
	}
	for i := range images {
		if image := &images[i]; image.Shareable && image.Writes() {
			return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "A clone would write to the disk %s, which it shares with the original. Cloning this virtual machine takes the right to manage storage.", image.Target)
		}
	}
	return nil
}

// copyDisk makes a volume beside the original, in its pool.
func (k *copying) copyDisk(original *image, from *copySource, target, stem string) error {
	pool, err := original.vol.LookupPoolByVolume()
	if err != nil {
		return err
	}
	defer pool.Free()
	format, ending := original.facts.Format, filepath.Ext(original.facts.Name)
	var base *domainxml.ImageFacts
	if k.spec.Linked {
		format, ending = "qcow2", ".qcow2"
		base = &domainxml.ImageFacts{Path: original.facts.Path, Format: orRaw(from.format)}
	}
	name, err := freeName(pool, stem, ending)
	if err != nil {
		return err
	}
	xml, err := domainxml.CopyXML(name, format, original.facts.Capacity, base)
	if err != nil {
		return err
	}
	k.pools[uuidOf(pool)] = true
	note, err := k.spec.Unfinished.Volume(uuidOf(pool), name)
	if err != nil {
		return err
	}
	k.made = append(k.made, madeVolume{uuidOf(pool), name, note})
	var vol *libvirt.StorageVol
	if k.spec.Linked {
		if err = from.look(k.inspection()); err == nil {
			vol, err = pool.StorageVolCreateXML(xml, 0)
		}
	} else {
		stop := followVolume(pool, name, func(allocation uint64) { k.spec.Progress(k.done+allocation, k.total) })
		vol, err = copyImage(k.inspection(), from, pool, xml)
		stop()
	}
	if hasCode(err, libvirt.ERR_STORAGE_VOL_EXIST) { // somebody was faster
		note.Done()
		k.made = k.made[:len(k.made)-1]
	}
	if err != nil {
		return err
	}
	defer vol.Free()
	path, err := vol.GetPath()
	image := domainxml.DiskImage{Path: path, Volume: name, Format: format}
	if k.spec.Linked {
		image.Layers = append([]model.Layer{{Path: base.Path, Format: base.Format, Block: from.block}}, from.over...)
	}
	k.images[target] = image
	return err
}

// randomUUID is a version 4 UUID.
func randomUUID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// randomMAC is one of the addresses that QEMU's guests have.
func randomMAC() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2])
}

// SetTemplate marks a VM as one to be cloned; see inventory.Conn.
func (c *Conn) SetTemplate(ctx context.Context, uuid string, on bool) error {
	return c.quietly(ctx, uuid, func(dom *libvirt.Domain) error {
		active, err := dom.IsActive()
		switch {
		case err != nil:
			return err
		case active:
			return errs.New(errs.InvalidState, "The virtual machine is running. Turn it off first.")
		case on:
			if err := c.noWriters(dom); err != nil {
				return err
			}
			if err := dom.SetAutostart(false); err != nil && !unsupported(err) {
				return err
			}
		default:
			if err := c.noClones(dom); err != nil {
				return err
			}
		}
		return setElement(dom, domainxml.TemplateXML(on), domainxml.TemplatePrefix, domainxml.TemplateNamespace)
	})
}

// noClones refuses to let a VM write to disks that others are made of.
func (c *Conn) noClones(dom *libvirt.Domain) error {
	xml, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return err
	}
	vm, err := domainxml.ParseVM("", xml)
	if err != nil {
		return err
	}
	conn, err := dom.DomainGetConnect()
	if err != nil {
		return err
	}
	defer conn.Close()
	u, err := c.users(conn, "")
	if err != nil {
		return err
	}
	for _, d := range vm.Disks {
		if d.ReadOnly {
			continue
		}
		id := u.identify(c.pathOf(conn, d))
		overlay, err := u.overlayOf(&id)
		if err != nil {
			return err
		}
		if overlay != "" {
			return errs.New(errs.DeviceInUse, "The volume “%s” is made of the disk %s. Delete the linked clones before you use the template itself.", model.Printable(overlay), d.Target)
		}
		if by := u.of(&id, func(b *use) bool { return b.base }); by != nil {
			return errs.New(errs.DeviceInUse, "“%s” needs the disk %s as it is. Delete the linked clones before you use the template itself.", by.vm, d.Target)
		}
	}
	return u.unknown()
}

// noWriters refuses to make a template of a VM whose disks another one writes to.
func (c *Conn) noWriters(dom *libvirt.Domain) error {
	xml, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return err
	}
	images, err := domainxml.Images(xml)
	if err != nil {
		return err
	}
	conn, err := dom.DomainGetConnect()
	if err != nil {
		return err
	}
	defer conn.Close()
	u, err := c.users(conn, uuidOf(dom))
	if err != nil {
		return err
	}
	for i := range images {
		id := u.identify(c.pathOf(conn, &images[i].Device))
		if by := u.of(&id, func(b *use) bool { return b.writes }); by != nil && (images[i].Writes() || images[i].Base) {
			return errs.New(errs.DeviceInUse, "“%s” writes to the disk %s, too. Remove it from that virtual machine first.", by.vm, images[i].Target)
		}
	}
	return nil
}
