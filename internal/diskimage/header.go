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
	lengthField   = 100 // of the header, from version 3 on

	endOfExtensions        = 0
	backingFormatExtension = 0xe2792aca
	maxFormatName          = 15
)

// foreign lists how images of other formats begin that QEMU or libvirt recognize.
// Some of these formats name other files.
var foreign = []string{
	"KDMV", "COWD", "# Disk DescriptorFile", "vhdxfile", "conectix", "<<< ", "QED\x00", "Bochs Virtual HD Image",
	"WithoutFreeSpace", "WithouFreSpacExt", "OOOM", "LUKS\xba\xbe", "#!/bin/sh\n#V2.0 Format\n",
}

const (
	vdiSignature   = "\x7f\x10\xda\xbe" // after 64 bytes of text
	vdiSignatureAt = 64
)

var (
	errIncomplete = errors.New("the header is incomplete")
	errNowhere    = errors.New("the name of the backing file is not at the beginning")
)

// IsForeign reports whether an image that begins like this has a format of another
// program, which may refer to other files.
func IsForeign(head []byte) bool {
	for _, magic := range foreign {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return len(head) >= vdiSignatureAt && bytes.HasPrefix(head[vdiSignatureAt:], []byte(vdiSignature)) || isDescriptor(head)
}

// isDescriptor reports whether QEMU takes a text for a VMDK descriptor: comments
// and empty lines, and then the version (vmdk_probe in QEMU's block/vmdk.c).
func isDescriptor(head []byte) bool {
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		switch {
		case bytes.HasPrefix(line, []byte("#")), len(bytes.Trim(line, " ")) == 0:
			head = rest
		default:
			return bytes.HasPrefix(line, []byte("version="))
		}
	}
	return false
}

// IsQcow2 reports whether an image that begins like this is a qcow2 image.
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

// BackingFormat returns the format that the header gives to the file that the image
// is a layer over; empty if it gives none. Of several the last counts, as for QEMU.
func (h Header) BackingFormat(head []byte) string {
	format, at := "", uint64(oldLength)
	if len(head) >= HeaderLength && binary.BigEndian.Uint32(head[version:]) >= 3 {
		at = uint64(binary.BigEndian.Uint32(head[lengthField:]))
	}
	for end := uint64(len(head)); at+8 <= end; {
		kind, length := binary.BigEndian.Uint32(head[at:]), uint64(binary.BigEndian.Uint32(head[at+4:]))
		at += 8
		if kind == endOfExtensions || length > end-at {
			break
		}
		if kind == backingFormatExtension && length <= maxFormatName {
			format = string(bytes.TrimRight(head[at:at+length], "\x00"))
		}
		at += (length + 7) &^ 7
	}
	return format
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
