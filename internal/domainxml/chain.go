package domainxml

import (
	"cmp"
	"slices"

	"org.kvmmanager/internal/model"
)

// Chain is what a definition says of the image of a disk and of the layers under
// it.
type Chain struct {
	Target   string
	ReadOnly bool         // the VM does not write to it
	Images   []ChainImage // the disk's own first, each a layer over the next
	// Ended means that the definition names all layers. Otherwise the hypervisor
	// looks for more of them in the last image that is named.
	Ended bool
}

// ChainImage is an image that a definition names.
type ChainImage struct {
	model.Device      // only Type, Format, Source, Pool and Volume are set
	DataFile     bool // the definition names another file for its data
}

// Chains lists what a definition says of the images of all disks and drives that
// have one.
func Chains(doc string) ([]Chain, error) {
	n, err := parse(doc, "domain")
	if err != nil {
		return nil, err
	}
	return chains(n), nil
}

// SnapshotChains is Chains for what a VM had when a snapshot was made, and for the
// images that were made for the snapshot.
func SnapshotChains(doc string) ([]Chain, error) {
	n, err := parse(doc, "domainsnapshot")
	if err != nil {
		return nil, err
	}
	list := slices.Concat(chains(n.find("domain")), chains(n.find("inactiveDomain")))
	for disk := range n.find("disks").all("disk") {
		if c := chain(disk, disk.attr("name")); len(c.Images) > 0 {
			list = append(list, c)
		}
	}
	return list, nil
}

func chains(domain *node) []Chain {
	var list []Chain
	for disk := range domain.find("devices").all("disk") {
		if c := chain(disk, disk.find("target").attr("dev")); len(c.Images) > 0 {
			c.ReadOnly = disk.has("readonly") || disk.attr("device") == "cdrom"
			list = append(list, c)
		}
	}
	return list
}

func chain(disk *node, target string) Chain {
	c := Chain{Target: target}
	for n := disk; n != nil; n = n.find("backingStore") {
		if n != disk && n.attr("type") == "" {
			c.Ended = true
			break
		}
		source := n.find("source")
		d := model.Device{Type: n.attr("type"), Format: cmp.Or(n.find("driver").attr("type"), n.find("format").attr("type"))}
		if diskSource(source, &d); d.Source == "" && d.Volume == "" {
			break
		}
		c.Images = append(c.Images, ChainImage{d, source.has("dataStore")})
	}
	return c
}
