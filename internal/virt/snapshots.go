package virt

import (
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/model"
)

// snapshots gives a VM's snapshots: those that are remembered, unless something
// may have changed them since they were read.
func (c *Conn) snapshots(dom *libvirt.Domain, uuid string) ([]*model.Snapshot, error) {
	known, changes, ok := c.memory.snapshots(uuid)
	if ok {
		return known, nil
	}
	list, err := askSnapshots(dom, uuid)
	if err == nil {
		c.memory.setSnapshots(uuid, list, changes)
	}
	return list, err
}

// askSnapshots reads all snapshots of a VM: libvirt answers without asking QEMU.
// One that goes away meanwhile is left out.
func askSnapshots(dom *libvirt.Domain, uuid string) ([]*model.Snapshot, error) {
	found, err := dom.ListAllSnapshots(0)
	if unsupported(err) {
		return nil, nil
	}
	if err != nil || len(found) == 0 {
		return nil, err
	}
	defer freeRest(found, (*libvirt.DomainSnapshot).Free)
	current, err := currentSnapshot(dom)
	if err != nil {
		return nil, err
	}
	list := make([]*model.Snapshot, 0, len(found))
	parents := make(map[string]string, len(found))
	for i := range found {
		s, parent, err := askSnapshot(&found[i])
		if hasCode(err, libvirt.ERR_NO_DOMAIN_SNAPSHOT) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Current = s.Name == current
		parents[s.Name] = parent
		list = append(list, s)
	}
	model.LinkSnapshots(uuid, list, parents)
	return list, nil
}

func askSnapshot(s *libvirt.DomainSnapshot) (*model.Snapshot, string, error) {
	xml, err := s.GetXMLDesc(0)
	if err != nil {
		return nil, "", err
	}
	return domainxml.ParseSnapshot(xml)
}

// currentSnapshot is the name of the one that the VM goes on from, if any.
func currentSnapshot(dom *libvirt.Domain) (string, error) {
	s, err := dom.SnapshotCurrent(0)
	if hasCode(err, libvirt.ERR_NO_DOMAIN_SNAPSHOT) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer s.Free()
	return s.GetName()
}
