package domainxml

import (
	"fmt"

	"libvirt.org/go/libvirtxml"
)

// NewVolume describes a volume that is to be made.
type NewVolume struct {
	Name       string
	Format     string      // empty in a pool whose volumes have none
	Capacity   uint64      // bytes
	Allocation *uint64     // bytes; nil leaves the choice to libvirt
	Base       *ImageFacts // what it is an overlay of; nil for most
}

// Volume is the XML of a new storage volume.
func Volume(name, format string, capacity uint64) (string, error) {
	return NewVolumeXML(NewVolume{Name: name, Format: format, Capacity: capacity})
}

// NewVolumeXML is the XML of a new storage volume. An image that grows takes no
// room before it needs it, unless told otherwise.
func NewVolumeXML(n NewVolume) (string, error) {
	v := libvirtxml.StorageVolume{
		Name: n.Name, Capacity: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: n.Capacity},
	}
	if n.Format != "" {
		v.Target = &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: n.Format}}
	}
	if n.Format == "qcow2" {
		v.Allocation = &libvirtxml.StorageVolumeSize{Unit: "bytes"}
		v.Target.Compat = "1.1"
	}
	if n.Allocation != nil {
		v.Allocation = &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: *n.Allocation}
	}
	if n.Base != nil {
		v.BackingStore = &libvirtxml.StorageVolumeBackingStore{Path: n.Base.Path}
		if n.Base.Format != "" {
			v.BackingStore.Format = &libvirtxml.StorageVolumeTargetFormat{Type: n.Base.Format}
		}
	}
	text, err := v.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write <volume>: %w", err)
	}
	return text, nil
}

// ParseVolumePlace reads of a volume what a disk on it needs. The capacity is in
// bytes.
func ParseVolumePlace(xml string) (name, path, format string, capacity uint64, err error) {
	n, err := parse(xml, "volume")
	if err != nil {
		return "", "", "", 0, err
	}
	target := n.find("target")
	format = target.find("format").attr("type")
	if format != "qcow2" {
		format = "raw" // also what libvirt calls iso and unknown
	}
	return n.find("name").verbatim(), target.find("path").verbatim(), format, n.find("capacity").size("bytes"), nil
}
