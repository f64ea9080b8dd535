package domainxml

import (
	"strings"

	"org.kvmmanager/internal/model"
)

// convertHostDevice fills a device of the host that the guest has to itself.
// Its name is its source, the way the host knows it.
func convertHostDevice(n *node, d *model.Device) string {
	source := n.find("source")
	d.Type = n.attr("type")
	d.Model = n.attr("model")
	switch d.Type {
	case "pci":
		d.Source = pciNumbers(source.find("address"))
	case "usb":
		d.Source = usbSource(source)
	case "mdev":
		d.Source = source.find("address").attr("uuid")
	case "scsi":
		d.Source = scsiSource(source)
	case "scsi_host":
		d.Source = source.attr("wwpn")
	default:
		d.Source = capabilitySource(source)
	}
	if d.Source == "" {
		return ""
	}
	return d.Type + "-" + d.Source
}

// usbSource prefers vendor and product: the address of a device that was named
// by them is added at start and changes with each plug.
func usbSource(source *node) string {
	vendor, product := source.find("vendor").attr("id"), source.find("product").attr("id")
	if vendor != "" && product != "" {
		return strings.TrimPrefix(vendor, "0x") + ":" + strings.TrimPrefix(product, "0x")
	}
	at := source.find("address")
	if at == nil {
		return ""
	}
	return at.attr("bus") + "." + at.attr("device")
}

func scsiSource(source *node) string {
	if source.attr("protocol") != "" {
		return networkSource(source)
	}
	at := source.find("address")
	if at == nil {
		return ""
	}
	return strings.Join([]string{
		source.find("adapter").attr("name"), at.attr("bus"), at.attr("target"), at.attr("unit"),
	}, ":")
}

// capabilitySource is a container's device: a node of the host or an interface.
func capabilitySource(source *node) string {
	for _, name := range []string{"block", "char", "interface"} {
		if c := source.find(name); c != nil {
			return c.content()
		}
	}
	return ""
}

// IsUSBDevice reports whether the XML of a device of the host is of the USB device
// that is meant, VENDOR:PRODUCT or BUS.DEVICE.
func IsUSBDevice(xml, name string) bool {
	n, err := parse(xml, "device")
	if err != nil {
		return false
	}
	c := n.find("capability")
	id := func(name string) string { return strings.TrimPrefix(c.find(name).attr("id"), "0x") }
	return strings.EqualFold(id("vendor")+":"+id("product"), name) || c.find("bus").content()+"."+c.find("device").content() == name
}
