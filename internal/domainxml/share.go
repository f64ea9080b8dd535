package domainxml

import "org.kvmmanager/internal/model"

// convertShare fills a folder of the host that the guest can mount. Its name is
// the tag that the guest mounts.
func convertShare(n *node, d *model.Device) string {
	source, driver := n.find("source"), n.find("driver")
	d.Type = n.attr("type")
	d.Tag = n.find("target").attr("dir")
	d.ReadOnly = n.has("readonly")
	d.Backend = driver.attr("type")
	if d.Backend == "" || d.Backend == "path" || d.Backend == "handle" {
		d.Backend = "9p" // the protocol behind these two of libvirt's names
	}
	for _, name := range []string{"dir", "dev", "file", "name", "socket"} {
		if d.Source == "" {
			d.Source = source.attr(name)
		}
	}
	d.Pool = source.attr("pool")
	d.Volume = source.attr("volume")
	return d.Tag
}
