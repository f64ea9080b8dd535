package virt

import (
	"context"
	"errors"
	"io"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// fillChunk is how much is written at once: what virStreamSendAll puts into a
// message (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX). More costs libvirtd more than it
// saves.
const fillChunk = 262120

// FindVolume looks a volume up; see inventory.NewVolumes.
func (c *Conn) FindVolume(ctx context.Context, pool, name string) (inventory.VolumeInfo, error) {
	return readVolumes(ctx, c, pool, volumePatience, func(conn *libvirt.Connect) (info inventory.VolumeInfo, err error) {
		err = withVolume(conn, pool, name, func(v *libvirt.StorageVol) error {
			info, err = volumeInfo(v)
			return err
		})
		return info, err
	})
}

// PeekVolume reads a part of a volume; see inventory.NewVolumes.
func (c *Conn) PeekVolume(ctx context.Context, pool, name string, offset, length uint64) ([]byte, error) {
	return readVolumes(ctx, c, pool, volumePatience, func(conn *libvirt.Connect) (data []byte, err error) {
		err = withVolume(conn, pool, name, func(v *libvirt.StorageVol) error {
			data, err = peek(conn, v, offset, length)
			return err
		})
		return data, err
	})
}

func peek(conn *libvirt.Connect, v *libvirt.StorageVol, offset, length uint64) ([]byte, error) {
	stream, err := conn.NewStream(0)
	if err != nil {
		return nil, err
	}
	defer stream.Free()
	if err := v.Download(stream, offset, length, 0); err != nil {
		return nil, err
	}
	data := make([]byte, 0, length)
	for uint64(len(data)) < length {
		n, err := stream.Recv(data[len(data):length])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			_ = stream.Abort()
			return nil, err
		}
		data = data[:len(data)+n]
	}
	return data, stream.Finish()
}

// CheckUse says why a new VM cannot get what is behind a disk; see
// inventory.NewVolumes.
func (c *Conn) CheckUse(ctx context.Context, disk *model.Device, storage bool) error {
	_, err := operate(ctx, c, work[struct{}]{lane: laneWork}, func(conn *libvirt.Connect) (struct{}, error) {
		release, err := c.admit(conn, owner{}, []domainxml.Image{{Device: *disk}}, storage)
		if err == nil {
			release()
		}
		return struct{}{}, err
	})
	return err
}

// MakeVolume makes an empty volume; see inventory.NewVolumes.
func (c *Conn) MakeVolume(ctx context.Context, pool string, want inventory.VolumeInfo) (inventory.VolumeInfo, error) {
	return c.newVolume(ctx, laneVolumes, pool, want, func(_ *libvirt.Connect, p *libvirt.StoragePool, xml string) (*libvirt.StorageVol, error) {
		return p.StorageVolCreateXML(xml, 0)
	})
}

// DuplicateVolume copies a volume; see inventory.NewVolumes.
func (c *Conn) DuplicateVolume(ctx context.Context, fromPool, from, pool string, want inventory.VolumeInfo, rights inventory.ImageRights) (inventory.VolumeInfo, error) {
	return c.newVolume(ctx, laneTransfer, pool, want, func(conn *libvirt.Connect, p *libvirt.StoragePool, xml string) (made *libvirt.StorageVol, err error) {
		err = withVolume(conn, fromPool, from, func(v *libvirt.StorageVol) error {
			made, err = copyVolume(c.inspect(conn, rights), v, p, xml)
			return err
		})
		return made, err
	})
}

// newVolume makes a volume and tells what became of it. Once begun, it is not left
// alone when ctx ends: whoever cancels removes what was made, and must know of it.
func (c *Conn) newVolume(ctx context.Context, l lane, pool string, want inventory.VolumeInfo,
	create func(*libvirt.Connect, *libvirt.StoragePool, string) (*libvirt.StorageVol, error),
) (inventory.VolumeInfo, error) {
	xml, err := domainxml.Volume(want.Name, want.Format, want.Capacity)
	if err != nil {
		return inventory.VolumeInfo{}, err
	}
	return operate(ctx, c, work[inventory.VolumeInfo]{pool: pool, lane: l, settled: true}, func(conn *libvirt.Connect) (inventory.VolumeInfo, error) {
		p, err := conn.LookupStoragePoolByUUIDString(pool)
		if err != nil {
			return inventory.VolumeInfo{}, err
		}
		defer p.Free()
		v, err := create(conn, p, xml)
		if err != nil {
			return inventory.VolumeInfo{}, err
		}
		defer v.Free()
		info, err := volumeInfo(v)
		if err != nil {
			_ = v.Delete(0)
		}
		return info, err
	})
}

// FillVolume writes a volume; see inventory.NewVolumes.
func (c *Conn) FillVolume(ctx context.Context, pool, name string, from io.Reader, length uint64) error {
	return c.transfer(ctx, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		return fill(ctx, conn, v, from, length)
	})
}

func fill(ctx context.Context, conn *libvirt.Connect, v *libvirt.StorageVol, from io.Reader, length uint64) error {
	stream, err := conn.NewStream(0)
	if err != nil {
		return err
	}
	defer stream.Free()
	if err := v.Upload(stream, 0, length, 0); err != nil {
		return err
	}
	if err := pour(ctx, stream, from, length); err != nil {
		_ = stream.Abort()
		return err
	}
	return stream.Finish()
}

// pour sends exactly that many bytes.
func pour(ctx context.Context, stream *libvirt.Stream, from io.Reader, length uint64) error {
	buffer := make([]byte, fillChunk)
	for length > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(from, buffer[:min(uint64(len(buffer)), length)])
		if err != nil {
			return readError(err)
		}
		if err := sendAll(stream, buffer[:n]); err != nil {
			return err
		}
		length -= uint64(n)
	}
	return nil
}

// fileError says why a caller's file could not be read as far as it reached.
func fileError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.New(errs.InvalidArgument, "The file became shorter while it was copied. Try again when nobody changes it.")
	}
	return errs.Wrap(errs.InvalidArgument, err, "The file cannot be read.")
}

func sendAll(stream *libvirt.Stream, data []byte) error {
	for len(data) > 0 {
		n, err := stream.Send(data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// GrowVolume makes a volume larger; see inventory.NewVolumes.
func (c *Conn) GrowVolume(ctx context.Context, pool, name string, capacity uint64) error {
	return c.inPool(ctx, pool, func(conn *libvirt.Connect, p *libvirt.StoragePool) error {
		if err := c.basesAnswer(ctx, pool); err != nil {
			return err // awaitFormat may refresh the pool
		}
		if err := awaitFormat(ctx, conn, p, pool, name); err != nil {
			return err
		}
		return withVolume(conn, pool, name, func(v *libvirt.StorageVol) error {
			return resizeVolume(c.inspect(conn, inventory.ImageRights{Storage: true}), v, capacity, 0)
		})
	})
}

const (
	// formatAttempts is how often libvirt is asked to look at a volume again.
	formatAttempts = 100
	// formatPause comes between, when others are at work in the pool.
	formatPause = 100 * time.Millisecond
)

// awaitFormat has libvirt know the format of a volume. What was written into it a
// moment ago it may still take for raw, and would only make the file longer.
func awaitFormat(ctx context.Context, conn *libvirt.Connect, p *libvirt.StoragePool, pool, name string) error {
	for range formatAttempts {
		stale := false
		err := withVolume(conn, pool, name, func(v *libvirt.StorageVol) error {
			facts, err := factsOf(v)
			if err != nil || facts.Format != "raw" {
				return err
			}
			head, err := peek(conn, v, 0, headLength)
			if unsupported(err) { // by drivers without real files
				return nil
			}
			stale = err == nil && diskimage.IsQcow2(head)
			return err
		})
		if err != nil || !stale {
			return err
		}
		if p.Refresh(0) == nil {
			continue
		}
		select {
		case <-time.After(formatPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errs.New(errs.Busy, "The storage pool is busy, so that the new volume cannot be made larger. Try again in a moment.")
}

// DropVolume removes a volume; see inventory.NewVolumes.
func (c *Conn) DropVolume(ctx context.Context, pool, name string) error {
	return c.dropUnless(ctx, pool, name, replaceable)
}

// DropUnwanted removes a volume that was made in vain; see inventory.NewVolumes.
func (c *Conn) DropUnwanted(ctx context.Context, pool, name string) error {
	return c.dropUnless(ctx, pool, name, unwanted)
}

// DropUnused removes a volume that nothing uses; see inventory.NewVolumes.
func (c *Conn) DropUnused(ctx context.Context, pool, name, copied string) error {
	return c.dropUnless(ctx, pool, name, func(v *libvirt.StorageVol) func(*uses, *imageID) error { return unused(v, copied) })
}

// dropUnless removes a volume unless there is a reason why it has to stay.
func (c *Conn) dropUnless(ctx context.Context, pool, name string, stays func(*libvirt.StorageVol) func(*uses, *imageID) error) error {
	return c.onVolumeUnread(ctx, work[struct{}]{lane: laneVolumes}, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		return c.onUses(conn, v, stays(v), func() error { return v.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL) })
	})
}

// onVolume does work on a volume, beside other work on it.
func (c *Conn) onVolume(ctx context.Context, pool, name string, do func(*libvirt.Connect, *libvirt.StorageVol) error) error {
	return c.onVolumeAs(ctx, work[struct{}]{lane: laneVolumes}, pool, name, do)
}

func (c *Conn) onVolumeAs(ctx context.Context, w work[struct{}], pool, name string, do func(*libvirt.Connect, *libvirt.StorageVol) error) error {
	return c.onVolumeUnread(ctx, w, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		if _, err := c.volumeAnswers(ctx, conn, v); errs.Is(err, errs.Timeout) {
			return err
		}
		return do(conn, v)
	})
}

// onVolumeUnread is onVolumeAs for what does not look into the volume, which may
// have a base image that does not answer.
func (c *Conn) onVolumeUnread(ctx context.Context, w work[struct{}], pool, name string, do func(*libvirt.Connect, *libvirt.StorageVol) error) error {
	w.pool = pool
	_, err := operate(ctx, c, w, func(conn *libvirt.Connect) (struct{}, error) {
		return struct{}{}, withVolume(conn, pool, name, func(v *libvirt.StorageVol) error { return do(conn, v) })
	})
	return err
}

// withVolume looks a volume up for fn.
func withVolume(conn *libvirt.Connect, pool, name string, fn func(*libvirt.StorageVol) error) error {
	p, err := conn.LookupStoragePoolByUUIDString(pool)
	if err != nil {
		return err
	}
	defer p.Free()
	v, err := p.LookupStorageVolByName(name)
	if err != nil {
		return err
	}
	defer v.Free()
	return fn(v)
}

func volumeInfo(v *libvirt.StorageVol) (inventory.VolumeInfo, error) {
	text, err := v.GetXMLDesc(0)
	if err != nil {
		return inventory.VolumeInfo{}, err
	}
	name, path, format, capacity, err := domainxml.ParseVolumePlace(text)
	return inventory.VolumeInfo{Name: name, Path: path, Format: format, Capacity: capacity}, err
}
