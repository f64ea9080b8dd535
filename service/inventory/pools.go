package inventory

import (
	"context"

	"org.kvmmanager/internal/model"
)

// PoolManager makes and changes storage pools, which are named by their UUID.
type PoolManager interface {
	// CreatePool makes a pool of a spec that is valid, and returns its UUID.
	// When it fails, nothing is left but an empty folder, or what was built on
	// devices.
	CreatePool(ctx context.Context, spec model.PoolSpec) (uuid string, err error)
	StartPool(ctx context.Context, uuid string) error
	// StopPool ends the use of a pool. One without a stored configuration is
	// gone then.
	StopPool(ctx context.Context, uuid string) error
	// ScanPool has libvirt look through a pool that is active.
	ScanPool(ctx context.Context, uuid string) error
	// PoolWarning says who else can change the folder of a pool; empty if only root
	// can.
	PoolWarning(ctx context.Context, uuid string) (string, error)
	// DeletePool stops a pool and removes its configuration. With storage it
	// also removes what the pool is made of: its folder, its volume group. kept
	// says why that stays.
	DeletePool(ctx context.Context, uuid string, storage bool) (kept, err error)
	SetPoolAutostart(ctx context.Context, uuid string, on bool) error
}
