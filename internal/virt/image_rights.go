package virt

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// owner is the VM that is to get images. One that is not there yet has no UUID.
type owner struct {
	uuid, name string
	active     bool
}

// admit says why a VM may not get images: an operation is at work on one, one is a
// template's, or another VM has one and storage is not set, the right to use what
// others have. Until release is called, others see the VM have them.
func (c *Conn) admit(conn *libvirt.Connect, to owner, images []domainxml.Image, storage bool) (release func(), err error) {
	images = slices.DeleteFunc(slices.Clone(images), func(i domainxml.Image) bool { return !isLocal(&i.Device) })
	held, release := c.claim(conn, to, images)
	if len(held) == 0 {
		return release, nil
	}
	u, err := c.users(conn, to.uuid, held...)
	for i := 0; err == nil && i < len(images); i++ {
		err = u.admit(&images[i], storage)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// claim has others see a VM have images until release is called.
func (c *Conn) claim(conn *libvirt.Connect, to owner, images []domainxml.Image) (held []*claim, release func()) {
	for i := range images {
		if image := &images[i]; isLocal(&image.Device) {
			id := c.eyes.identify(c.pathOf(conn, &image.Device))
			held = append(held, c.claims.add(use{uuid: to.uuid, vm: to.name, id: id, active: to.active, writes: image.Writes(), base: image.Base}))
		}
	}
	return held, func() {
		for _, mine := range held {
			c.claims.drop(mine)
		}
	}
}

// claimForStart has others see a VM run on its images until release is called. It
// is Busy if an operation is at work on one of them.
func (c *Conn) claimForStart(dom *libvirt.Domain) (release func(), err error) {
	to := owner{uuid: uuidOf(dom), active: true}
	if to.name, err = dom.GetName(); err != nil {
		return nil, err
	}
	doc, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return nil, err
	}
	images, err := domainxml.Images(doc)
	if err != nil {
		return nil, err
	}
	conn, err := dom.DomainGetConnect()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	held, release := c.claim(conn, to, images)
	u := c.noUsers(conn)
	u.all = c.claims.others(held)
	for _, mine := range held {
		if by := u.of(&mine.id, func(b *use) bool { return b.job }); by != nil {
			release()
			return nil, u.inUse(by, model.Printable(filepath.Base(mine.id.spelled)))
		}
	}
	return release, nil
}

// admitRevert says why a VM may not get the images that it had when a snapshot was
// made, and has no more: another VM may have got them.
func (c *Conn) admitRevert(dom *libvirt.Domain, s *libvirt.DomainSnapshot, storage bool) (release func(), err error) {
	doc, err := s.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	images, err := domainxml.SnapshotImages(doc)
	if err != nil {
		return nil, err
	}
	for _, flags := range []libvirt.DomainXMLFlags{0, libvirt.DOMAIN_XML_INACTIVE} {
		doc, err := dom.GetXMLDesc(flags)
		if err != nil {
			return nil, err
		}
		has, err := domainxml.Images(doc)
		if err != nil {
			return nil, err
		}
		images = slices.DeleteFunc(images, func(i domainxml.Image) bool { return slices.ContainsFunc(has, i.Same) })
	}
	to := owner{uuid: uuidOf(dom)}
	if to.name, err = dom.GetName(); err != nil {
		return nil, err
	}
	conn, err := dom.DomainGetConnect()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return c.admit(conn, to, images, storage)
}

// CheckRevert says why a VM may not get back what it had; see inventory.Conn.
func (c *Conn) CheckRevert(ctx context.Context, uuid, name string, storage bool) error {
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		s, err := dom.SnapshotLookupByName(name, 0)
		if err != nil {
			return err
		}
		defer s.Free()
		release, err := c.admitRevert(dom, s, storage)
		if err == nil {
			release()
		}
		return err
	})
}

// isLocal reports whether a disk is on a file or block device of the host.
func isLocal(d *model.Device) bool { return d.Volume != "" || strings.HasPrefix(d.Source, "/") }

// admit is Conn.admit for one image, with its base images.
func (u *uses) admit(image *domainxml.Image, storage bool) error {
	id := u.identify(u.over.pathOf(u.conn, &image.Device))
	_, _ = u.printOf(&id) // before anything else is looked at
	writes := image.Writes()
	for layers := map[string]bool{}; id.path != "" && !layers[id.path]; {
		layers[id.path] = true
		if err := u.permit(&id, writes, storage); err != nil {
			return err
		}
		if image.Format == "" || image.Format == "raw" || image.Whole {
			return nil
		}
		base, err := u.backing(id)
		if err != nil || base == "" {
			return nil // whether it can be used is not decided here
		}
		id, writes = u.identify(base), false
	}
	return nil
}

// permit says why an image that others have may not be used, for writing or for
// reading. What a template has on its disks everybody may read, but nobody else
// may write to, and a medium that may hold secrets is not read by all who see it.
func (u *uses) permit(id *imageID, writes, storage bool) error {
	name := model.Printable(filepath.Base(id.spelled))
	if by := u.of(id, func(b *use) bool { return b.job }); by != nil {
		return u.inUse(by, name)
	}
	ofTemplate := func(b *use) bool { return b.template && b.writes }
	if writes {
		if by := u.of(id, func(b *use) bool { return b.template && (b.writes || b.base) }); by != nil {
			return errs.New(errs.DeviceInUse, "“%s” is a template, and nothing else may write to its image “%s”. Clone the template instead.", by.vm, name)
		}
	}
	if storage {
		return nil
	}
	if u.over.eyes.hostHas(id) {
		return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "The host itself uses “%s”. Giving it to a virtual machine takes the right to manage storage.", name)
	}
	if !writes {
		if by := u.of(id, ofTemplate); by != nil && by.sure {
			return nil
		}
	}
	by := u.of(id, nil)
	switch {
	case by == nil && !u.changing(id):
		return nil
	case by == nil:
		return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "Something writes to the image “%s”. Using it takes the right to manage storage.", name)
	case !writes && u.of(id, func(b *use) bool { return !b.drive }) == nil && u.public(id):
		return nil
	}
	return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "“%s” has the image “%s”. Using it takes the right to manage storage.", by.vm, name)
}

// public reports whether a medium is surely nobody's secret: an ISO image that
// boots, or a large one. Those with which a system is set up, as cloud-init reads
// them, are small and do not boot.
func (u *uses) public(id *imageID) bool {
	vol, err := u.over.volumeAt(u.conn, id.spelled)
	if err != nil {
		return false
	}
	defer vol.Free()
	facts, err := u.over.facts(u.conn, vol)
	if err != nil {
		return false
	}
	data, err := peek(u.conn, vol, descriptors*sector, mostDescriptors*sector)
	return err == nil && publicMedium(data, facts.Capacity)
}

const (
	sector          = 2048
	descriptors     = 16 // sector at which the volume descriptors of ISO 9660 begin
	mostDescriptors = 8
	// largeMedium is how large a medium is that holds software, in bytes.
	largeMedium = 64 << 20
)

// secretLabels are those of media that set up a system: for cloud-init, OpenStack's
// and Anaconda.
var secretLabels = []string{"cidata", "config-2", "oemdrv"}

// publicMedium is public for the volume descriptors of an ISO image (ECMA-119,
// El Torito 1.0) and its length.
func publicMedium(data []byte, length uint64) bool {
	iso, boots := false, false
	for ; len(data) >= sector; data = data[sector:] {
		d := data[:sector]
		if !bytes.Equal(d[1:6], []byte("CD001")) || d[0] == 255 {
			break
		}
		switch d[0] {
		case 0:
			boots = boots || bytes.HasPrefix(d[7:], []byte("EL TORITO SPECIFICATION"))
		case 1:
			iso = true
			label := strings.ToLower(strings.TrimRight(string(d[40:72]), " \x00"))
			if slices.Contains(secretLabels, label) {
				return false
			}
		}
	}
	return iso && (boots || length >= largeMedium)
}
