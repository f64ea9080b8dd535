package virt

import (
	"context"
	"path"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

const (
	// headLength is how much of an image libvirt looks at, in bytes.
	headLength = 0x8200
	// maxLayers is how many layers an image may have, as in libvirt.
	maxLayers = 200
)

// CheckImage says why a volume cannot be used as qcow2; see inventory.NewVolumes.
func (c *Conn) CheckImage(ctx context.Context, pool, name string) error {
	return c.onVolume(ctx, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error { return refuseForeign(conn, v, "qcow2") })
}

// refuseForeign says why nobody gets to read a volume as an image of this format.
// A guest can write what it likes into its disk, also the beginning of a layer
// over a file of the host, which libvirt would open for whoever takes the disk for
// an image. Layers are over volumes of pools, which anybody may use who may use
// this one. What libvirt has found out of the image may be old.
func refuseForeign(conn *libvirt.Connect, v *libvirt.StorageVol, format string) error {
	name, err := v.GetName()
	if err != nil {
		return err
	}
	name = model.Printable(name)
	switch imageFormat(format) {
	case "raw":
		return nil
	case "qcow2":
	default:
		return errs.New(errs.NotSupported, "The volume “%s” has a format that can refer to other files (%s). Convert it first: qemu-img convert -O qcow2.", name, format)
	}
	top := v
	for range maxLayers {
		backing, err := backingOf(conn, v, v == top)
		if v != top {
			_ = v.Free()
		}
		if err != nil || backing == "" {
			return err
		}
		if v, err = conn.LookupStorageVolByPath(backing); err == nil && inScratch(v) {
			_ = v.Free()
			err = errs.New(errs.NotFound, "This image is in no storage pool.")
		}
		switch {
		case err == nil:
		case hasCode(err, libvirt.ERR_NO_STORAGE_VOL), errs.Is(err, errs.NotFound):
			return errs.New(errs.NotSupported, "The volume “%s” is a layer over a file that is in no active storage pool. Merge them first (qemu-img convert -O qcow2), or use the volume as a raw disk.", name)
		default:
			return err
		}
	}
	_ = v.Free()
	return errs.New(errs.NotSupported, "The volume “%s” has too many layers. Merge them first: qemu-img convert -O qcow2.", name)
}

// refuseForeignCopy is the same for libvirt itself, which copies what it takes a
// volume for.
func refuseForeignCopy(conn *libvirt.Connect, v *libvirt.StorageVol) error {
	facts, err := factsOf(v)
	if err != nil {
		return err
	}
	return refuseForeign(conn, v, facts.Format)
}

// resizeVolume gives a volume another size. libvirt itself does that only to what
// it takes for raw, and has qemu-img find out what anything else is, which cuts the
// file that an image names for its data.
func resizeVolume(conn *libvirt.Connect, v *libvirt.StorageVol, size uint64, flags libvirt.StorageVolResizeFlags) error {
	facts, err := factsOf(v)
	if err != nil {
		return err
	}
	if err := refuseForeign(conn, v, facts.Format); err != nil {
		return err
	}
	if facts.Format != "raw" && imageFormat(facts.Format) == "raw" { // such as iso
		head, err := peek(conn, v, 0, headLength)
		switch {
		case unsupported(err): // by drivers without real files
		case err != nil:
			return err
		case diskimage.IsQcow2(head), diskimage.IsForeign(head):
			return errs.New(errs.NotSupported, "What is in the volume “%s” looks like images of two formats at once. Convert it first: qemu-img convert -O qcow2.", nameOf(v))
		}
	}
	return v.Resize(size, flags)
}

// factsOf is what libvirt has found out of a volume.
func factsOf(v *libvirt.StorageVol) (domainxml.ImageFacts, error) {
	xml, err := v.GetXMLDesc(0)
	if err != nil {
		return domainxml.ImageFacts{}, err
	}
	return domainxml.ParseImage(xml)
}

// backingOf is where the file is that a volume is a layer over; empty for none.
// The top is known to be qcow2.
func backingOf(conn *libvirt.Connect, v *libvirt.StorageVol, top bool) (string, error) {
	head, err := peek(conn, v, 0, headLength)
	if unsupported(err) { // by drivers without real files
		facts, err := factsOf(v)
		return facts.Backing, err
	}
	if err != nil {
		return "", err
	}
	if !diskimage.IsQcow2(head) {
		if top || diskimage.IsForeign(head) {
			return "", errs.New(errs.NotSupported, "What is in the volume is not qcow2. Use it as a raw disk, or convert it first: qemu-img convert -O qcow2.")
		}
		return "", nil
	}
	h, err := diskimage.Parse(head)
	if err != nil {
		return "", errs.Wrap(errs.NotSupported, err, "The image in the volume is damaged. Use it as a raw disk.")
	}
	if h.ExternalData {
		return "", errs.New(errs.NotSupported, "The image keeps its data in another file. Merge them first (qemu-img convert -O qcow2), or use the volume as a raw disk.")
	}
	if !h.Layered {
		return "", nil
	}
	name, err := h.Backing(head)
	if err != nil {
		return "", errs.Wrap(errs.NotSupported, err, "The image in the volume is damaged. Use it as a raw disk.")
	}
	place, err := v.GetPath()
	return beside(place, name), err
}

// beside is where an image is that another one at a place names: a path, also one
// that begins in its folder. Anything with a protocol stays what no volume is at,
// and so does a way out of a folder, which only the kernel knows where it leads.
func beside(place, name string) string {
	if protocol, _, _ := strings.Cut(name, "/"); strings.HasPrefix(name, "/") || strings.Contains(protocol, ":") || strings.Contains(name, "\x00") {
		return name
	}
	return path.Dir(place) + "/" + name
}

// imageFormat is what an image is taken for: one that can refer to other files, or
// a plain disk.
func imageFormat(format string) string {
	switch format {
	case "qcow", "qcow2", "qed", "vmdk":
		return format
	}
	return "raw"
}

// refuseMistaken says why libvirt must not copy or resize the image of a disk: it
// goes by what it takes the image for. A guest can make a raw disk look like something else,
// even like a layer over a file of the host.
func refuseMistaken(facts *domainxml.ImageFacts, disk string) error {
	if seems, is := imageFormat(facts.Format), imageFormat(disk); seems != is {
		return errs.New(errs.NotSupported, "The image looks like %s, and the virtual machine takes it for %s.", seems, is)
	}
	return nil
}
