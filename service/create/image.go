package create

import (
	"bufio"
	"io"

	"org.kvmmanager/internal/diskimage"
	"org.kvmmanager/internal/errs"
)

// selfContained passes an image on, and refuses one that refers to other files:
// the hypervisor would open those for the guest, whoever may read them. What it
// looks at is what is copied, since a file can change under its reader.
func selfContained(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, err := buffered.Peek(diskimage.HeaderLength)
	if err != nil && len(head) == 0 {
		if !errs.Is(err, errs.Internal) {
			return nil, err // the file did not answer
		}
		return nil, errs.Wrap(errs.InvalidArgument, err, "The file cannot be read.")
	}
	return buffered, CheckHead(head)
}

// CheckHead refuses what begins like an image that refers to other files. Of
// less than a block only what is complete counts.
func CheckHead(head []byte) error {
	if diskimage.IsForeign(head) {
		return errs.New(errs.NotSupported, "The disk has a format that cannot be imported. Convert it first: qemu-img convert -O qcow2.")
	}
	if !diskimage.IsQcow2(head) {
		return nil
	}
	h, err := diskimage.Parse(head)
	switch {
	case err != nil:
		return errs.Wrap(errs.InvalidArgument, err, "The disk is damaged: its header is incomplete.")
	case h.Layered:
		return errs.New(errs.NotSupported, "The disk is a layer over another file. Merge them first: qemu-img convert -O qcow2.")
	case h.ExternalData:
		return errs.New(errs.NotSupported, "The disk keeps its data in another file. Merge them first: qemu-img convert -O qcow2.")
	}
	return nil
}
