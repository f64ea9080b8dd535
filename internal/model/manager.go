package model

// Manager is the root object.
type Manager struct {
	Version    string
	APIVersion uint32 `wire:"ApiVersion"`
	Hosts      []Path
}

// Sample is what one VM (or the host itself) used since it started and in
// the last tick. Rates are zero in a VM's first sample.
type Sample struct {
	CPUPercent         float64 `wire:"cpu-percent"` // of all its vCPUs, 0 to 100
	MemoryUsed         uint64  `wire:"memory-used"`
	MemoryResident     uint64  `wire:"memory-resident"`
	DiskRead           uint64  `wire:"disk-read-bytes"`
	DiskWrite          uint64  `wire:"disk-write-bytes"`
	NetRX              uint64  `wire:"net-rx-bytes"`
	NetTX              uint64  `wire:"net-tx-bytes"`
	DiskReadPerSecond  float64 `wire:"disk-read-bytes-per-second"`
	DiskWritePerSecond float64 `wire:"disk-write-bytes-per-second"`
	NetRXPerSecond     float64 `wire:"net-rx-bytes-per-second"`
	NetTXPerSecond     float64 `wire:"net-tx-bytes-per-second"`
}
