package model

// SourceKind says what a new VM starts from.
type SourceKind string

// The kinds of sources.
const (
	SourceISO   SourceKind = "iso"   // a medium to install from
	SourceImage SourceKind = "image" // a disk with a system on it
	SourceCloud SourceKind = "cloud" // such a disk that cloud-init sets up
	SourceURL   SourceKind = "url"   // a medium to install from, on a web server
	SourcePXE   SourceKind = "pxe"   // whatever the network boots
	SourceNone  SourceKind = "none"  // nothing
)

// FD is a descriptor that came with a message: its number in it.
type FD uint32

// VMSpec is what a caller asks for a new VM. What is left out is chosen for it;
// a list that was given is not nil, even if it is empty.
type VMSpec struct {
	Name        string        `wire:"name"`
	Title       string        `wire:"title"`
	Description string        `wire:"description"`
	Tags        []string      `wire:"tags"`
	OS          string        `wire:"os"` // libosinfo's id or short id
	Source      VMSource      `wire:"source"`
	VCPUs       uint32        `wire:"vcpus"`
	Memory      uint64        `wire:"memory"`    // bytes
	DiskSize    uint64        `wire:"disk-size"` // bytes: one disk in the default pool
	Disks       []DiskSpec    `wire:"disks"`
	Networks    []NetworkSpec `wire:"networks"`
	Firmware    Firmware      `wire:"firmware"`
	SecureBoot  *bool         `wire:"secure-boot"`
	TPM         *bool         `wire:"tpm"`
	Machine     string        `wire:"machine"`
	CloudInit   *CloudInit    `wire:"cloud-init"`
	Autostart   bool          `wire:"autostart"`
	Start       *bool         `wire:"start"`
}

// VMSource is where a new VM's system comes from.
type VMSource struct {
	Kind   SourceKind `wire:"kind"`
	FD     *FD        `wire:"fd"`     // a file that the caller has opened
	Volume Path       `wire:"volume"` // a volume of a pool
	URL    string     `wire:"url"`    // see ParseMediumAddress
	Path   string     `wire:"path"`   // a file of the host, which is a right of its own
	Copy   *bool      `wire:"copy"`   // image, cloud: work on a copy
	Format string     `wire:"format"` // of a disk given as a file: qcow2, raw; found out when left out
}

// DiskSpec is a disk of a new VM: a new volume, or one that exists.
type DiskSpec struct {
	Size   uint64 `wire:"size"`   // bytes
	Format string `wire:"format"` // qcow2, raw
	Pool   Path   `wire:"pool"`
	Volume Path   `wire:"volume"` // instead of the above
	Name   string `wire:"name"`   // of the new volume
	Bus    string `wire:"bus"`
}

// NetworkSpec is an interface of a new VM.
type NetworkSpec struct {
	Network    Path   `wire:"network"`
	Bridge     string `wire:"bridge"`
	HostDevice string `wire:"host-device"`
	Model      string `wire:"model"`
	MAC        string `wire:"mac"`
	User       bool   `wire:"user"` // the user's own network, through the host's addresses
	// PortForwards is ports of the host that lead to the guest, with User.
	PortForwards []PortForward `wire:"port-forwards"`
}

// CloudInit is what cloud-init makes of a cloud image at its first boot.
type CloudInit struct {
	User     string   `wire:"user"`
	Password string   `wire:"password"`
	SSHKeys  []string `wire:"ssh-keys"`
	HostName string   `wire:"host-name"`
	Packages []string `wire:"packages"`
}

// VMPlan is what PlanVM tells besides the resolved spec.
type VMPlan struct {
	OSName     string   `wire:"os-name"`
	DomainType string   `wire:"domain-type"` // kvm, qemu
	Copies     uint64   `wire:"copy-bytes"`  // bytes that are copied first
	Warnings   []string `wire:"warnings"`
	Problems   []Check  `wire:"problems"`
}
