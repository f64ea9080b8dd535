package create

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"

	"org.kvmmanager/internal/errs"
)

// Fields of a qcow2 header (QEMU's docs/interop/qcow2.rst).
const (
	qcow2Header       = 104
	backingOffset     = 8
	incompatible      = 72
	externalData      = 1 << 2
	qcow2VersionField = 4
)

// foreign is how disks begin that name other files, or that are of no use to
// QEMU as they are.
var foreign = []string{"KDMV", "COWD", "# Disk DescriptorFile", "vhdxfile", "conectix", "<<< ", "QED\x00", "Bochs Virtual HD Image", "WithoutFreeSpace"}

// selfContained passes an image on, and refuses one that refers to other files:
// the hypervisor would open those for the guest, whoever may read them. What it
// looks at is what is copied, since a file can change under its reader.
func selfContained(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, err := buffered.Peek(qcow2Header)
	if err != nil && len(head) == 0 {
		return nil, errs.Wrap(errs.InvalidArgument, err, "The file cannot be read.")
	}
	return buffered, CheckHead(head)
}

// CheckHead refuses what begins like an image that refers to other files. Of
// less than a block only what is complete counts.
func CheckHead(head []byte) error {
	for _, magic := range foreign {
		if bytes.HasPrefix(head, []byte(magic)) {
			return errs.New(errs.NotSupported, "The disk has a format that cannot be imported. Convert it first: qemu-img convert -O qcow2.")
		}
	}
	if imageFormat(head) != "qcow2" {
		return nil
	}
	return checkQcow2(head)
}

// IsQcow2 says whether a disk that begins like this is a qcow2 image.
func IsQcow2(head []byte) bool { return imageFormat(head) == "qcow2" }

func checkQcow2(head []byte) error {
	switch {
	case len(head) < 72:
		return errs.New(errs.InvalidArgument, "The disk is damaged: its header is incomplete.")
	case binary.BigEndian.Uint64(head[backingOffset:]) != 0:
		return errs.New(errs.NotSupported, "The disk is a layer over another file. Merge them first: qemu-img convert -O qcow2.")
	case binary.BigEndian.Uint32(head[qcow2VersionField:]) < 3:
		return nil
	case len(head) < qcow2Header:
		return errs.New(errs.InvalidArgument, "The disk is damaged: its header is incomplete.")
	case binary.BigEndian.Uint64(head[incompatible:])&externalData != 0:
		return errs.New(errs.NotSupported, "The disk keeps its data in another file. Merge them first: qemu-img convert -O qcow2.")
	}
	return nil
}
