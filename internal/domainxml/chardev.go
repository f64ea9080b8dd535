package domainxml

import "org.kvmmanager/internal/model"

// agentChannel is the name that QEMU's guest agent listens on.
const agentChannel = "org.qemu.guest_agent.0"

// convertSerial fills a serial or parallel port or a console. Its name is the
// port's number.
func convertSerial(n *node, d *model.Device) string {
	target := n.find("target")
	d.Type = n.attr("type")
	d.Source = chardevSource(n)
	d.Target = target.attr("port")
	d.Model = target.find("model").attr("name")
	if d.Model == "" {
		d.Model = target.attr("type")
	}
	return d.Target
}

// repeatsSerial says whether a console element is libvirt's second mention of
// the first serial port, which it writes for programs of 2008.
func repeatsSerial(console *node) bool {
	kind := console.find("target").attr("type")
	return kind == "" || kind == "serial"
}

// convertChannel fills a channel between host and guest. Its name is the one
// that the guest sees, or the address that it is forwarded from.
func convertChannel(n *node, d *model.Device) string {
	target := n.find("target")
	d.Type = n.attr("type")
	d.Model = target.attr("type")
	d.Source = chardevSource(n)
	d.State = target.attr("state")
	d.Name = target.attr("name")
	if d.Name == "" && d.Model == "guestfwd" {
		return joinHostPort(target.attr("address"), target.attr("port"))
	}
	return d.Name
}

// guestAgent looks at the agent's channel: libvirt knows whether somebody has
// opened it in the guest.
func guestAgent(devices []*model.Device) model.AgentState {
	for _, d := range devices {
		switch {
		case d.Kind != model.KindChannel || d.Name != agentChannel:
		case d.State == "connected":
			return model.AgentConnected
		default:
			return model.AgentDisconnected
		}
	}
	return model.AgentAbsent
}

// chardevSource is the host's side of a character device: a path, or a network
// address.
func chardevSource(n *node) string {
	source := n.find("source")
	switch n.attr("type") {
	case "tcp", "udp":
		return joinHostPort(source.attr("host"), source.attr("service"))
	case "spiceport", "dbus":
		return source.attr("channel")
	case "nmdm":
		return source.attr("master")
	default:
		return source.attr("path")
	}
}
