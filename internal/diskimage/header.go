// Package diskimage reads what images of disks say of themselves: whether they
// refer to other files, which a hypervisor would open for the guest.
package diskimage

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Fields of a qcow2 header (QEMU's docs/interop/qcow2.rst).
const (
	// HeaderLength is how long the header is that Parse needs, in bytes.
	HeaderLength = 104

	version       = 4
	backingOffset = 8
	backingLength = 16
	oldLength     = 72 // of the header before version 3
	incompatible  = 72
	externalData  = 1 << 2
)

// foreign is how disks begin that name other files, or that are of no use to
// QEMU as they are.
var foreign = []string{"KDMV", "COWD", "# Disk DescriptorFile", "vhdxfile", "conectix", "<<< ", "QED\x00", "Bochs Virtual HD Image", "WithoutFreeSpace"}

var (
	errIncomplete = errors.New("the header is incomplete")
	errNowhere    = errors.New("the name of the backing file is not at the beginning")
)

// IsForeign says whether an image that begins like this has a format of another
// program, which may refer to other files.
func IsForeign(head []byte) bool {
	for _, magic := range foreign {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// IsQcow2 says whether an image that begins like this is a qcow2 image.
func IsQcow2(head []byte) bool { return bytes.HasPrefix(head, []byte("QFI\xfb")) }

// Header is what a qcow2 image says of other files.
type Header struct {
	Layered      bool // it is a layer over another file
	ExternalData bool // its data is in another file

	offset uint64 // of the name of the other file, in bytes
	length uint32
}

// Parse reads the header of a qcow2 image, which must be complete.
func Parse(head []byte) (Header, error) {
	if len(head) < oldLength {
		return Header{}, errIncomplete
	}
	h := Header{offset: binary.BigEndian.Uint64(head[backingOffset:]), length: binary.BigEndian.Uint32(head[backingLength:])}
	h.Layered = h.offset != 0
	if binary.BigEndian.Uint32(head[version:]) < 3 {
		return h, nil
	}
	if len(head) < HeaderLength {
		return Header{}, errIncomplete
	}
	h.ExternalData = binary.BigEndian.Uint64(head[incompatible:])&externalData != 0
	return h, nil
}

// Backing is the name of the file that an image is a layer over, as it is written
// in its head.
func (h Header) Backing(head []byte) (string, error) {
	length := uint64(len(head))
	if h.offset > length || uint64(h.length) > length-h.offset {
		return "", errNowhere
	}
	return string(head[h.offset : h.offset+uint64(h.length)]), nil
}
