package domainxml

import (
	"cmp"
	"slices"

	"org.kvmmanager/internal/model"
)

// Image is something on the host that a VM needs: the image of a disk or drive, a
// base image of that, or a file that the VM boots with.
type Image struct {
	model.Device // only Kind, Target, Type, Format, Source, Pool, Volume, ReadOnly and Shareable are set
	Base         bool
	Whole        bool // the definition says what the image's base images are, or that there are none
}

// FormatMemory is the format of a file with the memory of a snapshot, which is no
// image of a disk.
const FormatMemory = "memory"

// Writes reports whether the VM writes to the image.
func (i *Image) Writes() bool { return !i.Base && !i.ReadOnly && i.Kind != model.KindCDROM }

// Same reports whether two images are named, opened and written to in the same way.
func (i Image) Same(other Image) bool {
	return i.Source == other.Source && i.Pool == other.Pool && i.Volume == other.Volume && i.Format == other.Format &&
		(i.Writes() == other.Writes() || other.Writes())
}

// Images lists what a VM needs, as far as its definition says. That of a VM which
// runs names all base images.
func Images(doc string) ([]Image, error) {
	n, err := parse(doc, "domain")
	if err != nil {
		return nil, err
	}
	return images(n), nil
}

// DiskImages lists what a disk's element names.
func DiskImages(doc string) ([]Image, error) {
	n, err := parse(doc, "disk")
	if err != nil {
		return nil, err
	}
	return diskImages(n), nil
}

// IsTemplate reports whether a definition is that of a VM that is cloned and not
// started.
func IsTemplate(doc string) (bool, error) {
	n, err := parse(doc, "domain")
	if err != nil {
		return false, err
	}
	var vm model.VM
	setMetadata(&vm, n.find("metadata"))
	return vm.Template, nil
}

// SnapshotImages lists what a snapshot needs: what the VM had when it was made,
// and what libvirt made for it.
func SnapshotImages(doc string) ([]Image, error) {
	n, err := parse(doc, "domainsnapshot")
	if err != nil {
		return nil, err
	}
	list := slices.Concat(images(n.find("domain")), images(n.find("inactiveDomain")))
	for disk := range n.find("disks").all("disk") {
		list = append(list, sources(disk, model.Device{Kind: model.KindDisk, Target: disk.attr("name")}, false)...)
	}
	if memory := n.find("memory").attr("file"); memory != "" {
		list = append(list, Image{Device: model.Device{Type: "file", Format: FormatMemory, Source: memory}})
	}
	return list, nil
}

func images(domain *node) []Image {
	var list []Image
	for disk := range domain.find("devices").all("disk") {
		list = append(list, diskImages(disk)...)
	}
	for folder := range domain.find("devices").all("filesystem") {
		if kind := folder.attr("type"); kind == "file" || kind == "block" {
			list = append(list, sources(folder, model.Device{Kind: model.KindShare, ReadOnly: folder.has("readonly")}, false)...)
		}
	}
	return append(list, bootFiles(domain.find("os"))...)
}

func diskImages(disk *node) []Image {
	drive := model.Device{Kind: model.KindDisk}
	convertDisk(disk, &drive)
	return sources(disk, model.Device{Kind: drive.Kind, Target: drive.Target, ReadOnly: drive.ReadOnly, Shareable: drive.Shareable}, false)
}

// bootFiles lists the files that a VM boots with. It writes to its UEFI variables
// only.
func bootFiles(os *node) []Image {
	var list []Image
	for _, name := range []string{"kernel", "initrd", "dtb", "loader"} {
		if path := os.find(name).content(); path != "" {
			list = append(list, Image{Device: model.Device{Kind: model.KindOther, Type: "file", Source: path, ReadOnly: true}})
		}
	}
	if nvram := os.find("nvram"); nvram != nil {
		d := model.Device{Kind: model.KindOther, Type: cmp.Or(nvram.attr("type"), "file"), Source: nvram.content()}
		if source := nvram.find("source"); source != nil {
			diskSource(source, &d)
		}
		if d.Source != "" || d.Volume != "" {
			list = append(list, Image{Device: d})
		}
	}
	return list
}

// sources lists the sources in a disk's element: its own, and those of what is
// inside of it, such as backing stores and mirrors.
func sources(n *node, drive model.Device, base bool) []Image {
	var list []Image
	for _, c := range n.children {
		if c.name == "source" {
			d := drive
			d.Type, d.Format = n.attr("type"), cmp.Or(n.find("driver").attr("type"), n.find("format").attr("type"))
			if diskSource(c, &d); d.Source != "" || d.Volume != "" {
				list = append(list, Image{Device: d, Base: base, Whole: n.has("backingStore")})
			}
		}
		list = append(list, sources(c, drive, true)...)
	}
	return list
}
