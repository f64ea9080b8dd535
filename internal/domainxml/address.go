package domainxml

import (
	"fmt"
	"strings"
)

// address is where a device sits on a bus of the guest: the bus's type and its
// numbers, in the notation of that bus. Types without numbers are just named,
// and an address that cannot be read is unknown.
func address(n *node) string {
	switch kind := n.attr("type"); kind {
	case "pci":
		return pciAddress(n)
	case "usb":
		return joined(n, kind, "bus", "port")
	case "drive":
		return joined(n, kind, "controller", "bus", "target", "unit")
	case "virtio-serial":
		return joined(n, kind, "controller", "bus", "port")
	case "ccid":
		return joined(n, kind, "controller", "slot")
	case "dimm":
		return joined(n, kind, "slot")
	case "ccw":
		return joined(n, kind, "cssid", "ssid", "devno")
	case "isa":
		return joined(n, kind, "iobase")
	case "spapr-vio":
		return joined(n, kind, "reg")
	default:
		return kind
	}
}

// pciAddress is the notation of lspci and of libvirt's own messages.
func pciAddress(n *node) string {
	if a := pciNumbers(n); a != "" {
		return "pci:" + a
	}
	return ""
}

func pciNumbers(n *node) string {
	if n == nil {
		return ""
	}
	var part [4]uint64
	for i, name := range []string{"domain", "bus", "slot", "function"} {
		text, there := n.lookup(name)
		value, ok := hexNumber(text)
		if there && !ok {
			return ""
		}
		part[i] = value
	}
	return fmt.Sprintf("%04x:%02x:%02x.%x", part[0], part[1], part[2], part[3])
}

// joined puts an address's parts together; those that are left out are not
// part of it.
func joined(n *node, kind string, names ...string) string {
	parts := []string{kind}
	for _, name := range names {
		if v := n.attr(name); v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, ":")
}
