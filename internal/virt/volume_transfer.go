package virt

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// atHole is what a sparse stream returns instead of a length where a hole is.
const atHole = -3

// UploadVolume writes a file into a volume; see inventory.VolumeManager.
func (c *Conn) UploadVolume(ctx context.Context, pool, name string, u inventory.Upload) error {
	return c.transfer(ctx, pool, name, func(conn *libvirt.Connect, v *libvirt.StorageVol) error {
		stream, err := conn.NewStream(0)
		if err != nil {
			return err
		}
		defer stream.Free()
		var flags libvirt.StorageVolUploadFlags
		sparse := u.Fresh && hasHoles(u.From, u.Length)
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
	})
}

// moving is work that moves the content of volumes: it takes its time, and once
// begun it ends by itself when ctx does.
var moving = work[struct{}]{lane: laneTransfer, settled: true}

// transfer runs what moves a volume's content.
func (c *Conn) transfer(ctx context.Context, pool, name string, do func(*libvirt.Connect, *libvirt.StorageVol) error) error {
	return c.onVolumeAs(ctx, moving, pool, name, do)
}

// hasHoles says whether a file takes less room than its length.
func hasHoles(f *os.File, length uint64) bool {
	var stat unix.Stat_t
	return unix.Fstat(int(f.Fd()), &stat) == nil && uint64(stat.Blocks)*512 < length
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
			hole, end = u.next(at)
		}
		size := end - at
		next := part{hole: size}
		if !hole {
			size = min(fillChunk, size)
			next = part{data: buffers[i%2][:size]}
			if _, err := u.upload.From.ReadAt(next.data, int64(at)); err != nil {
				return fileError(err)
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

// next is what is at a place in the file, a hole or data, and where that ends.
func (u *uploading) next(at uint64) (hole bool, end uint64) {
	length := u.upload.Length
	switch {
	case at == 0:
		return false, min(fillChunk, length) // never a hole: it is checked
	case !u.sparse:
		return false, length
	}
	fd := int(u.upload.From.Fd())
	data, err := unix.Seek(fd, int64(at), unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return true, length // nothing but a hole
	case err != nil:
		u.sparse = false // a file system that does not know
		return false, length
	case uint64(data) > at:
		return true, min(uint64(data), length)
	}
	next, err := unix.Seek(fd, int64(at), unix.SEEK_HOLE)
	if err != nil || uint64(next) <= at {
		return false, length
	}
	return false, min(uint64(next), length)
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
		d.begin()
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
	progress    func(done, total uint64)
	sparse      bool
	done, total uint64

	plain         bool  // to is a file in which one can jump
	start, before int64 // where it begins in that file, and how long that was
	hole          bool  // it ended with a hole that the file's length must cover
}

// begin finds out what is written to.
func (d *downloading) begin() {
	var stat unix.Stat_t
	fd := int(d.to.Fd())
	if unix.Fstat(fd, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	at, seekErr := unix.Seek(fd, 0, unix.SEEK_CUR)
	// Where something was written before, a jump would leave it there.
	d.plain = err == nil && seekErr == nil && flags&unix.O_APPEND == 0 && at >= stat.Size
	d.start, d.before = at, stat.Size
}

// undo takes back what was written into a file of the caller's.
func (d *downloading) undo() {
	if d.plain {
		_ = unix.Ftruncate(int(d.to.Fd()), d.before)
		_, _ = unix.Seek(int(d.to.Fd()), d.start, unix.SEEK_SET)
	}
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
		if _, err := unix.Seek(int(d.to.Fd()), length, unix.SEEK_CUR); err != nil {
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
	return writeError(unix.Ftruncate(int(d.to.Fd()), d.start+int64(d.done)))
}

// write writes all of data. A pipe or socket may take it slowly, or never, so
// that it gets no more at once than it surely takes.
func (d *downloading) write(data []byte) error {
	if d.plain {
		n, err := d.to.Write(data)
		d.advance(uint64(n))
		return writeError(err)
	}
	for len(data) > 0 {
		if err := d.awaitRoom(); err != nil {
			return err
		}
		n, err := d.to.Write(data[:min(len(data), pipeRoom)])
		if err != nil {
			return writeError(err)
		}
		data = data[n:]
		d.advance(uint64(n))
	}
	return nil
}

const (
	// pipeRoom is how much a pipe takes that says it has room (PIPE_BUF).
	pipeRoom = 4096
	// roomPatience is how often, in milliseconds, somebody who does not read is
	// a reason to look whether the job was cancelled.
	roomPatience = 250
)

func (d *downloading) awaitRoom() error {
	for {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		fds := []unix.PollFd{{Fd: int32(d.to.Fd()), Events: unix.POLLOUT}}
		switch n, err := unix.Poll(fds, roomPatience); {
		case err != nil && !errors.Is(err, unix.EINTR):
			return writeError(err)
		case n > 0:
			return nil // also when the other end is closed: writing tells
		}
	}
}

func (d *downloading) advance(n uint64) {
	d.done += n
	d.progress(d.done, max(d.total, d.done))
}

// writeError says what became of the caller's own descriptor.
func writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return errs.Wrap(errs.NoSpace, err, "There is no room left where the volume is written to.")
	case errors.Is(err, unix.EPIPE):
		return errs.Wrap(errs.Cancelled, err, "Nobody reads what is written.")
	}
	return errs.Wrap(errs.InvalidArgument, err, "The descriptor cannot be written to.")
}
