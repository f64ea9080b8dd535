package domainxml

import "org.kvmmanager/internal/model"

// convertModel fills a device that is described by its model alone.
func convertModel(n *node, d *model.Device) string {
	d.Model = n.attr("model")
	return ""
}

// convertController fills a bus controller. Its name is its type and index,
// which the addresses of other devices refer to.
func convertController(n *node, d *model.Device) string {
	d.Type = n.attr("type")
	d.Model = n.attr("model")
	if index := n.attr("index"); index != "" {
		return d.Type + "-" + index
	}
	return d.Type
}

// convertInput fills a keyboard, mouse, tablet or host input device.
func convertInput(n *node, d *model.Device) string {
	d.Type = n.attr("type")
	d.Bus = n.attr("bus")
	d.Model = n.attr("model")
	d.Source = n.find("source").attr("dev")
	if d.Source == "" {
		d.Source = n.find("source").attr("evdev")
	}
	switch {
	case d.Source != "":
		return d.Type + "-" + d.Source
	case d.Bus != "":
		return d.Type + "-" + d.Bus
	default:
		return d.Type
	}
}

func convertTPM(n *node, d *model.Device) string {
	backend := n.find("backend")
	d.Model = n.attr("model")
	d.Backend = backend.attr("type")
	d.Version = backend.attr("version")
	d.Source = backend.find("device").attr("path")
	return ""
}

func convertRNG(n *node, d *model.Device) string {
	backend := n.find("backend")
	d.Model = n.attr("model")
	d.Backend = backend.attr("model")
	if d.Backend == "random" {
		d.Source = backend.content()
	}
	return ""
}

func convertWatchdog(n *node, d *model.Device) string {
	d.Model = n.attr("model")
	d.Action = n.attr("action")
	return ""
}

func convertVsock(n *node, d *model.Device) string {
	d.Model = n.attr("model")
	d.CID = number(n.find("cid").attr("address"))
	return ""
}

func convertRedirection(n *node, d *model.Device) string {
	d.Type = n.attr("type")
	d.Bus = n.attr("bus")
	d.Source = chardevSource(n)
	return ""
}

func convertSmartcard(n *node, d *model.Device) string {
	d.Type = n.attr("mode")
	d.Backend = n.attr("type")
	return ""
}

// convertMemory fills a memory module.
func convertMemory(n *node, d *model.Device) string {
	d.Model = n.attr("model")
	d.Capacity = n.find("target", "size").size("KiB")
	d.Source = n.find("source", "path").content()
	return ""
}

// convertOther fills what has no kind of its own: leases, hubs, shared memory,
// and whatever libvirt learns. Its type is the element's name.
func convertOther(n *node, d *model.Device) string {
	d.Type = n.name
	d.Name = n.attr("name")
	d.Model = n.attr("model")
	if d.Model == "" {
		d.Model = n.find("model").attr("type")
	}
	if d.Name == "" {
		return ""
	}
	return d.Type + "-" + d.Name
}
