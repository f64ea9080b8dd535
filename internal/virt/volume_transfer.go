package virt

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/descriptor"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// atHole is what a sparse stream returns instead of a length where a hole is.
const atHole = -3

// UploadVolume writes a file into a volume; see inventory.VolumeManager.
func (c *Conn) UploadVolume(ctx context.Context, pool, name string, u inventory.Upload) error {
	return c.transfer(ctx, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		do := func() error { return send(ctx, conn, v, u) }
		if u.Fresh {
			return do()
		}
		return c.onUses(conn, v, changeable(v), do)
	})
}

func send(ctx context.Context, conn *libvirt.Connect, v *libvirt.StorageVol, u inventory.Upload) error {
	stream, err := conn.NewStream(0)
	if err != nil {
		return err
	}
	defer stream.Free()
	var flags libvirt.StorageVolUploadFlags
	sparse := u.Fresh && hasHoles(ctx, u.From, u.Length)
	if sparse {
		flags = libvirt.STORAGE_VOL_UPLOAD_SPARSE_STREAM
	}
	if err := v.Upload(stream, 0, u.Length, flags); err != nil {
		return err
	}
	if err := (&uploading{ctx: ctx, stream: stream, upload: u, sparse: sparse}).run(); err != nil {
		_ = stream.Abort()
		return err
	}
	return stream.Finish()
}

// moving is work that moves the content of volumes: it takes its time, and once
// begun it ends by itself when ctx does.
var moving = work[struct{}]{lane: laneTransfer, settled: true}

// transfer runs what moves a volume's content.
func (c *Conn) transfer(ctx context.Context, pool, name string, do func(*libvirt.Connect, *libvirt.StorageVol) error) error {
	return c.onVolumeAs(ctx, moving, pool, name, do)
}

// hasHoles says whether a file takes less room than its length.
func hasHoles(ctx context.Context, f *os.File, length uint64) bool {
	blocks, err := descriptor.Do(ctx, func() (int64, error) {
		var stat unix.Stat_t
		err := unix.Fstat(int(f.Fd()), &stat)
		return stat.Blocks, err
	})
	return err == nil && uint64(blocks)*512 < length
}

// uploading is a file on its way into a volume.
type uploading struct {
	ctx    context.Context // its end is looked at between the parts
	stream *libvirt.Stream
	upload inventory.Upload
	sparse bool
	done   uint64
}

// part is what comes next of a file: data, or a hole and its length.
type part struct {
	data []byte
	hole uint64
}

// run sends each part while the next one is read.
func (u *uploading) run() error {
	ctx, stop := context.WithCancel(u.ctx)
	parts := make(chan part)
	var failed error // when parts is closed
	go func() {
		defer close(parts)
		failed = u.read(ctx, parts)
	}()
	defer func() {
		stop()
		for range parts { // until nobody reads the file, which is closed then
		}
	}()
	for p := range parts {
		if err := u.send(p); err != nil {
			return err
		}
	}
	if err := u.ctx.Err(); err != nil {
		return err
	}
	return failed
}

func (u *uploading) send(p part) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	if p.data == nil {
		if err := u.stream.SendHole(int64(p.hole), 0); err != nil {
			return err
		}
		u.advance(p.hole)
		return nil
	}
	if u.done == 0 && u.upload.Check != nil {
		if err := u.upload.Check(p.data); err != nil {
			return err
		}
	}
	if err := sendAll(u.stream, p.data); err != nil {
		return err
	}
	u.advance(uint64(len(p.data)))
	return nil
}

func (u *uploading) advance(n uint64) {
	u.done += n
	u.upload.Progress(u.done, u.upload.Length)
}

// read hands out the parts of the file. Of its two buffers one is filled while
// the other is sent: whoever takes a part is done with the one before.
func (u *uploading) read(ctx context.Context, parts chan<- part) error {
	buffers := [2][]byte{make([]byte, fillChunk), make([]byte, fillChunk)}
	var hole bool
	for at, end, i := uint64(0), uint64(0), 0; at < u.upload.Length; i++ {
		if at == end {
			place, err := descriptor.Do(ctx, func() (place, error) { return u.next(at), nil })
			if err != nil {
				return err
			}
			hole, end, u.sparse = place.hole, place.end, u.sparse && !place.unknown
		}
		size := end - at
		next := part{hole: size}
		if !hole {
			size = min(fillChunk, size)
			next = part{data: buffers[i%2][:size]}
			if _, err := descriptor.Do(ctx, func() (int, error) { return u.upload.From.ReadAt(next.data, int64(at)) }); err != nil {
				return readError(err)
			}
		}
		select {
		case parts <- next:
			at += size
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// place is what is at a place in a file, a hole or data, and where that ends.
type place struct {
	hole    bool
	end     uint64
	unknown bool // the file system does not know
}

func (u *uploading) next(at uint64) place {
	length := u.upload.Length
	switch {
	case at == 0:
		return place{end: min(fillChunk, length)} // never a hole: it is checked
	case !u.sparse:
		return place{end: length}
	}
	fd := int(u.upload.From.Fd())
	data, err := unix.Seek(fd, int64(at), unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return place{hole: true, end: length} // nothing but a hole
	case err != nil:
		return place{end: length, unknown: true}
	case uint64(data) > at:
		return place{hole: true, end: min(uint64(data), length)}
	}
	next, err := unix.Seek(fd, int64(at), unix.SEEK_HOLE)
	if err != nil || uint64(next) <= at {
		return place{end: length}
	}
	return place{end: min(uint64(next), length)}
}

// readError says what became of reading a caller's file. What has a kind already
// did not come from the file.
func readError(err error) error {
	if errs.Is(err, errs.Internal) {
		return fileError(err)
	}
	return err
}

// DownloadVolume writes a volume to a descriptor; see inventory.VolumeManager.
func (c *Conn) DownloadVolume(ctx context.Context, pool, name string, to *os.File, progress func(done, total uint64)) error {
	return c.transfer(ctx, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		info, err := v.GetInfoFlags(libvirt.STORAGE_VOL_GET_PHYSICAL)
		if err != nil {
			if info, err = v.GetInfo(); err != nil {
				return err
			}
		}
		d := &downloading{ctx: ctx, to: to, progress: progress, total: info.Allocation}
		if err := d.begin(); err != nil {
			return err
		}
		defer d.writer.Close()
		stream, err := conn.NewStream(0)
		if err != nil {
			return err
		}
		defer stream.Free()
		d.stream, d.sparse = stream, true
		if err := v.Download(stream, 0, 0, libvirt.STORAGE_VOL_DOWNLOAD_SPARSE_STREAM); err != nil {
			d.sparse = false
			if err := v.Download(stream, 0, 0, 0); err != nil {
				return err
			}
		}
		if err := d.run(); err != nil {
			_ = stream.Abort()
			d.undo()
			return err
		}
		return stream.Finish()
	})
}

// downloading is a volume on its way to a descriptor.
type downloading struct {
	ctx         context.Context // its end is looked at between the pieces
	stream      *libvirt.Stream
	to          *os.File
	writer      *descriptor.Writer
	progress    func(done, total uint64)
	sparse      bool
	done, total uint64

	plain         bool  // to is a file in which one can jump
	start, before int64 // where it begins in that file, and how long that was
	hole          bool  // it ended with a hole that the file's length must cover
}

// begin finds out what is written to.
func (d *downloading) begin() (err error) {
	if d.writer, err = descriptor.NewWriter(d.ctx, d.to); err != nil {
		return err
	}
	type file struct {
		plain         bool
		start, before int64
	}
	is, err := descriptor.Do(d.ctx, func() (file, error) {
		var stat unix.Stat_t
		fd := int(d.to.Fd())
		if unix.Fstat(fd, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG {
			return file{}, nil
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		at, seekErr := unix.Seek(fd, 0, unix.SEEK_CUR)
		// Where something was written before, a jump would leave it there.
		return file{err == nil && seekErr == nil && flags&unix.O_APPEND == 0 && at >= stat.Size, at, stat.Size}, nil
	})
	d.plain, d.start, d.before = is.plain, is.start, is.before
	return err
}

// undo takes back what was written into a file of the caller's.
func (d *downloading) undo() {
	if !d.plain {
		return
	}
	_, _ = descriptor.Do(context.WithoutCancel(d.ctx), func() (int64, error) {
		_ = unix.Ftruncate(int(d.to.Fd()), d.before)
		return unix.Seek(int(d.to.Fd()), d.start, unix.SEEK_SET)
	})
}

func (d *downloading) run() error {
	buffer := make([]byte, fillChunk)
	for {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		n, err := d.receive(buffer)
		switch {
		case errors.Is(err, io.EOF):
			return d.settle()
		case err != nil:
			return err
		case n == atHole:
			if err := d.skip(buffer); err != nil {
				return err
			}
			continue
		}
		d.hole = false
		if err := d.write(buffer[:n]); err != nil {
			return err
		}
	}
}

func (d *downloading) receive(buffer []byte) (int, error) {
	if !d.sparse {
		return d.stream.Recv(buffer)
	}
	return d.stream.RecvFlags(buffer, libvirt.STREAM_RECV_STOP_AT_HOLE)
}

// skip passes over a hole.
func (d *downloading) skip(zeros []byte) error {
	length, err := d.stream.RecvHole(0)
	if err != nil {
		return err
	}
	if d.plain {
		d.hole = true
		jump := func() (int64, error) { return unix.Seek(int(d.to.Fd()), length, unix.SEEK_CUR) }
		if _, err := descriptor.Do(d.ctx, jump); err != nil {
			return writeError(err)
		}
		d.advance(uint64(length))
		return nil
	}
	clear(zeros)
	for length > 0 {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		n := min(length, int64(len(zeros)))
		if err := d.write(zeros[:n]); err != nil {
			return err
		}
		length -= n
	}
	return nil
}

// settle gives the file its length where the volume ends with a hole.
func (d *downloading) settle() error {
	if !d.hole {
		return nil
	}
	_, err := descriptor.Do(d.ctx, func() (bool, error) {
		return true, unix.Ftruncate(int(d.to.Fd()), d.start+int64(d.done))
	})
	return writeError(err)
}

// write writes all of data. When it fails, data must not be used again.
func (d *downloading) write(data []byte) error {
	return writeError(d.writer.Write(d.ctx, data, func(n int) { d.advance(uint64(n)) }))
}

func (d *downloading) advance(n uint64) {
	d.done += n
	d.progress(d.done, max(d.total, d.done))
}

// writeError says what became of the caller's own descriptor.
func writeError(err error) error {
	switch {
	case err == nil, !errs.Is(err, errs.Internal):
		return err // what has a kind already did not come from the descriptor
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return errs.Wrap(errs.NoSpace, err, "There is no room left where the volume is written to.")
	case errors.Is(err, unix.EPIPE):
		return errs.Wrap(errs.Cancelled, err, "Nobody reads what is written.")
	}
	return errs.Wrap(errs.InvalidArgument, err, "The descriptor cannot be written to.")
}
