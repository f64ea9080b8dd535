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
