package virt

import (
	"context"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// resolveImage finds the path and the format of a volume that was named, and what
// the image of a disk or drive is a layer over. A path has been asked for.
func (e *editing) resolveImage(d *model.DeviceSpec, kind model.DeviceKind, readOnly bool) (err error) {
	rights := inventory.ImageRights{Storage: e.how.Storage}
	switch {
	case d.Volume != "":
		err = e.over.resolveVolume(e.conn, d)
	case d.Source == "" || d.Type == "network":
		return nil
	default:
		rights.HostPaths = true
	}
	if err != nil {
		return err
	}
	format := d.Format
	if format == "" && kind == model.KindDisk {
		format = "qcow2" // as package build has it
	}
	d.Layers, err = e.over.inspect(e.conn, rights).place(d.Source, format, readOnly || kind == model.KindCDROM)
	d.Inspected = true
	return err
}

// resolveVolume finds the path and the format of a volume that was named.
func (c *Conn) resolveVolume(conn *libvirt.Connect, d *model.DeviceSpec) error {
	volume, err := c.volumeOf(conn, &d.Device)
	if err != nil {
		return err
	}
	defer volume.Free()
	info, err := volume.GetInfo()
	if err != nil {
		return err
	}
	switch info.Type {
	case libvirt.STORAGE_VOL_FILE:
		d.Type = "file"
	case libvirt.STORAGE_VOL_BLOCK:
		d.Type = "block"
	default:
		return errs.New(errs.NotSupported, "The volume “%s” cannot be used as a disk.", d.Volume)
	}
	if d.Source, err = volume.GetPath(); err != nil {
		return err
	}
	if d.Format == "" {
		d.Format, err = volumeFormat(volume)
	}
	return err
}

// volumeFormat is raw for whatever QEMU has no driver for.
func volumeFormat(volume *libvirt.StorageVol) (string, error) {
	doc, err := volume.GetXMLDesc(0)
	if err != nil {
		return "", err
	}
	var v libvirtxml.StorageVolume
	if err := v.Unmarshal(doc); err != nil {
		return "", err
	}
	if v.Target != nil && v.Target.Format != nil && v.Target.Format.Type == "qcow2" {
		return "qcow2", nil
	}
	return "raw", nil
}

// ResizeDisk makes a disk larger; see inventory.Conn.
func (c *Conn) ResizeDisk(ctx context.Context, uuid, id string, size uint64) error {
	if err := c.imagesAnswer(ctx, uuid); err != nil {
		return err
	}
	err := c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		active, err := dom.IsActive()
		if err != nil {
			return err
		}
		doc, err := dom.GetXMLDesc(0)
		if err != nil {
			return err
		}
		disk, err := domainxml.FindDevice(doc, id)
		switch {
		case err != nil:
			return err
		case disk == nil:
			return noDevice()
		case disk.Kind != model.KindDisk || disk.ReadOnly:
			return errs.New(errs.InvalidArgument, "“%s” cannot be resized: it is no disk, or it is read-only.", id)
		}
		if active {
			return resizeLive(dom, disk.Target, size)
		}
		return c.resizeStored(dom, uuid, &disk.Device, size)
	})
	c.later(uuid, taskSizes)
	c.hint(inventory.VMEvent, uuid, false)
	return err
}

func resizeLive(dom *libvirt.Domain, target string, size uint64) error {
	info, err := dom.GetBlockInfo(target, 0)
	if err != nil {
		return err
	}
	if err := larger(info.Capacity, size); err != nil {
		return err
	}
	return dom.BlockResize(target, size, libvirt.DOMAIN_BLOCK_RESIZE_BYTES)
}

func (c *Conn) resizeStored(dom *libvirt.Domain, uuid string, disk *model.Device, size uint64) error {
	conn, err := dom.DomainGetConnect()
	if err != nil {
		return err
	}
	defer conn.Close()
	volume, err := c.volumeOf(conn, disk)
	if err != nil {
		return errs.Wrap(errs.NotSupported, err, "The disk is in no active storage pool. It can be resized while the virtual machine runs.")
	}
	defer volume.Free()
	facts, err := factsOf(volume)
	if err != nil {
		return err
	}
	if seems, is := imageFormat(facts.Format), imageFormat(disk.Format); seems != is {
		return mistaken(seems, is)
	}
	if err := c.oneFormat(conn, facts.Path, disk.Format, false); err != nil {
		return err
	}
	if err := larger(facts.Capacity, size); err != nil {
		return err
	}
	return c.onUsesBut(conn, uuid, volume, changeable(volume), func() error {
		return resizeVolume(c.inspect(conn, inventory.ImageRights{Storage: true}), volume, size, 0)
	})
}

// larger refuses to cut off what the guest has on its disk.
func larger(now, size uint64) error {
	if size <= now {
		return errs.New(errs.InvalidArgument, "A disk can only be made larger: it has %d bytes.", now)
	}
	return nil
}

func noDevice() error {
	return errs.New(errs.NotFound, "The virtual machine has no such device.")
}
