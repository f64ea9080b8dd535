package domainxml

import (
	"strings"

	"org.kvmmanager/internal/model"
)

// convertInterface fills a network interface. Its name is its MAC address.
//
// libvirt shows what a virtual network was resolved to in the live XML: the
// type becomes bridge or direct, while source keeps the network's name. That
// name decides here, so that an interface is of type network live and stored.
func convertInterface(n *node, d *model.Device) string {
	source := n.find("source")
	d.Type = n.attr("type")
	d.NetworkName = source.attr("network")
	if d.NetworkName != "" {
		d.Type = "network"
	}
	d.MAC = strings.ToLower(n.find("mac").attr("address"))
	d.Model = n.find("model").attr("type")
	d.Target = n.find("target").attr("dev")
	d.Bridge = source.attr("bridge")
	d.LinkDown = n.find("link").attr("state") == "down"
	d.MTU = number(n.find("mtu").attr("size"))
	interfaceSource(source, n.attr("type"), d)
	d.PortForwards = portForwards(n)
	return d.MAC
}

func interfaceSource(source *node, kind string, d *model.Device) {
	switch kind {
	case "direct":
		d.HostDevice = source.attr("dev")
		d.Mode = source.attr("mode")
	case "hostdev":
		d.Source = address(source.find("address"))
	case "vhostuser":
		d.Source = source.attr("path")
	case "vdpa":
		d.Source = source.attr("dev")
	case "user":
		d.HostDevice = source.attr("dev")
	case "server", "client", "mcast", "udp":
		d.Source = joinHostPort(source.attr("address"), source.attr("port"))
	}
}

func joinHostPort(host, port string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]" // IPv6
	}
	if port == "" {
		return host
	}
	return host + ":" + port
}
