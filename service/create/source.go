package create

import (
	"context"
	"encoding/binary"
	"io"
	"os"

	"org.kvmmanager/internal/descriptor"
	"org.kvmmanager/internal/diskimage"
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
	head   []byte   // its beginning
	volume *Volume
	path   string // on the host
	size   uint64 // bytes; zero when unknown
	format string // of a disk: qcow2, raw
	// peek reads the beginning of a part of the volume.
	peek func(ctx context.Context, offset, length uint64) ([]byte, error)
}

// FileSource is a file that the caller of the service has opened, which has been
// admitted, and which the source owns from here on.
func FileSource(ctx context.Context, f *os.File, size uint64) *Source {
	s := &Source{file: f, size: size}
	s.head, _ = descriptor.ReadAt(ctx, f, 0, 512) // what cannot be read is found when it is copied
	s.format = imageFormat(s.head)
	return s
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

// descriptor is what an ISO image says of itself; nothing where that cannot be
// read.
func (s *Source) descriptor(ctx context.Context) []byte {
	switch {
	case s.file != nil:
		b, _ := descriptor.ReadAt(ctx, s.file, osinfo.DescriptorOffset, osinfo.DescriptorLength)
		return b
	case s.peek != nil:
		b, err := s.peek(ctx, osinfo.DescriptorOffset, osinfo.DescriptorLength)
		if err == nil {
			return b
		}
	}
	return nil
}

// reader reads the file from its beginning, wherever the caller's position is.
func (s *Source) reader(ctx context.Context) io.Reader {
	return io.NewSectionReader(patient{ctx, s.file}, 0, int64(s.size))
}

// patient reads a caller's file, until ctx ends.
type patient struct {
	ctx  context.Context
	file *os.File
}

// ReadAt implements io.ReaderAt.
func (p patient) ReadAt(b []byte, offset int64) (int, error) {
	read, err := descriptor.ReadAt(p.ctx, p.file, offset, len(b))
	n := copy(b, read)
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

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
	if len(s.head) >= 32 {
		return binary.BigEndian.Uint64(s.head[24:])
	}
	return s.size
}
