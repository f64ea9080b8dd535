package virt

import (
	"os"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
)

// loopback is what every network namespace has.
const loopback = "lo"

// hostInterfaces is the names of the host's network interfaces; false if nobody
// tells them. libvirt has two drivers that can, and may have neither. The kernel
// tells a local service, unless that sees a network of its own.
func (c *Conn) hostInterfaces(conn *libvirt.Connect) (map[string]bool, bool) {
	names := map[string]bool{}
	if list, err := conn.ListAllInterfaces(0); err == nil {
		for i := range list {
			if name, err := list[i].GetName(); err == nil {
				names[name] = true
			}
			_ = list[i].Free()
		}
	}
	if list, err := conn.ListAllNodeDevices(libvirt.CONNECT_LIST_NODE_DEVICES_CAP_NET); err == nil {
		for i := range list {
			if xml, err := list[i].GetXMLDesc(0); err == nil {
				names[domainxml.InterfaceOfDevice(xml)] = true
			}
			_ = list[i].Free()
		}
	}
	if c.places.config != "" {
		entries, _ := os.ReadDir("/sys/class/net")
		for _, e := range entries {
			names[e.Name()] = true
		}
	}
	delete(names, loopback)
	delete(names, "")
	return names, len(names) > 0
}
