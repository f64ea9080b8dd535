package domainxml

import "libvirt.org/go/libvirtxml"

// ImageFacts is what matters of a storage volume to who copies it.
type ImageFacts struct {
	Name, Path, Format string
	Capacity           uint64 // bytes
	Allocation         uint64 // bytes
	Backing            string // path of what it is an overlay of
}

// ParseImage reads libvirt's description of a volume.
func ParseImage(doc string) (ImageFacts, error) {
	vol, err := parse(doc, "volume")
	if err != nil {
		return ImageFacts{}, err
	}
	return ImageFacts{
		Name: vol.find("name").verbatim(), Path: vol.find("target", "path").verbatim(), Format: vol.find("target", "format").attr("type"),
		Capacity: vol.find("capacity").size("bytes"), Allocation: vol.find("allocation").size("bytes"),
		Backing: vol.find("backingStore", "path").verbatim(),
	}, nil
}

// CopyXML describes a volume with the same content as another one. base is what
// it is an overlay of; nil makes it independent.
func CopyXML(name, format string, capacity uint64, base *ImageFacts) (string, error) {
	vol := libvirtxml.StorageVolume{Name: name, Capacity: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: capacity}}
	if format != "" {
		vol.Target = &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: format}}
	}
	if base != nil {
		vol.BackingStore = &libvirtxml.StorageVolumeBackingStore{
			Path: base.Path, Format: &libvirtxml.StorageVolumeTargetFormat{Type: base.Format},
		}
	}
	return vol.Marshal()
}
