package domainxml

import (
	"fmt"

	"libvirt.org/go/libvirtxml"
)

// Volume is the XML of a new storage volume.
func Volume(name, format string, capacity uint64) (string, error) {
	v := libvirtxml.StorageVolume{
		Name:     name,
		Capacity: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: capacity},
		Target:   &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: format}},
	}
	if format == "qcow2" {
		v.Allocation = &libvirtxml.StorageVolumeSize{Unit: "bytes"}
		v.Target.Compat = "1.1"
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
