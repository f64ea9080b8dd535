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
	return needs, nil
}
