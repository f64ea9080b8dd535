package domainxml

import (
	"slices"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Clone is what a copy of a VM has of its own.
type Clone struct {
	Name, UUID string
	MAC        func() string        // a new address each time
	Images     map[string]DiskImage // by the disk's target; others stay as they are
}

// DiskImage is what a disk of the copy is on.
type DiskImage struct {
	Path   string // the volume's path
	Volume string // its name in the pool of the original
	Format string
	Layers []model.Layer // what it is a layer over, the nearest first
}

// CloneDomain changes a stored definition into that of the copy. What this
// program does not know stays as it is. What only one VM can have is made anew
// or left to libvirt: UUID, MAC addresses, UEFI variables, ports, generation id.
func CloneDomain(doc string, c Clone) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", err
	}
	old := dom.find("uuid").content()
	dom.unset("id")
	dom.put("name", c.Name)
	dom.put("uuid", c.UUID)
	dom.drop("title") // or the list would have two of one name
	if id := dom.find("genid"); id != nil {
		id.text = ""
	}
	for system := range dom.all("sysinfo") {
		for entry := range system.find("system").all("entry") {
			if entry.attr("name") == "uuid" && strings.EqualFold(entry.content(), old) {
				entry.text = c.UUID
			}
		}
	}
	noTemplate(dom.find("metadata"))
	ownVariables(dom.find("os"))
	ownDevices(dom.find("devices"), c)
	return dom.document()
}

// noTemplate makes the copy a VM that can be started.
func noTemplate(metadata *node) {
	if metadata == nil {
		return
	}
	metadata.children = slices.DeleteFunc(metadata.children, func(m *node) bool {
		for _, a := range m.attrs {
			if a.Value == TemplateNamespace {
				return true
			}
		}
		return false
	})
}

// ownVariables has libvirt make the UEFI variables from their template.
func ownVariables(os *node) {
	nvram := os.find("nvram")
	if nvram == nil {
		return
	}
	template, format := nvram.attr("template"), nvram.attr("templateFormat")
	if template == "" {
		os.drop("nvram") // libvirt knows the template of a loader
		return
	}
	nvram.attrs, nvram.text, nvram.children = nil, "", nil
	nvram.set("template", template)
	if format != "" {
		nvram.set("templateFormat", format)
	}
}

func ownDevices(devices *node, c Clone) {
	for disk := range devices.all("disk") {
		if image, own := c.Images[disk.find("target").attr("dev")]; own {
			image.put(disk)
		}
	}
	for card := range devices.all("interface") {
		if mac := card.find("mac"); mac != nil {
			mac.set("address", c.MAC())
		}
	}
	for screen := range devices.all("graphics") {
		if screen.attr("port") != "" && screen.attr("port") != "-1" {
			screen.set("autoport", "yes")
		}
		screen.unset("port", "tlsPort")
	}
	for socket := range devices.all("vsock") {
		if cid := socket.find("cid"); cid != nil {
			cid.unset("address")
			cid.set("auto", "yes")
		}
	}
	for channel := range devices.all("channel") {
		// A path that libvirt has made has the VM's name in it.
		if source := channel.find("source"); strings.HasPrefix(source.attr("path"), "/var/lib/libvirt/qemu/channel/target/") {
			channel.drop("source")
		}
	}
}

// put makes a disk use another image.
func (i DiskImage) put(disk *node) {
	source := disk.find("source")
	switch disk.attr("type") {
	case "volume":
		source.set("volume", i.Volume)
	case "block":
		source.set("dev", i.Path)
	default:
		source.set("file", i.Path)
	}
	disk.drop("backingStore")
	disk.children = append(disk.children, backingStore(i.Layers))
	if driver := disk.find("driver"); driver != nil && i.Format != "" {
		driver.set("type", i.Format)
	}
}

// OwnDisk is a disk that a copy of its VM needs a copy of.
type OwnDisk struct {
	ID, Target   string
	Path         string // of a file or block device
	Pool, Volume string
	Format       string // what its VM takes it for
}

// OwnDisks are the disks of a stored definition that only its VM writes to. What
// it reads only, or shares, a copy can use, too. A disk that is on nothing that a
// pool could have is NotSupported.
func OwnDisks(doc string) ([]OwnDisk, error) {
	vm, err := parseDomain(doc)
	if err != nil {
		return nil, err
	}
	var disks []OwnDisk
	for _, d := range vm.Disks {
		switch {
		case d.Kind != "disk" || d.ReadOnly || d.Shareable || d.Source == "" && d.Volume == "":
		case d.Type == "file" || d.Type == "block" || d.Type == "volume":
			disks = append(disks, OwnDisk{ID: d.ID, Target: d.Target, Path: d.Source, Pool: d.Pool, Volume: d.Volume, Format: d.Format})
		default:
			return nil, errs.New(errs.NotSupported, "The disk %s is of a kind that cannot be copied (%s).", d.Target, d.Type)
		}
	}
	return disks, nil
}
