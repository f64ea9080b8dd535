package store

import (
	"bytes"
	"fmt"

	"org.kvmmanager/internal/model"
)

// Where optical media say what they are: the descriptors of ISO 9660 and UDF
// follow 32 KiB of system area, one in each sector.
const (
	isoStart       = 0x8000
	isoSector      = 0x800
	isoDescriptors = 8
)

// isoMarks begin such a descriptor, after its type.
var isoMarks = []string{"CD001", "BEA01", "NSR02", "NSR03"}

// packed is what compressed files and archives begin with.
var packed = []string{"\xfd7zXZ\x00", "\x1f\x8b", "PK\x03\x04", "BZh", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c"}

// HeadLength is how much of a file WrongFile needs to see, in bytes.
const HeadLength = isoStart + isoDescriptors*isoSector

// WrongFile says why a VM cannot start from a file that begins like this; empty if
// nothing speaks against it.
func (w Words) WrongFile(kind model.SourceKind, name string, head []byte) string {
	switch {
	case hasAny(head, packed):
		return fmt.Sprintf(w.text("“%s” is compressed. Unpack it first."), name)
	case kind == model.SourceISO && !isMedium(head):
		return fmt.Sprintf(w.text("“%s” is not a disc image."), name)
	default:
		return ""
	}
}

func hasAny(head []byte, beginnings []string) bool {
	for _, b := range beginnings {
		if bytes.HasPrefix(head, []byte(b)) {
			return true
		}
	}
	return false
}

// isMedium reports whether a file begins as an image of a CD or DVD does, or as a
// disk that computers boot from.
func isMedium(head []byte) bool {
	for at := isoStart + 1; at < len(head); at += isoSector {
		if hasAny(head[at:], isoMarks) {
			return true
		}
	}
	const bootSignature = 510 // a boot sector ends with 55 AA
	return len(head) >= bootSignature+2 && head[bootSignature] == 0x55 && head[bootSignature+1] == 0xaa
}
