package domainxml

import (
	"strings"

	"org.kvmmanager/internal/model"
)

// StartNeeds is what a stored definition needs of the host to start, as far as
// a VM's model does not say it.
type StartNeeds struct {
	Name          string
	KVM           bool   // the definition insists on KVM
	Memory        uint64 // bytes
	UEFI          bool   // asks for UEFI and leaves the file to libvirt
	Loader        string // firmware file
	NVRAM         string // file with the UEFI variables, which exists after the first start
	NVRAMTemplate string // what that file is made of
	Disks         []DiskNeed
	Host          []HostNeed
	TPM           string // backend
	Passt         bool   // user networking by passt
	Conflicts     []Conflict
}

// NeedKind is what a definition refers to on the host.
type NeedKind string

// What must be there. Names are interfaces, paths, addresses such as 0000:03:00.0,
// UUIDs, and of USB devices VENDOR:PRODUCT or BUS.DEVICE.
const (
	NeedInterface NeedKind = "interface"
	NeedFile      NeedKind = "file"
	NeedPCI       NeedKind = "pci"
	NeedUSB       NeedKind = "usb"
	NeedMdev      NeedKind = "mdev"
	NeedFilter    NeedKind = "filter"
	NeedNetwork   NeedKind = "network"
	NeedSecret    NeedKind = "secret"
	NeedRender    NeedKind = "render" // a graphics card of the host that renders, or any
)

// HostNeed is something of the host that must be there.
type HostNeed struct {
	Kind NeedKind
	Name string
	Type string // of a secret that is given by its usage
	For  string // what refers to it: the id of a device, or an element
}

// DiskNeed is an image that must be there: a file or block device, or a volume
// of a pool.
type DiskNeed struct {
	ID           string
	Target       string
	Path         string
	Pool, Volume string
}

// ParseStartNeeds reads a stored definition. Images that libvirt starts a VM
// without are left out.
func ParseStartNeeds(doc string) (StartNeeds, error) {
	dom, err := parse(doc, "domain")
	if err != nil {
		return StartNeeds{}, err
	}
	os := dom.find("os")
	loader, nvram := os.find("loader"), os.find("nvram")
	needs := StartNeeds{
		Name: dom.find("name").verbatim(), KVM: dom.attr("type") == "kvm", Memory: dom.find("memory").size("KiB"),
		UEFI: os.attr("firmware") == "efi" && loader.content() == "", Loader: loader.content(),
		NVRAM: nvram.content(), NVRAMTemplate: nvram.attr("template"),
	}
	for disk := range dom.find("devices").all("disk") {
		source := disk.find("source")
		device := model.Device{Kind: model.KindDisk}
		need := DiskNeed{Target: convertDisk(disk, &device)}
		need.ID = string(device.Kind) + "-" + need.Target
		switch disk.attr("type") {
		case "file":
			need.Path = source.attr("file")
		case "block":
			need.Path = source.attr("dev")
		case "volume":
			need.Pool, need.Volume = source.attr("pool"), source.attr("volume")
		}
		policy := source.attr("startupPolicy")
		if policy != "optional" && policy != "requisite" && (strings.HasPrefix(need.Path, "/") || need.Volume != "") {
			needs.Disks = append(needs.Disks, need)
		}
	}
	needs.readHost(dom)
	needs.Conflicts, err = Conflicts(doc)
	return needs, err
}

// readHost finds everything else that a definition refers to.
func (s *StartNeeds) readHost(dom *node) {
	s.need(NeedFile, dom.find("devices", "emulator").content(), "emulator")
	os := dom.find("os")
	for _, name := range []string{"kernel", "initrd", "dtb", "shim"} {
		s.need(NeedFile, os.find(name).content(), name)
	}
	for table := range os.find("acpi").all("table") {
		s.need(NeedFile, table.content(), "ACPI table")
	}
	for info := range dom.all("sysinfo") {
		for entry := range info.all("entry") {
			s.need(NeedFile, entry.attr("file"), "sysinfo")
		}
	}
	c := conversion{placed: map[model.DeviceKind]int{}, used: map[string]bool{}}
	for _, n := range deviceElements(dom.find("devices")) {
		s.readDevice(n, c.device(n))
	}
}

// need adds what has a name. Only absolute paths are paths.
func (s *StartNeeds) need(kind NeedKind, name, of string) {
	if kind != "" && name != "" && (kind != NeedFile || strings.HasPrefix(name, "/")) {
		s.Host = append(s.Host, HostNeed{Kind: kind, Name: name, For: of})
	}
}

func (s *StartNeeds) readDevice(n *node, d *model.Device) {
	source := n.find("source")
	s.need(NeedFile, n.find("rom").attr("file"), d.ID)
	switch d.Kind {
	case model.KindDisk, model.KindCDROM, model.KindFloppy:
		if d.Type == "nvme" {
			s.need(NeedPCI, pciNumbers(source.find("address")), d.ID)
		}
		for _, in := range []*node{n, source} {
			s.secret(in.find("auth", "secret"), d.ID)
			s.secret(in.find("encryption", "secret"), d.ID)
		}
	case model.KindInterface:
		s.readInterface(n, d)
	case model.KindHostDevice:
		if source.attr("startupPolicy") == "" {
			s.need(map[string]NeedKind{"pci": NeedPCI, "usb": NeedUSB, "mdev": NeedMdev}[d.Type], d.Source, d.ID)
		}
	case model.KindShare:
		if d.Type == "mount" || d.Type == "" || d.Type == "file" || d.Type == "block" {
			s.need(NeedFile, d.Source, d.ID)
		}
		s.need(NeedFile, n.find("binary").attr("path"), d.ID)
	case model.KindSerial, model.KindParallel, model.KindConsole, model.KindChannel, model.KindUSBRedir, model.KindSmartcard:
		if d.Type == "dev" || d.Backend == "dev" || source.attr("mode") == "connect" {
			s.need(NeedFile, source.attr("path"), d.ID)
		}
	case model.KindTPM:
		s.TPM = d.Backend
		s.need(NeedFile, d.Source, d.ID)
	case model.KindGraphics:
		for listen := range n.all("listen") {
			s.need(NeedNetwork, listen.attr("network"), d.ID)
		}
		if gl := n.find("gl"); d.Type == "egl-headless" || gl.yes("enable") {
			s.Host = append(s.Host, HostNeed{Kind: NeedRender, Name: gl.attr("rendernode"), For: d.ID})
		}
	case model.KindRNG, model.KindInput, model.KindMemory:
		s.need(NeedFile, d.Source, d.ID)
	}
}

func (s *StartNeeds) readInterface(n *node, d *model.Device) {
	source := n.find("source")
	switch n.attr("type") {
	case "bridge":
		s.need(NeedInterface, source.attr("bridge"), d.ID)
	case "direct", "user":
		s.need(NeedInterface, source.attr("dev"), d.ID)
	case "hostdev":
		s.need(NeedPCI, pciNumbers(source.find("address")), d.ID)
	case "vdpa":
		s.need(NeedFile, source.attr("dev"), d.ID)
	case "vhostuser":
		if source.attr("mode") == "client" {
			s.need(NeedFile, source.attr("path"), d.ID)
		}
	}
	s.need(NeedFilter, n.find("filterref").attr("filter"), d.ID)
	s.Passt = s.Passt || n.find("backend").attr("type") == "passt"
}

func (s *StartNeeds) secret(n *node, of string) {
	switch uuid, usage := n.attr("uuid"), n.attr("usage"); {
	case uuid != "":
		s.need(NeedSecret, uuid, of)
	case usage != "":
		s.Host = append(s.Host, HostNeed{Kind: NeedSecret, Name: usage, Type: n.attr("type"), For: of})
	}
}
