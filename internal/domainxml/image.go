package domainxml

import (
	"strconv"
	"strings"

	"libvirt.org/go/libvirtxml"
)

// ImageFacts is what matters of a storage volume to who copies it.
type ImageFacts struct {
	Name, Path, Format string
	Capacity           uint64 // bytes
	Allocation         uint64 // bytes
	Backing            string // path of what it is an overlay of
	Length             uint64 // bytes of the file
	// Modified and Changed are when the content and the status of the file last
	// changed, in ns; zero when libvirt does not say.
	Modified, Changed int64
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
		Backing: vol.find("backingStore", "path").verbatim(), Length: vol.find("physical").size("bytes"),
		Modified: timestamp(vol, "mtime"), Changed: timestamp(vol, "ctime"),
	}, nil
}

// timestamp reads seconds with nine decimals as ns. libvirt leaves out decimals
// that are zero.
func timestamp(vol *node, name string) int64 {
	seconds, rest, _ := strings.Cut(vol.find("target", "timestamps", name).content(), ".")
	s, _ := strconv.ParseInt(seconds, 10, 64) // zero when libvirt does not say
	ns, _ := strconv.ParseInt(rest, 10, 64)
	return s*1e9 + ns
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
