package model

// DeviceSpec is a device, or a change of one, as a caller specifies it.
type DeviceSpec struct {
	Device
	Given map[string]bool // keys that the caller gave, by their wire names
}
