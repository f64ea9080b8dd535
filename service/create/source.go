package create

import (
	"context"
	"encoding/binary"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/osinfo"
)

// Volume is a volume that exists.
type Volume struct {
	Object   model.Path
	Pool     *model.StoragePool
	Name     string
	Path     string // on the host
	Format   string
	Capacity uint64 // bytes
	UsedBy   []model.Path
}

// Source is the file or volume that a new VM starts from.
type Source struct {
	file   *os.File // one that the caller has opened
	volume *Volume
	path   string // on the host
	size   uint64 // bytes; zero when unknown
	format string // of a disk: qcow2, raw
	// peek reads the beginning of a part of the volume.
	peek func(ctx context.Context, offset, length uint64) ([]byte, error)
}

// FileSource is a file that the caller of the service has opened, and which the
// source owns from here on. Only a plain file or a block device that can be read
// will do: its size must be known.
func FileSource(f *os.File) (*Source, error) {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_PATH != 0 || flags&unix.O_ACCMODE == unix.O_WRONLY {
		return nil, errs.New(errs.InvalidArgument, "The descriptor cannot be read from. Open the file for reading.")
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, errs.New(errs.InvalidArgument, "The descriptor must be that of a plain file.")
	}
	if stat.Size <= 0 {
		return nil, errs.New(errs.InvalidArgument, "The file is empty.")
	}
	s := &Source{file: f, size: uint64(stat.Size)}
	s.format = imageFormat(s.head(512))
	return s, nil
}

// VolumeSource is a volume of a pool. peek reads a part of it.
func VolumeSource(v *Volume, peek func(ctx context.Context, offset, length uint64) ([]byte, error)) *Source {
	return &Source{volume: v, size: v.Capacity, format: v.Format, peek: peek}
}

// PathSource is a file of the host that the service itself may not be able to
// read.
func PathSource(path, format string) *Source { return &Source{path: path, format: format} }

// Close gives the descriptor back.
func (s *Source) Close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
	}
}

// head is the beginning of the file; less where it is shorter.
func (s *Source) head(length int) []byte {
	b := make([]byte, length)
	n, _ := s.file.ReadAt(b, 0) // what cannot be read is found when it is copied
	return b[:n]
}

// descriptor is what an ISO image says of itself; nothing where that cannot be
// read.
func (s *Source) descriptor(ctx context.Context) []byte {
	switch {
	case s.file != nil:
		b := make([]byte, osinfo.DescriptorLength)
		n, _ := s.file.ReadAt(b, osinfo.DescriptorOffset)
		return b[:n]
	case s.peek != nil:
		b, err := s.peek(ctx, osinfo.DescriptorOffset, osinfo.DescriptorLength)
		if err == nil {
			return b
		}
	}
	return nil
}

// reader reads the file from its beginning, wherever the caller's position is.
func (s *Source) reader() io.Reader { return io.NewSectionReader(s.file, 0, int64(s.size)) }

// imageFormat is the format of a disk that begins like this.
func imageFormat(head []byte) string {
	if diskimage.IsQcow2(head) {
		return "qcow2"
	}
	return "raw"
}

// virtualSize is how large a disk is for its guest, in bytes.
func (s *Source) virtualSize() uint64 {
	if s.file == nil || s.format != "qcow2" {
		return s.size
	}
	if head := s.head(32); len(head) == 32 {
		return binary.BigEndian.Uint64(head[24:])
	}
	return s.size
}
