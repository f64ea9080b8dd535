package model

// PoolState is what a storage pool does right now.
type PoolState string

// The states of a storage pool.
const (
	PoolInactive     PoolState = "inactive"
	PoolBuilding     PoolState = "building"
	PoolRunning      PoolState = "running"
	PoolDegraded     PoolState = "degraded"
	PoolInaccessible PoolState = "inaccessible"
)

// StoragePool is one storage pool of a host.
type StoragePool struct {
	UUID       string
	Name       string
	Host       Path
	Kind       string // dir, fs, netfs, logical, disk, iscsi, rbd, zfs, …
	Target     string // where it appears on the host
	State      PoolState
	Active     bool
	Persistent bool
	Autostart  bool
	Capacity   uint64 // bytes
	Allocation uint64 // bytes
	Available  uint64 // bytes

	// Truncated names the properties that were cut, in what a client has read. The
	// service leaves it empty.
	Truncated []string
}

// Path is the pool's object path.
func (p *StoragePool) Path() Path { return PoolPath(p.UUID) }

// StorageVolume is one volume of a storage pool: a disk image, a medium, a
// logical volume.
type StorageVolume struct {
	Name       string
	Place      string `wire:"Path"` // where it is on the host
	Format     string // raw, qcow2, iso, …; empty where volumes have none
	Pool       Path
	Capacity   uint64 // bytes, as a guest sees them
	Allocation uint64 // bytes that it takes
	Backing    string // where what it is made of is; empty for most
	UsedBy     []Path // VMs, ordered by path

	// Truncated names the properties that were cut, in what a client has read. The
	// service leaves it empty.
	Truncated []string
}

// Path is the volume's object path.
func (v *StorageVolume) Path() Path { return v.Pool + volumesBelow + Path(EscapeName(v.Name)) }
