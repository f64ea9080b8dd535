package model

// Manager is the root object.
type Manager struct {
	Version    string
	APIVersion uint32 `wire:"ApiVersion"`
	Hosts      []Path
}

// Sample is what a VM or host uses at one moment. On the bus it has a key for each
// value that is known, also for zero; what is not known has none.
type Sample struct {
	CPUPercent         float64           `wire:"cpu-percent"` // of all its vCPUs, 0 to 100
	CPUTime            uint64            `wire:"cpu-time"`    // ns over all vCPUs
	MemoryUsed         uint64            `wire:"memory-used"`
	MemoryResident     uint64            `wire:"memory-resident"`
	DiskRead           uint64            `wire:"disk-read-bytes"`
	DiskWrite          uint64            `wire:"disk-write-bytes"`
	NetRX              uint64            `wire:"net-rx-bytes"`
	NetTX              uint64            `wire:"net-tx-bytes"`
	DiskReadPerSecond  float64           `wire:"disk-read-bytes-per-second"`
	DiskWritePerSecond float64           `wire:"disk-write-bytes-per-second"`
	NetRXPerSecond     float64           `wire:"net-rx-bytes-per-second"`
	NetTXPerSecond     float64           `wire:"net-tx-bytes-per-second"`
	Disks              []DiskSample      `wire:"disks"`
	Interfaces         []InterfaceSample `wire:"interfaces"`

	unknown Unknown
}

// DiskSample is one disk's part of a sample.
type DiskSample struct {
	ID            string `wire:"id"` // of its record in VM.Disks
	Target        string `wire:"target"`
	Read          uint64 `wire:"read-bytes"`
	Write         uint64 `wire:"write-bytes"`
	ReadRequests  uint64 `wire:"read-requests"`
	WriteRequests uint64 `wire:"write-requests"`
}

// InterfaceSample is one network interface's part of a sample.
type InterfaceSample struct {
	ID        string `wire:"id"`     // of its record in VM.Interfaces
	Target    string `wire:"target"` // the host's side
	RX        uint64 `wire:"rx-bytes"`
	TX        uint64 `wire:"tx-bytes"`
	RXPackets uint64 `wire:"rx-packets"`
	TXPackets uint64 `wire:"tx-packets"`
}

// Unknown is a set of values of a sample.
type Unknown uint32

// What of a sample can be unknown.
const (
	UnknownCPUPercent Unknown = 1 << iota
	UnknownCPUTime
	UnknownMemoryUsed
	UnknownMemoryResident
	UnknownDisks
	UnknownDiskRates
	UnknownNetwork
	UnknownNetworkRates
)

var unknownOf = map[string]Unknown{
	"cpu-percent": UnknownCPUPercent, "cpu-time": UnknownCPUTime,
	"memory-used": UnknownMemoryUsed, "memory-resident": UnknownMemoryResident,
	"disk-read-bytes": UnknownDisks, "disk-write-bytes": UnknownDisks, "disks": UnknownDisks,
	"disk-read-bytes-per-second": UnknownDiskRates, "disk-write-bytes-per-second": UnknownDiskRates,
	"net-rx-bytes": UnknownNetwork, "net-tx-bytes": UnknownNetwork, "interfaces": UnknownNetwork,
	"net-rx-bytes-per-second": UnknownNetworkRates, "net-tx-bytes-per-second": UnknownNetworkRates,
}

// SetUnknown marks values as unknown, or as known.
func (s *Sample) SetUnknown(what Unknown, unknown bool) {
	if s.unknown &^= what; unknown {
		s.unknown |= what
	}
}

// Lacks reports whether the value with this key is unknown.
func (s Sample) Lacks(key string) bool { return s.unknown&unknownOf[key] != 0 }

// Lacks reports whether a key is left out: only the id, of a disk that was removed
// meanwhile.
func (d DiskSample) Lacks(key string) bool { return key == "id" && d.ID == "" }

// Lacks is the same for an interface.
func (i InterfaceSample) Lacks(key string) bool { return key == "id" && i.ID == "" }
