package domainxml

import (
	"cmp"
	"fmt"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/model"
)

// NewPool is the XML of a new storage pool. The spec must be valid.
func NewPool(s *model.PoolSpec) (string, error) {
	p := libvirtxml.StoragePool{Type: s.Kind, Name: s.Name, Source: poolSource(s)}
	if target := cmp.Or(s.Target, s.DefaultTarget()); target != "" {
		p.Target = &libvirtxml.StoragePoolTarget{Path: target}
	}
	text, err := p.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write <pool>: %w", err)
	}
	return text, nil
}

// poolSource is where a pool's storage comes from; nil for a folder, which is
// where it is.
func poolSource(s *model.PoolSpec) *libvirtxml.StoragePoolSource {
	if s.Kind == "dir" {
		return nil
	}
	source := &libvirtxml.StoragePoolSource{Name: s.SourceName}
	for _, host := range s.SourceHosts {
		name, port := model.SplitHost(host)
		source.Host = append(source.Host, libvirtxml.StoragePoolSourceHost{Name: name, Port: port})
	}
	for _, path := range s.SourceDevices {
		source.Device = append(source.Device, libvirtxml.StoragePoolSourceDevice{Path: path})
	}
	if s.SourcePath != "" {
		source.Dir = &libvirtxml.StoragePoolSourceDir{Path: s.SourcePath}
	}
	if s.SourceFormat != "" {
		source.Format = &libvirtxml.StoragePoolSourceFormat{Type: s.SourceFormat}
	}
	if s.Initiator != "" {
		source.Initiator = &libvirtxml.StoragePoolSourceInitiator{IQN: libvirtxml.StoragePoolSourceInitiatorIQN{Name: s.Initiator}}
	}
	switch s.Kind {
	case "iscsi": // libvirt has the target in the place of a device
		source.Name, source.Device = "", []libvirtxml.StoragePoolSourceDevice{{Path: s.SourceName}}
	case "logical":
		source.Name = cmp.Or(s.SourceName, s.Name)
		source.Format = &libvirtxml.StoragePoolSourceFormat{Type: "lvm2"}
	}
	if s.User != "" {
		source.Auth = &libvirtxml.StoragePoolSourceAuth{
			Type: authTypes[s.Kind], Username: s.User, Secret: &libvirtxml.StoragePoolSourceAuthSecret{UUID: s.Secret},
		}
	}
	return source
}

// authTypes is how the kinds of pools that know users check them.
var authTypes = map[string]string{"iscsi": "chap", "rbd": "ceph"}

// ParsePoolKinds lists the kinds of pools that a host has what it takes for, by
// libvirt's storage pool capabilities.
func ParsePoolKinds(xml string) ([]string, error) {
	n, err := parse(xml, "storagepoolCapabilities")
	if err != nil {
		return nil, err
	}
	var kinds []string
	for p := range n.all("pool") {
		if p.yes("supported") {
			kinds = append(kinds, p.attr("type"))
		}
	}
	return kinds, nil
}
