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
}

// Path is the pool's object path.
func (p *StoragePool) Path() Path { return PoolPath(p.UUID) }
