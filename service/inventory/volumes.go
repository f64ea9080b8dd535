package inventory

import (
	"context"
	"io"
	"os"

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
	// RealPath returns a path of the host without symbolic links, as far as they can
	// be seen from here.
	RealPath(ctx context.Context, path string) (string, error)
}

// NewVolume is a volume that is to be made.
type NewVolume struct {
	Name          string
	Format        string  // empty in a pool whose volumes have none
	Capacity      uint64  // bytes
	Allocation    *uint64 // bytes; nil leaves the choice to libvirt
	Backing       string  // the place of what it is made of; empty for most
	BackingFormat string
}

// Upload is what goes into a volume.
type Upload struct {
	From   *os.File // a plain file, read from its beginning
	Length uint64   // bytes
	// Fresh says that the volume is new and empty, so that holes of the file
	// can be holes of the volume.
	Fresh bool
	// Check looks at how the file begins, at just what is written then.
	Check    func(head []byte) error
	Progress func(done, total uint64) // bytes
}

// DiskMove says where a disk's image is to go.
type DiskMove struct {
	Pool           string                   // UUID
	Files          bool                     // whether the pool's volumes are files, which have formats
	DeleteOriginal bool                     // unless somebody else needs it
	Progress       func(done, total uint64) // bytes
	Finish         func() bool              // asked before the VM is changed; false cancels
	// Unfinished is told of the volume before it is made, and of the original that
	// is to go before the VM is changed.
	Unfinished Unfinished
	Rights     ImageRights
}

// MovedDisk is where a disk's image has gone.
type MovedDisk struct {
	Volume string // its name in the pool
	Kept   error  // why the original is still there, if it should not be
}

// VolumeManager makes and changes storage volumes. Pools are named by their
// UUID. A volume that exists is AlreadyExists, one that does not is NotFound.
type VolumeManager interface {
	// CreateVolume makes an empty volume. Nothing is left when it fails.
	CreateVolume(ctx context.Context, pool string, v NewVolume) error
	// CopyVolume makes a volume with the content of another, in any pool. It
	// cannot be stopped on the way: it goes on when ctx ends, and returns when
	// it is done.
	CopyVolume(ctx context.Context, fromPool, from, pool string, v NewVolume, progress func(done, total uint64)) error
	// DeleteVolumeOf removes a volume, unless a VM has it as a disk or medium
	// now or at the next boot, or one of its disks or snapshots is made of it:
	// that is DeviceInUse and names the VM. What is made of it otherwise is the
	// caller's to know.
	DeleteVolumeOf(ctx context.Context, pool, name string) error
	// CheckPool fails as DeleteVolumeOf would for one of a pool's volumes.
	CheckPool(ctx context.Context, pool string) error
	// CheckVolume is DeviceInUse if what is in a volume must not change: a VM
	// that has it runs, or something is made of it. Where libvirt cannot tell
	// what a VM is made of, it is InvalidState or Busy.
	CheckVolume(ctx context.Context, pool, name string) error
	// ResizeVolume changes the size in bytes; to less only with shrink. It is
	// what CheckVolume is if that is an error.
	ResizeVolume(ctx context.Context, pool, name string, capacity uint64, shrink bool) error
	// WipeVolume overwrites everything with zeros, unless DropUnused would not
	// remove the volume. It goes on when ctx ends.
	WipeVolume(ctx context.Context, pool, name string, progress func(done, total uint64)) error
	// UploadVolume writes a file into a volume from its beginning. It returns
	// when nobody writes any more.
	UploadVolume(ctx context.Context, pool, name string, upload Upload) error
	// DownloadVolume writes a volume to a descriptor, which gets holes where
	// the volume has some if it is a plain file. It returns when nobody writes
	// any more.
	DownloadVolume(ctx context.Context, pool, name string, to *os.File, progress func(done, total uint64)) error
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
	// CheckUse is an error if a new VM must not get what is behind a disk or drive:
	// NotAuthorized, with ErrNeedsStorage, if another VM has it and storage is not
	// set, the right to use that; DeviceInUse or Busy whatever the right.
	CheckUse(ctx context.Context, disk *model.Device, storage bool) error
	// InspectImage returns what the image at a path is a layer over when a new VM
	// uses it in this format, the nearest layer first. It is NotSupported if what is
	// there is no such image or refers to what it may not, NotAuthorized if the
	// rights do not cover the image or its layers, and DeviceInUse if a VM uses it
	// in another format.
	InspectImage(ctx context.Context, path, format string, readOnly bool, rights ImageRights) ([]model.Layer, error)
	// MayFill is NotAuthorized, with ErrNeedsStorage, if the rights do not cover
	// new images in a pool, since others than root can change its folder.
	MayFill(ctx context.Context, pool string, rights ImageRights) error
	// MakeVolume makes an empty volume. Nothing is left when it fails.
	MakeVolume(ctx context.Context, pool string, v VolumeInfo) (VolumeInfo, error)
	// FillVolume writes bytes into a volume from its beginning. Unlike other
	// calls it returns only when nobody writes any more.
	FillVolume(ctx context.Context, pool, name string, from io.Reader, length uint64) error
	// DuplicateVolume makes a volume with the content of another. Once it has
	// begun it does not end before it is done, whatever becomes of ctx. It is
	// NotAuthorized if the rights do not cover the layers of the original.
	DuplicateVolume(ctx context.Context, fromPool, from, pool string, v VolumeInfo, rights ImageRights) (VolumeInfo, error)
	// GrowVolume makes a volume larger.
	GrowVolume(ctx context.Context, pool, name string, capacity uint64) error
	// DropVolume removes a volume that an operation has made, or replaces; DeviceInUse
	// if a VM runs on it or something is made of it.
	DropVolume(ctx context.Context, pool, name string) error
	// DropUnwanted removes a volume that a job has made and that is not wanted
	// after all; DeviceInUse if a VM or another volume has come to need it.
	DropUnwanted(ctx context.Context, pool, name string) error
	// DropUnused removes a volume that no VM has now or at its next boot, and
	// that no snapshot and no other volume is made of; DeviceInUse if one does,
	// InvalidState or Busy where libvirt cannot tell. If copied is not
	// empty, a VM must have what is at that path, else DeviceInUse: the volume is
	// the original of it, and may be all that there is.
	DropUnused(ctx context.Context, pool, name, copied string) error
}
