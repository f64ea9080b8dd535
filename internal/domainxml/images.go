package domainxml

import (
	"cmp"
	"slices"

	"org.kvmmanager/internal/model"
)

// Image is something on the host that a disk of a VM needs: what is in it, or
// what that is made of.
type Image struct {
	model.Device // only Target, Type, Format, Source, Pool and Volume are set
	Base         bool
}

// Images lists what the disks of a VM need, as far as its definition says. That
// of a VM which runs names all that an image is made of.
func Images(doc string) ([]Image, error) {
	n, err := parse(doc, "domain")
	if err != nil {
		return nil, err
	}
	return images(n), nil
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
		list = append(list, sources(disk, disk.attr("name"), false)...)
	}
	if memory := n.find("memory").attr("file"); memory != "" {
		list = append(list, Image{Device: model.Device{Source: memory}})
	}
	return list, nil
}

func images(domain *node) []Image {
	var list []Image
	for disk := range domain.find("devices").all("disk") {
		list = append(list, sources(disk, disk.find("target").attr("dev"), false)...)
	}
	return list
}

// sources lists the sources in a disk's element: its own, and those of what is
// inside of it, such as backing stores and mirrors.
func sources(n *node, target string, base bool) []Image {
	var list []Image
	for _, c := range n.children {
		if c.name == "source" {
			d := model.Device{
				Target: target, Type: n.attr("type"),
				Format: cmp.Or(n.find("driver").attr("type"), n.find("format").attr("type")),
			}
			if diskSource(c, &d); d.Source != "" || d.Volume != "" {
				list = append(list, Image{d, base})
			}
		}
		list = append(list, sources(c, target, true)...)
	}
	return list
}
