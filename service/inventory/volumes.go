package inventory

import (
	"context"
	"io"

	"org.kvmmanager/internal/model"
)

// VolumeReader is the storage volumes of a host's pools. Pools are named by
// their UUID. A volume that does not exist is NotFound.
type VolumeReader interface {
	// Volumes reads all volumes of a pool, which may take seconds. A pool that
	// is not active has none.
	Volumes(ctx context.Context, pool string) ([]*model.StorageVolume, error)
	Volume(ctx context.Context, pool, name string) (*model.StorageVolume, error)
	// VolumeAt reads the volume that is at a place on the host.
	VolumeAt(ctx context.Context, place string) (*model.StorageVolume, error)
}

// VolumeInfo is a storage volume as a new VM needs it.
type VolumeInfo struct {
	Name     string
	Path     string // on the host
	Format   string // qcow2, raw
	Capacity uint64 // bytes, as a guest sees them
}

// NewVolumes is what making a VM needs of a host's storage. Pools are named by
// their UUID. A volume that exists is AlreadyExists, one that does not is
// NotFound.
type NewVolumes interface {
	// FindVolume looks a volume up.
	FindVolume(ctx context.Context, pool, name string) (VolumeInfo, error)
	// PeekVolume reads a part of a volume; less where it ends before.
	PeekVolume(ctx context.Context, pool, name string, offset, length uint64) ([]byte, error)
	// MakeVolume makes an empty volume. Nothing is left when it fails.
	MakeVolume(ctx context.Context, pool string, v VolumeInfo) (VolumeInfo, error)
	// FillVolume writes bytes into a volume from its beginning. Unlike other
	// calls it returns only when nobody writes any more.
	FillVolume(ctx context.Context, pool, name string, from io.Reader, length uint64) error
	// DuplicateVolume makes a volume with the content of another. Once it has
	// begun it does not end before it is done, whatever becomes of ctx.
	DuplicateVolume(ctx context.Context, fromPool, from, pool string, v VolumeInfo) (VolumeInfo, error)
	// GrowVolume makes a volume larger.
	GrowVolume(ctx context.Context, pool, name string, capacity uint64) error
	// DropVolume removes a volume.
	DropVolume(ctx context.Context, pool, name string) error
}
