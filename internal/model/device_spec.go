package model

// DeviceSpec is a device, or a change of one, as a caller specifies it.
type DeviceSpec struct {
	Device
	Given map[string]bool // keys that the caller gave, by their wire names
}

// Layer is an image that another one is a layer over.
type Layer struct {
	Path   string // on the host
	Format string // qcow2, raw
	Block  bool   // it is a block device
}
