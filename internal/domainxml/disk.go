package domainxml

import (
	"math"
	"strings"

	"org.kvmmanager/internal/model"
)

// diskKinds are the devices that a disk element can be; anything else (disk,
// lun) is a disk.
var diskKinds = map[string]model.DeviceKind{
	"cdrom":  model.KindCDROM,
	"floppy": model.KindFloppy,
}

// convertDisk fills a disk, CD-ROM or floppy drive. Its name is its target,
// which libvirt keeps unique.
func convertDisk(n *node, d *model.Device) string {
	if kind, ok := diskKinds[n.attr("device")]; ok {
		d.Kind = kind
	}
	driver, target := n.find("driver"), n.find("target")
	d.Type = n.attr("type")
	d.Bus = target.attr("bus")
	d.Target = target.attr("dev")
	d.Format = driver.attr("type")
	d.Cache = driver.attr("cache")
	d.Discard = driver.attr("discard")
	d.Serial = n.find("serial").content()
	d.ReadOnly = n.has("readonly")
	d.Shareable = n.has("shareable")
	d.Transient = n.has("transient")
	diskSource(n.find("source"), d)
	return d.Target
}

func diskSource(source *node, d *model.Device) {
	switch d.Type {
	case "file":
		d.Source = source.attr("file")
	case "block", "vhostvdpa":
		d.Source = source.attr("dev")
	case "dir":
		d.Source = source.attr("dir")
	case "network":
		d.Source = networkSource(source)
	case "volume":
		d.Pool = source.attr("pool")
		d.Volume = source.attr("volume")
	case "nvme":
		d.Source = pciAddress(source.find("address"))
	case "vhostuser":
		d.Source = source.attr("path")
	}
}

// networkSource writes a network disk the way QEMU and people do: a URL without
// its secrets.
func networkSource(source *node) string {
	protocol := source.attr("protocol")
	if protocol == "" {
		return ""
	}
	name := pathOfAddress(protocol, source.attr("name"))
	first := source.find("host")
	if protocol == "http" || protocol == "https" {
		return webSource(protocol, withoutUser(first.attr("name")), first.attr("port"), name)
	}
	path := "/" + strings.TrimPrefix(name, "/")
	if socket := first.attr("socket"); socket != "" {
		return protocol + "+unix://" + path + "?socket=" + socket
	}
	var hosts []string
	for h := range source.all("host") {
		hosts = append(hosts, joinHostPort(withoutUser(h.attr("name")), h.attr("port")))
	}
	return protocol + "://" + strings.Join(hosts, ",") + path
}

// webSource writes the address of a medium as it is given when a VM is made of
// it: escaped, and without the usual port.
func webSource(protocol, host, port, path string) string {
	a := model.MediumAddress{Scheme: protocol, Host: host, Path: "/" + strings.TrimPrefix(path, "/")}
	a.Port = uint16(min(number(port), math.MaxUint16))
	return a.String()
}
