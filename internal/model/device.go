package model

// DeviceKind names what a device is.
type DeviceKind string

// The kinds of devices.
const (
	KindDisk       DeviceKind = "disk"
	KindCDROM      DeviceKind = "cdrom"
	KindFloppy     DeviceKind = "floppy"
	KindInterface  DeviceKind = "interface"
	KindGraphics   DeviceKind = "graphics"
	KindVideo      DeviceKind = "video"
	KindSerial     DeviceKind = "serial"
	KindParallel   DeviceKind = "parallel"
	KindConsole    DeviceKind = "console"
	KindChannel    DeviceKind = "channel"
	KindShare      DeviceKind = "share"
	KindController DeviceKind = "controller"
	KindInput      DeviceKind = "input"
	KindSound      DeviceKind = "sound"
	KindTPM        DeviceKind = "tpm"
	KindRNG        DeviceKind = "rng"
	KindWatchdog   DeviceKind = "watchdog"
	KindVsock      DeviceKind = "vsock"
	KindPanic      DeviceKind = "panic"
	KindBalloon    DeviceKind = "balloon"
	KindHostDevice DeviceKind = "host-device"
	KindUSBRedir   DeviceKind = "usb-redirect"
	KindSmartcard  DeviceKind = "smartcard"
	KindIOMMU      DeviceKind = "iommu"
	KindMemory     DeviceKind = "memory"
	KindOther      DeviceKind = "other"
)

// Device is any device of a VM. One struct serves all kinds, as one set of
// dictionary keys does on the bus; a zero value means that the kind has no
// such attribute or that it is unknown, and is left out there.
type Device struct {
	// ID is unique within the VM and the same in the live and in the stored
	// configuration: the kind, a dash, and the device's own name (disk-vda,
	// interface-52:54:00:12:34:56, sound-0).
	ID      string     `wire:"id"`
	Kind    DeviceKind `wire:"kind"`
	Type    string     `wire:"type"`    // graphics: vnc, spice; console: pty; disk: file, block, volume, network
	Model   string     `wire:"model"`   // virtio, e1000e, qxl, ich9, …
	Bus     string     `wire:"bus"`     // disk, input: virtio, sata, scsi, usb
	Target  string     `wire:"target"`  // what the guest or the host side is called: vda, vnet0, virtio0
	Address string     `wire:"address"` // on the guest's bus: pci:0000:01:00.0, usb:0:1
	Alias   string     `wire:"-"`       // libvirt's name in the live configuration

	Source string `wire:"source"` // file, block device, directory or host device behind it
	Pool   string `wire:"pool"`   // storage pool's name, for disks of type volume
	Volume string `wire:"volume"` // volume's name in that pool
	// PoolObject and VolumeObject are the objects of the volume that a disk is on,
	// however the disk names it, when the service knows it.
	PoolObject   Path   `wire:"pool-object"`
	VolumeObject Path   `wire:"volume-object"`
	Format       string `wire:"format"` // qcow2, raw
	Capacity     uint64 `wire:"capacity"`
	Allocation   uint64 `wire:"allocation"`
	ReadOnly     bool   `wire:"read-only"`
	// Unresponsive is set while the file system of the image does not answer.
	Unresponsive bool `wire:"unresponsive"`
	Shareable    bool `wire:"shareable"`
	Transient    bool `wire:"transient"` // what the guest writes is lost when it is off
	// Inspected is set for a new disk or medium whose image was looked at, and
	// Layers is what that is a layer over, the nearest first: the definition then
	// names them all, and the hypervisor follows nothing else.
	Inspected bool    `wire:"-"`
	Layers    []Layer `wire:"-"`
	Cache     string  `wire:"cache"`
	Discard   string  `wire:"discard"`
	Serial    string  `wire:"serial"`
	BootIndex uint32  `wire:"boot-index"` // 1 boots first, 0 is not in the order

	MAC         string   `wire:"mac"`
	Network     Path     `wire:"network"` // the network's object, when the service knows it
	NetworkName string   `wire:"network-name"`
	Bridge      string   `wire:"bridge"`
	HostDevice  string   `wire:"host-device"` // macvtap: the host's interface
	Mode        string   `wire:"mode"`        // macvtap: bridge, vepa, private, passthrough
	LinkDown    bool     `wire:"link-down"`
	MTU         uint32   `wire:"mtu"`
	IPAddresses []string `wire:"ip-addresses"`
	// PortForwards is ports of the host that lead to the guest; user networking
	// only.
	PortForwards []PortForward `wire:"port-forwards"`

	Listen      string `wire:"listen"` // graphics: none, an address, socket
	Port        uint32 `wire:"port"`
	AutoPort    bool   `wire:"auto-port"`
	HasPassword bool   `wire:"has-password"`
	VideoMemory uint64 `wire:"video-memory"` // bytes
	Heads       uint32 `wire:"heads"`
	Accel3D     bool   `wire:"accel-3d"`

	Name    string `wire:"name"`    // channel: org.qemu.guest_agent.0
	State   string `wire:"state"`   // channel: connected, disconnected
	Backend string `wire:"backend"` // tpm: emulator; rng: random; share: virtiofs
	Version string `wire:"version"` // tpm: 2.0
	Action  string `wire:"action"`  // watchdog: reset
	Tag     string `wire:"tag"`     // share: what the guest mounts
	CID     uint32 `wire:"cid"`     // vsock
}
