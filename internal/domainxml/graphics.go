package domainxml

import "org.kvmmanager/internal/model"

// convertGraphics fills a display. A password is never read, only seen.
func convertGraphics(n *node, d *model.Device) string {
	d.Type = n.attr("type")
	d.Listen = listen(n)
	d.AutoPort = n.yes("autoport") || n.attr("port") == "-1"
	d.Port = number(n.attr("port"))
	d.HasPassword = n.attr("passwd") != ""
	return d.Type
}

// listen is where a display can be reached: none, socket, or an address, which
// is empty while only libvirt knows its default. The first listen element is
// the one that counts; the attributes are what older XML has instead.
func listen(n *node) string {
	first := n.find("listen")
	switch kind := first.attr("type"); kind {
	case "none", "socket":
		return kind
	case "address", "network":
		return first.attr("address")
	}
	if n.attr("socket") != "" {
		return "socket"
	}
	return n.attr("listen")
}

// convertVideo fills a graphics card; libvirt counts its memory in KiB.
func convertVideo(n *node, d *model.Device) string {
	card := n.find("model")
	d.Model = card.attr("type")
	d.VideoMemory = scale(uint64(number(card.attr("vram"))), "KiB")
	d.Heads = number(card.attr("heads"))
	d.Accel3D = card.find("acceleration").yes("accel3d")
	return ""
}
