package virt

import (
	"context"
	"path"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

const (
	// headLength is how much of an image libvirt reads, in bytes.
	headLength = 0x8200
	// maxLayers is how many layers an image may have, as in libvirt.
	maxLayers = 200
)

// inspection finds out which other files an image refers to. A guest can write
// what it likes into its disk, also the header of a layer over a file of the host,
// which libvirt and qemu-img, as root, would open for the one who has the disk
// taken for such an image.
type inspection struct {
	over   *Conn
	conn   *libvirt.Connect
	rights inventory.ImageRights
}

func (c *Conn) inspect(conn *libvirt.Connect, rights inventory.ImageRights) *inspection {
	return &inspection{c, conn, rights}
}

// volume returns what a volume is a layer over when it is read as an image of this
// format, the nearest layer first. What the rights do not cover is NotAuthorized,
// everything else that the image may not refer to is NotSupported. Only what is in
// the image counts: what libvirt has found out of it may be old.
func (i *inspection) volume(v *libvirt.StorageVol, format string) ([]model.Layer, error) {
	name := nameOf(v)
	switch imageFormat(format) {
	case "raw":
		return nil, nil
	case "qcow2":
	default:
		return nil, errs.New(errs.NotSupported, "The volume “%s” has a format that can refer to other files (%s). Convert it first: qemu-img convert -O qcow2.", name, format)
	}
	top, err := readHead(i.conn, v)
	if err != nil {
		return nil, err
	}
	if !top.unknown && !diskimage.IsQcow2(top.bytes) {
		return nil, errs.New(errs.NotSupported, "What is in the volume is not qcow2. Use it as a raw disk, or convert it first: qemu-img convert -O qcow2.")
	}
	d := descent{inspection: i, name: name}
	if err := d.down(v, top); err != nil {
		return nil, err
	}
	return d.layers, nil
}

// descent is one way down the layers of an image.
type descent struct {
	*inspection
	name   string // of the volume at the top
	layers []model.Layer
}

// down follows the header of a qcow2 image.
func (d *descent) down(v *libvirt.StorageVol, h imageHead) error {
	backing, format, err := h.refersTo(v)
	if err != nil || backing == "" {
		return err
	}
	if len(d.layers) == maxLayers || slices.ContainsFunc(d.layers, func(l model.Layer) bool { return l.Path == backing }) {
		return errs.New(errs.NotSupported, "The volume “%s” has too many layers. Merge them first: qemu-img convert -O qcow2.", d.name)
	}
	if backing != path.Clean(backing) || strings.Contains(backing, "\x00") {
		return d.outside()
	}
	if err := d.over.refuseSilent(d.over.ctx, backing); errs.Is(err, errs.Timeout) {
		return err
	}
	next, err := d.conn.LookupStorageVolByPath(backing)
	if err == nil {
		defer next.Free()
	}
	switch inPool := err == nil && !inScratch(next); {
	case err != nil && !hasCode(err, libvirt.ERR_NO_STORAGE_VOL):
		return err
	case inPool && !d.rights.Storage:
		return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsStorage, "The volume “%s” is a layer over other volumes. Using it needs the right to manage storage.", d.name)
	case !inPool && !d.rights.HostPaths:
		return d.outside()
	}
	return d.over.withImage(d.conn, d.over.scratch, "file", backing, func(next *libvirt.StorageVol) error { return d.layer(next, backing, format) })
}

func (d *descent) outside() error {
	return errs.New(errs.NotSupported, "The volume “%s” is a layer over a file that is in no active storage pool. Merge them first (qemu-img convert -O qcow2), or use the volume as a raw disk.", d.name)
}

// layer notes an image that was named, with the format that the naming one gives.
func (d *descent) layer(v *libvirt.StorageVol, place, format string) error {
	info, err := v.GetInfo()
	if err != nil {
		return err
	}
	head, err := readHead(d.conn, v)
	if err != nil {
		return err
	}
	if format == "" {
		if format, err = head.format(); err != nil {
			return err
		}
	}
	if format != "raw" && format != "qcow2" {
		return errs.New(errs.NotSupported, "The volume “%s” is a layer over an image of the format %s. Merge them first: qemu-img convert -O qcow2.", d.name, model.Printable(format))
	}
	d.layers = append(d.layers, model.Layer{Path: place, Format: format, Block: info.Type == libvirt.STORAGE_VOL_BLOCK})
	if format == "raw" {
		return nil
	}
	return d.down(v, head)
}

// imageHead is the beginning of an image. Drivers without real files do not tell
// it, only what they take the image for.
type imageHead struct {
	bytes   []byte
	unknown bool
	facts   domainxml.ImageFacts // only if unknown
}

func readHead(conn *libvirt.Connect, v *libvirt.StorageVol) (imageHead, error) {
	head, err := peek(conn, v, 0, headLength)
	if unsupported(err) {
		facts, err := factsOf(v)
		return imageHead{unknown: true, facts: facts}, err
	}
	return imageHead{bytes: head}, err
}

// format returns what an image is taken for whose format nothing tells.
func (h imageHead) format() (string, error) {
	switch {
	case h.unknown:
		return imageFormat(h.facts.Format), nil
	case diskimage.IsQcow2(h.bytes):
		return "qcow2", nil
	case diskimage.IsForeign(h.bytes):
		return "", errs.New(errs.NotSupported, "What is in the volume is not qcow2. Use it as a raw disk, or convert it first: qemu-img convert -O qcow2.")
	}
	return "raw", nil
}

// refersTo returns where the file is that a qcow2 image is a layer over, and the
// format that it gives to it; empty for none.
func (h imageHead) refersTo(v *libvirt.StorageVol) (backing, format string, err error) {
	if h.unknown {
		return h.facts.Backing, "", nil
	}
	if !diskimage.IsQcow2(h.bytes) {
		return "", "", errs.New(errs.NotSupported, "A layer of the image is not qcow2. Merge them first: qemu-img convert -O qcow2.")
	}
	header, err := diskimage.Parse(h.bytes)
	if err != nil {
		return "", "", errs.Wrap(errs.NotSupported, err, "The image in the volume is damaged. Use it as a raw disk.")
	}
	if header.ExternalData {
		return "", "", errs.New(errs.NotSupported, "The image keeps its data in another file. Merge them first (qemu-img convert -O qcow2), or use the volume as a raw disk.")
	}
	if !header.Layered {
		return "", "", nil
	}
	name, err := header.Backing(h.bytes)
	if err != nil {
		return "", "", errs.Wrap(errs.NotSupported, err, "The image in the volume is damaged. Use it as a raw disk.")
	}
	place, err := v.GetPath()
	return beside(place, name), header.BackingFormat(h.bytes), err
}

// beside returns where an image is that another one at a place names: a path, also one
// that begins in its folder. Anything with a protocol stays what no volume is at,
// and so does a way out of a folder, which only the kernel knows where it leads.
func beside(place, name string) string {
	if protocol, _, _ := strings.Cut(name, "/"); strings.HasPrefix(name, "/") || strings.Contains(protocol, ":") || strings.Contains(name, "\x00") {
		return name
	}
	return path.Dir(place) + "/" + name
}

// InspectImage returns what an image is a layer over; see inventory.NewVolumes.
func (c *Conn) InspectImage(ctx context.Context, place, format string, readOnly bool, rights inventory.ImageRights) ([]model.Layer, error) {
	return operate(ctx, c, work[[]model.Layer]{lane: laneWork}, func(conn *libvirt.Connect) ([]model.Layer, error) {
		return c.inspect(conn, rights).place(place, format, readOnly)
	})
}

// place is volume for what is at a path and about to be used. Without a right to
// the host's files it has to be in a pool. A file that is not there refers to
// nothing, and neither will it when it has come.
func (i *inspection) place(place, format string, readOnly bool) (layers []model.Layer, err error) {
	if err := i.inPool(place); err != nil {
		return nil, err
	}
	if err := i.over.oneFormat(i.conn, place, format, readOnly); err != nil || imageFormat(format) == "raw" {
		return nil, err
	}
	err = i.over.withImage(i.conn, i.over.scratch, "file", place, func(v *libvirt.StorageVol) error {
		layers, err = i.volume(v, format)
		return err
	})
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	return layers, err
}

// inPool refuses a path that is in no pool without a right to the host's files.
func (i *inspection) inPool(place string) error {
	if i.rights.HostPaths {
		return nil
	}
	v, err := i.conn.LookupStorageVolByPath(place)
	if err == nil {
		defer v.Free()
	}
	if hasCode(err, libvirt.ERR_NO_STORAGE_VOL) || err == nil && inScratch(v) {
		return errs.Wrap(errs.NotAuthorized, inventory.ErrNeedsHostPath, "The image “%s” is in no active storage pool. Using it needs the right to use files of the host.", place)
	}
	if err != nil {
		return err
	}
	return i.inside(v, place)
}

// factsOf returns what libvirt has found out of a volume.
func factsOf(v *libvirt.StorageVol) (domainxml.ImageFacts, error) {
	xml, err := v.GetXMLDesc(0)
	if err != nil {
		return domainxml.ImageFacts{}, err
	}
	return domainxml.ParseImage(xml)
}

// imageFormat returns what an image is taken for: one that can refer to other
// files, or a plain disk.
func imageFormat(format string) string {
	switch format {
	case "qcow", "qcow2", "qed", "vmdk", domainxml.FormatMemory:
		return format
	}
	return "raw"
}
