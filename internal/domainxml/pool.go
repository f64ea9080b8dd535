package domainxml

import (
	"strings"

	"org.kvmmanager/internal/model"
)

// ParsePool makes a storage pool of libvirt's XML. State, Active, Persistent,
// Autostart and Host are the caller's. The sizes are those of the last refresh.
func ParsePool(xml string) (*model.StoragePool, error) {
	n, err := parse(xml, "pool")
	if err != nil {
		return nil, err
	}
	return &model.StoragePool{
		UUID:       strings.ToLower(n.find("uuid").content()),
		Name:       n.find("name").content(),
		Kind:       n.attr("type"),
		Target:     n.find("target", "path").content(),
		Capacity:   n.find("capacity").size("b"),
		Allocation: n.find("allocation").size("b"),
		Available:  n.find("available").size("b"),
	}, nil
}

// ParseVolume makes a storage volume of libvirt's XML. Pool and UsedBy are the
// caller's.
func ParseVolume(xml string) (*model.StorageVolume, error) {
	n, err := parse(xml, "volume")
	if err != nil {
		return nil, err
	}
	return &model.StorageVolume{
		Name:       n.find("name").verbatim(),
		Place:      n.find("target", "path").verbatim(),
		Format:     n.find("target", "format").attr("type"),
		Capacity:   n.find("capacity").size("bytes"),
		Allocation: n.find("allocation").size("bytes"),
		Backing:    n.find("backingStore", "path").verbatim(),
	}, nil
}
