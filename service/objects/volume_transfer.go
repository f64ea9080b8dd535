package objects

import (
	"context"
	"errors"
	"os"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/descriptor"
	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/create"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/jobs"
)

// handedOver takes a file of the call, which the caller of this closes. Every
// file that a caller hands over comes this way, and through admit.
func (r *request) handedOver(index dbus.UnixFDIndex, admit func(*os.File) error) (*os.File, error) {
	file, there := r.File(index)
	if !there {
		return nil, errs.New(errs.InvalidArgument, "The message has no such descriptor.")
	}
	if err := admit(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// toRead takes a file of the call that can be read, and its size in bytes.
func (r *request) toRead(ctx context.Context, index dbus.UnixFDIndex) (file *os.File, size uint64, err error) {
	file, err = r.handedOver(index, func(f *os.File) (err error) {
		size, err = descriptor.Readable(ctx, f)
		return err
	})
	return file, size, err
}

// toWrite takes a file of the call that the caller may have written to.
func (r *request) toWrite(ctx context.Context, index dbus.UnixFDIndex) (*os.File, error) {
	return r.handedOver(index, func(f *os.File) error { return descriptor.Writable(ctx, f, r.UID) })
}

// closing starts a job that owns a file, which startJob has closed at its end.
func (r *request) closing(file *os.File, start func() ([]any, error)) ([]any, error) {
	r.file = file
	results, err := start()
	if !r.audited { // no job was started
		_ = file.Close()
	}
	return results, err
}

// createFromFile makes a volume with the content of a file. A failure leaves
// nothing.
func (r *request) createFromFile(ctx context.Context, conn inventory.Conn, spec *model.VolumeSpec) ([]any, error) {
	file, size, err := r.toRead(ctx, dbus.UnixFDIndex(*spec.FD))
	if err != nil {
		return nil, err
	}
	if spec.Capacity != 0 && spec.Capacity < size {
		_ = file.Close()
		return nil, errs.New(errs.InvalidArgument, "The file has %d bytes, which is more than the “capacity”.", size)
	}
	volume := inventory.NewVolume{Name: spec.Name, Capacity: max(size, spec.Capacity), Allocation: spec.Allocation}
	if model.PoolOfFiles(r.pool.Kind) {
		volume = emptyFile(ctx, spec.Name, volume.Capacity, file)
		if spec.Allocation != nil {
			volume.Allocation = spec.Allocation
		}
	}
	return r.closing(file, func() ([]any, error) {
		return r.startJob(ctx, jobs.Spec{
			Operation: "upload-volume", Objects: []model.Path{r.pool.Path()}, Cancellable: true,
			Run: func(ctx context.Context, job *jobs.Job) (map[string]any, error) {
				return r.makeVolume(ctx, conn, r.pool, spec.Name, job, func(ctx context.Context) error {
					if err := conn.CreateVolume(ctx, r.pool.UUID, volume); err != nil {
						return err
					}
					err := conn.UploadVolume(ctx, r.pool.UUID, spec.Name, upload(file, size, job, true))
					r.settleContent(ctx, conn, r.pool.UUID)
					if err != nil {
						err = errors.Join(err, r.dropVolume(ctx, conn, r.pool.UUID, spec.Name))
					}
					return err
				})
			},
		})
	})
}

// emptyFile is a volume that is about to get the content of a file. It is raw
// until libvirt has looked at what it holds. The room for all of that is taken
// at once, so that a disk that is too full is found out before: libvirtd can
// crash when it happens later. Holes stay holes.
func emptyFile(ctx context.Context, name string, capacity uint64, file *os.File) inventory.NewVolume {
	v := inventory.NewVolume{Name: name, Format: "raw", Capacity: capacity, Allocation: new(uint64)}
	stat, err := descriptor.Do(ctx, func() (stat unix.Stat_t, err error) {
		err = unix.Fstat(int(file.Fd()), &stat)
		return stat, err
	})
	if err == nil && stat.Blocks*512 >= stat.Size {
		*v.Allocation = uint64(stat.Size)
	}
	return v
}

func upload(file *os.File, size uint64, job *jobs.Job, fresh bool) inventory.Upload {
	return inventory.Upload{From: file, Length: size, Fresh: fresh, Check: create.CheckHead, Progress: job.Progress}
}

// settleContent has libvirt find out what volumes hold now. That it cannot do so
// while others are at work in the pool is no failure: they cause it, too.
func (r *request) settleContent(ctx context.Context, conn inventory.Conn, pool string) {
	if err := conn.ScanPool(context.WithoutCancel(ctx), pool); err != nil {
		r.service.log.Debug("cannot look through a storage pool", "pool_uuid", pool, "error", err)
	}
}

// errLeft says that something of a volume may be left, and is to be removed later.
var errLeft = errors.New("something of the volume is left")

// dropVolume removes what a failure or cancellation left; errLeft if it cannot.
func (r *request) dropVolume(ctx context.Context, conn inventory.Conn, pool, name string) error {
	err := conn.DropVolume(context.WithoutCancel(ctx), pool, name)
	if err == nil || errs.Is(err, errs.NotFound) {
		return nil
	}
	r.service.log.Warn("cannot remove a volume that was not completed, for now", "pool_uuid", pool, "error", err)
	return errLeft
}

// uploadVolume replaces the content of a volume by that of a file.
func (r *request) uploadVolume(ctx context.Context) ([]any, error) {
	file, size, err := r.toRead(ctx, r.Args[0].(dbus.UnixFDIndex))
	if err != nil {
		return nil, err
	}
	check := func(v *model.StorageVolume) error {
		if !model.PoolOfFiles(r.pool.Kind) && size > v.Capacity {
			return errs.New(errs.InvalidArgument, "The file has %d bytes and the volume only %d.", size, v.Capacity)
		}
		return r.refuseWriters(v)
	}
	return r.closing(file, func() ([]any, error) {
		return r.volumeJob(ctx, "upload-volume", true, check, func(ctx context.Context, conn inventory.Conn, job *jobs.Job) (map[string]any, error) {
			return nil, r.replaceContent(ctx, conn, job, file, size)
		})
	})
}

// replaceContent fills a volume anew. When that fails it is empty and as large as
// before: what it held is lost with the first byte.
func (r *request) replaceContent(ctx context.Context, conn inventory.Conn, job *jobs.Job, file *os.File, size uint64) error {
	v := r.storageVolume
	if err := conn.CheckVolume(ctx, r.pool.UUID, v.Name); err != nil {
		return err
	}
	if !model.PoolOfFiles(r.pool.Kind) {
		return conn.UploadVolume(ctx, r.pool.UUID, v.Name, upload(file, size, job, false))
	}
	again := func(volume inventory.NewVolume) error {
		settled := context.WithoutCancel(ctx)
		if err := conn.DropVolume(settled, r.pool.UUID, v.Name); err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		return conn.CreateVolume(settled, r.pool.UUID, volume)
	}
	head, err := descriptor.ReadAt(ctx, file, 0, 512)
	if err != nil && !errs.Is(err, errs.Internal) {
		return err // the file does not answer, and one that cannot be read is found when it is copied
	}
	if err := create.CheckHead(head); err != nil { // before anything is lost
		return err
	}
	now, err := conn.Volume(ctx, r.pool.UUID, v.Name)
	if err != nil {
		return err
	}
	begun := emptyFile(ctx, v.Name, size, file)
	if !diskimage.IsQcow2(head) {
		begun.Capacity = max(size, now.Capacity)
	}
	// Where each byte has its room and is written, the volume need not go first.
	inPlace := now.Format == "raw" && now.Capacity == size && now.Allocation >= size && *begun.Allocation == size
	if !inPlace {
		err = again(begun)
	}
	lost := !inPlace
	if err == nil {
		what := upload(file, size, job, !inPlace)
		what.Check = func(head []byte) error { lost = true; return create.CheckHead(head) } // just before it is written
		err = conn.UploadVolume(ctx, r.pool.UUID, v.Name, what)
	}
	if err != nil && lost {
		empty := inventory.NewVolume{Name: v.Name, Format: "raw", Capacity: now.Capacity, Allocation: new(uint64)}
		failed := conn.CheckVolume(context.WithoutCancel(ctx), r.pool.UUID, v.Name)
		if failed == nil || errs.Is(failed, errs.NotFound) { // otherwise somebody has started a VM on it
			failed = again(empty)
		}
		if failed != nil {
			r.service.log.Warn("cannot empty a volume that was not completed", "pool_uuid", r.pool.UUID, "error", failed)
		}
	}
	r.settleContent(ctx, conn, r.pool.UUID)
	return err
}

// downloadVolume writes the content of a volume to a descriptor.
func (r *request) downloadVolume(ctx context.Context) ([]any, error) {
	file, err := r.toWrite(ctx, r.Args[0].(dbus.UnixFDIndex))
	if err != nil {
		return nil, err
	}
	return r.closing(file, func() ([]any, error) {
		return r.volumeJob(ctx, "download-volume", true, r.refuseRunningUsers, func(ctx context.Context, conn inventory.Conn, job *jobs.Job) (map[string]any, error) {
			return nil, conn.DownloadVolume(ctx, r.pool.UUID, r.storageVolume.Name, file, job.Progress)
		})
	})
}
