package build

import (
	"net"
	"strings"

	"libvirt.org/go/libvirtxml"
)

// makeInterface makes a network interface.
func makeInterface(d *Device) (any, error) {
	source, err := interfaceSource(d)
	if err != nil {
		return nil, err
	}
	nic := libvirtxml.DomainInterface{Source: source, Boot: bootOf(d)}
	if err := forwardPorts(&nic, d); err != nil {
		return nil, err
	}
	if d.MAC != "" {
		if err := checkMAC(d.MAC); err != nil {
			return nil, err
		}
		nic.MAC = &libvirtxml.DomainInterfaceMAC{Address: strings.ToLower(d.MAC)}
	}
	card, err := oneOf("model", d.Model, "virtio", "e1000e", "e1000", "rtl8139", "igb", "vmxnet3", "ne2k_pci", "pcnet")
	if err != nil {
		return nil, err
	}
	nic.Model = &libvirtxml.DomainInterfaceModel{Type: card}
	if d.LinkDown {
		nic.Link = &libvirtxml.DomainInterfaceLink{State: "down"}
	}
	if d.MTU > 0 {
		nic.MTU = &libvirtxml.DomainInterfaceMTU{Size: uint(d.MTU)}
	}
	return &nic, nil
}

// interfaceSource is what the interface is connected to; the type follows from
// what is given.
func interfaceSource(d *Device) (*libvirtxml.DomainInterfaceSource, error) {
	usual := "network"
	switch {
	case d.Bridge != "":
		usual = "bridge"
	case d.HostDevice != "":
		usual = "direct"
	}
	kind, err := oneOf("type", d.Type, usual, "network", "bridge", "direct", "user")
	if err != nil {
		return nil, err
	}
	for _, of := range []struct{ kind, key, value string }{
		{"network", "network-name", d.NetworkName}, {"bridge", "bridge", d.Bridge}, {"direct", "host-device", d.HostDevice},
	} {
		if (of.value != "") != (kind == of.kind) {
			return nil, invalid("An interface of the type “%s” is given by “%s”, and others are not.", of.kind, of.key)
		}
	}
	switch kind {
	case "network":
		return &libvirtxml.DomainInterfaceSource{Network: &libvirtxml.DomainInterfaceSourceNetwork{Network: d.NetworkName}}, nil
	case "bridge":
		return &libvirtxml.DomainInterfaceSource{Bridge: &libvirtxml.DomainInterfaceSourceBridge{Bridge: d.Bridge}}, nil
	case "direct":
		mode, err := oneOf("mode", d.Mode, "bridge", "vepa", "private", "passthrough")
		if err != nil {
			return nil, err
		}
		return &libvirtxml.DomainInterfaceSource{Direct: &libvirtxml.DomainInterfaceSourceDirect{Dev: d.HostDevice, Mode: mode}}, nil
	default:
		return &libvirtxml.DomainInterfaceSource{User: &libvirtxml.DomainInterfaceSourceUser{}}, nil
	}
}

// checkMAC refuses what is no address of one interface.
func checkMAC(mac string) error {
	hw, err := net.ParseMAC(mac)
	if err != nil || len(hw) != 6 || hw[0]&1 != 0 || !strings.Contains(mac, ":") {
		return invalid("The MAC address must look like 52:54:00:12:34:56.")
	}
	return nil
}
