package virt

import (
	"context"
	"errors"
	"slices"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// oneFormat refuses to have an image read as one format while a VM, also this one,
// reads it as another, now, at its next boot, or when it goes back: what one guest
// writes would be a header for the other. Only where neither writes there is
// nothing to fear.
func (c *Conn) oneFormat(conn *libvirt.Connect, place, format string, readOnly bool) error {
	u, err := c.users(conn, "", nil)
	if err != nil {
		return err
	}
	return u.oneFormat(place, format, readOnly)
}

func (u *uses) oneFormat(place, format string, readOnly bool) error {
	id := u.identify(place)
	format = imageFormat(format)
	by := u.of(&id, func(b *use) bool { return b.format != "" && b.format != format && !(readOnly && !b.writes) })
	if by == nil {
		return nil
	}
	return errs.New(errs.DeviceInUse, "“%s” uses the image “%s” as %s, and it cannot be used as %s beside that. Use it in one format only.",
		by.vm, model.Printable(by.id.spelled), by.format, format)
}

func snapshotChains(s *libvirt.DomainSnapshot) ([]domainxml.Chain, error) {
	doc, err := s.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	return domainxml.SnapshotChains(doc)
}

// lookBeforeUse looks once more at the images that libvirt, QEMU or qemu-img is
// about to open: since they were added, their guest or another one may have
// written to them.
//
// A definition that names all layers of an image, as those do that the service
// has made, is held to that. Where it does not, as in definitions of other tools,
// the layers in the headers are taken as meant, unless a VM can have written them:
// one that has the image as another format.
func (c *Conn) lookBeforeUse(conn *libvirt.Connect, list []domainxml.Chain) error {
	l := &look{inspection: c.inspect(conn, inventory.ImageRights{Storage: true}), list: list}
	for n := range list {
		if err := l.chain(&list[n]); err != nil {
			return err
		}
	}
	return l.onlyOneFormat()
}

// lookBeforeStart is lookBeforeUse for what a VM boots with, or goes on with from a
// saved state.
func (c *Conn) lookBeforeStart(dom *libvirt.Domain) error {
	saved, err := optional(dom.HasManagedSaveImage(0))
	if err != nil {
		return err
	}
	read := func() (string, error) { return dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE) }
	if saved {
		read = func() (string, error) { return dom.ManagedSaveGetXMLDesc(0) }
	}
	doc, err := read()
	if unsupported(err) { // by drivers without real files
		return nil
	}
	if err != nil {
		return err
	}
	list, err := domainxml.Chains(doc)
	if err != nil {
		return err
	}
	return c.lookAt(dom, list)
}

// lookBeforeSnapshot is lookBeforeUse for what a VM has and for what it had when a
// snapshot was made; nil for none. qemu-img, as root, opens all of it when the VM
// is off.
func (c *Conn) lookBeforeSnapshot(dom *libvirt.Domain, s *libvirt.DomainSnapshot) error {
	doc, err := dom.GetXMLDesc(0)
	if err != nil {
		return err
	}
	list, err := domainxml.Chains(doc)
	if err == nil {
		err = c.lookAt(dom, list)
	}
	if err != nil || s == nil {
		return err
	}
	if list, err = snapshotChains(s); err != nil {
		return err
	}
	return c.lookAt(dom, list)
}

func (c *Conn) lookAt(dom *libvirt.Domain, list []domainxml.Chain) error {
	conn, err := dom.DomainGetConnect()
	if err != nil {
		return err
	}
	defer conn.Close()
	return c.lookBeforeUse(conn, list)
}

// look is one look at the images of a VM.
type look struct {
	*inspection
	list []domainxml.Chain
	// doubtful is images whose headers are followed.
	doubtful []model.Layer
}

func (l *look) chain(c *domainxml.Chain) error {
	for n := range c.Images {
		image := &c.Images[n]
		if err := l.refuseLink(c.Target, l.over.pathOf(l.conn, &image.Device)); err != nil {
			return err
		}
		if imageFormat(image.Format) != "qcow2" {
			continue
		}
		v, err := l.over.volumeOf(l.conn, &image.Device)
		if err != nil {
			continue // in no pool: it cannot be looked at, or libvirt will not find it, either
		}
		err = l.image(c, image, v, c.Ended && n == len(c.Images)-1)
		_ = v.Free()
		if err != nil {
			return err
		}
	}
	return nil
}

// image looks at one image of a chain. What is no image, or a damaged one, QEMU
// itself does not open.
func (l *look) image(c *domainxml.Chain, image *domainxml.ChainImage, v *libvirt.StorageVol, last bool) error {
	head, err := readHead(l.conn, v)
	if err != nil || head.unknown || !diskimage.IsQcow2(head.bytes) {
		return nil // whoever opens it says why that is not possible
	}
	header, err := diskimage.Parse(head.bytes)
	switch {
	case err != nil:
		return nil
	case header.ExternalData && !image.DataFile && c.Ended, header.Layered && last:
		return errs.New(errs.InvalidState,
			"The image of the disk %s refers to another file, which it did not when it was added. Check it with “qemu-img info”; if this is intended, remove the disk and add it again.", c.Target)
	case header.Layered && !c.Ended || header.ExternalData:
		place, err := v.GetPath()
		if err != nil {
			return err
		}
		l.doubtful = append(l.doubtful, model.Layer{Path: place, Format: "qcow2"})
		d := descent{inspection: l.inspection, name: nameOf(v)}
		_ = d.down(v, head) // as far as it can be seen
		l.doubtful = append(l.doubtful, d.layers...)
	}
	return nil
}

// onlyOneFormat refuses an image that the VM itself has in two formats, and for the
// images whose headers are followed what oneFormat refuses. About other VMs that
// run, the picture of the host tells whoever calls: to ask libvirt about each takes
// as long as the slowest of them.
func (l *look) onlyOneFormat() error {
	u := l.over.noUsers(l.conn)
	for n := range l.list {
		c := &l.list[n]
		for m := range c.Images {
			d := &c.Images[m].Device
			place, format, readOnly := l.over.pathOf(l.conn, d), imageFormat(d.Format), c.ReadOnly || m > 0
			if place == "" {
				continue
			}
			if err := u.oneFormat(place, format, readOnly); err != nil {
				return errs.New(errs.InvalidState, "The disk %s is the same image as another disk of the virtual machine, in another format. Remove one of them.", c.Target)
			}
			u.all = append(u.all, use{id: u.identify(place), format: format, writes: !readOnly})
		}
	}
	if len(l.doubtful) == 0 {
		return nil
	}
	u, err := l.over.users(l.conn, "", nil)
	if err != nil {
		return err
	}
	for _, d := range l.doubtful {
		if err := u.oneFormat(d.Path, d.Format, false); err != nil {
			return err
		}
	}
	return nil
}

// copySource is an image that libvirt is to copy.
type copySource struct {
	vol    *libvirt.StorageVol
	format string               // what it is read as
	chain  *domainxml.Chain     // what the definition says of it; nil for a volume of its own
	over   []model.Layer        // what it is a layer over, once it was looked at
	facts  domainxml.ImageFacts // what libvirt takes it for
	block  bool                 // it is a block device
}

// look looks whether what is to be copied is only what the definition of its VM
// names, or what the rights cover: qemu-img, as root, copies whatever the image
// refers to. A guest can make a raw disk look like something else, even like a
// layer over a file of the host.
func (o *copySource) look(i *inspection) (err error) {
	if o.facts, err = factsOf(o.vol); err != nil {
		return err
	}
	info, err := o.vol.GetInfo()
	if err != nil {
		return err
	}
	o.block = info.Type == libvirt.STORAGE_VOL_BLOCK
	if seems, is := imageFormat(o.facts.Format), imageFormat(o.format); seems != is {
		return mistaken(seems, is)
	}
	if imageFormat(o.format) == "raw" {
		// libvirt may look at the image again at any moment.
		head, err := readHead(i.conn, o.vol)
		switch {
		case err != nil:
			return err
		case diskimage.IsQcow2(head.bytes):
			return mistaken("qcow2", "raw")
		case diskimage.IsForeign(head.bytes):
			return mistaken("an image of another program", "raw")
		}
	}
	named := o.chain != nil && o.chain.Ended
	if named {
		i = i.over.inspect(i.conn, inventory.ImageRights{Storage: true, HostPaths: i.rights.HostPaths})
	}
	if o.over, err = i.volume(o.vol, o.format); err != nil {
		return err
	}
	if named && !o.isNamed(i) {
		return errs.New(errs.InvalidState,
			"The image of the disk %s refers to another file, which it did not when it was added. Check it with “qemu-img info”; if this is intended, remove the disk and add it again.", o.chain.Target)
	}
	place, err := o.vol.GetPath()
	if err != nil {
		return err
	}
	u, err := i.over.users(i.conn, "", nil)
	if err != nil {
		return err
	}
	for _, l := range append([]model.Layer{{Path: place, Format: o.format}}, o.over...) {
		if err := u.oneFormat(l.Path, l.Format, true); err != nil {
			return err
		}
	}
	return nil
}

// isNamed reports whether the layers in the header are those that the definition
// names.
func (o *copySource) isNamed(i *inspection) bool {
	u := i.over.noUsers(i.conn)
	return slices.EqualFunc(o.over, o.chain.Images[1:], func(l model.Layer, named domainxml.ChainImage) bool {
		is, means := u.identify(l.Path), u.identify(i.over.pathOf(i.conn, &named.Device))
		return l.Format == imageFormat(named.Format) && u.like(&is, &means) == same
	})
}

func mistaken(seems, is string) error {
	return errs.New(errs.NotSupported, "The image looks like %s, and the virtual machine takes it for %s.", seems, is)
}

// copyImage makes a volume from an image that was looked at, with the content that
// was looked at: if the image refers to something else afterwards, nothing is left
// of the copy.
func copyImage(i *inspection, o *copySource, pool *libvirt.StoragePool, xml string) (*libvirt.StorageVol, error) {
	if err := o.look(i); err != nil {
		return nil, err
	}
	made, err := pool.StorageVolCreateXMLFrom(xml, o.vol, 0)
	if err != nil {
		return nil, err
	}
	before := o.over
	if err = o.look(i); err == nil && !slices.Equal(before, o.over) {
		err = errs.New(errs.InvalidState, "The image has changed while it was copied. Try again when nothing writes to it.")
	}
	if err != nil {
		err = errors.Join(err, made.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL))
		_ = made.Free()
		return nil, err
	}
	return made, nil
}

// copyVolume makes a volume from another one as libvirt takes it.
func copyVolume(i *inspection, v *libvirt.StorageVol, pool *libvirt.StoragePool, xml string) (*libvirt.StorageVol, error) {
	facts, err := factsOf(v)
	if err != nil {
		return nil, err
	}
	return copyImage(i, &copySource{vol: v, format: facts.Format}, pool, xml)
}

// chainOf returns what a definition says of the image of a disk; nil for nothing.
func chainOf(doc, target string) (*domainxml.Chain, error) {
	list, err := domainxml.Chains(doc)
	for n := range list {
		if list[n].Target == target {
			return &list[n], nil
		}
	}
	return nil, err
}

// CheckCopy looks whether images of a VM can be copied; see inventory.Conn.
func (c *Conn) CheckCopy(ctx context.Context, uuid, id string, rights inventory.ImageRights) error {
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		doc, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
		if err != nil {
			return err
		}
		disks, err := domainxml.OwnDisks(doc)
		if err == nil && id == "" {
			err = mayShare(doc, rights.Storage)
		}
		if err != nil && id == "" {
			return err
		}
		if id != "" {
			disk, err := domainxml.FindDevice(doc, id)
			if err != nil || disk == nil {
				return err // which whoever copies says
			}
			disks = []domainxml.OwnDisk{{Target: disk.Target, Path: disk.Source, Pool: disk.Pool, Volume: disk.Volume, Format: disk.Format}}
		}
		conn, err := dom.DomainGetConnect()
		if err != nil {
			return err
		}
		defer conn.Close()
		i := c.inspect(conn, rights)
		for n := range disks {
			if err := i.canCopy(doc, &disks[n]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (i *inspection) canCopy(doc string, d *domainxml.OwnDisk) error {
	place := i.over.pathOf(i.conn, &model.Device{Source: d.Path, Pool: d.Pool, Volume: d.Volume})
	if place == "" {
		return nil // which whoever copies says
	}
	if err := i.inPool(place); err != nil {
		return err
	}
	chain, err := chainOf(doc, d.Target)
	if err != nil {
		return err
	}
	return i.over.withImage(i.conn, i.over.scratch, "file", place, func(v *libvirt.StorageVol) error {
		return (&copySource{vol: v, format: d.Format, chain: chain}).look(i)
	})
}

func orRaw(format string) string {
	if format == "" {
		return "raw"
	}
	return format
}

// resizeVolume gives a volume another size. libvirt itself does that only to what
// it takes for raw, and has qemu-img find out what anything else is, which cuts the
// file that an image names for its data.
func resizeVolume(i *inspection, v *libvirt.StorageVol, size uint64, flags libvirt.StorageVolResizeFlags) error {
	facts, err := factsOf(v)
	if err != nil {
		return err
	}
	if _, err := i.volume(v, facts.Format); err != nil {
		return err
	}
	if facts.Format != "raw" && imageFormat(facts.Format) == "raw" { // such as iso
		head, err := readHead(i.conn, v)
		switch {
		case err != nil:
			return err
		case diskimage.IsQcow2(head.bytes), diskimage.IsForeign(head.bytes):
			return errs.New(errs.NotSupported, "What is in the volume “%s” looks like images of two formats at once. Convert it first: qemu-img convert -O qcow2.", nameOf(v))
		}
	}
	return v.Resize(size, flags)
}
