package store_test

import (
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestFilesThatNoVMStartsFromAreNamed(t *testing.T) {
	t.Parallel()
	at := func(offset int, mark string, size int) []byte {
		b := make([]byte, size)
		copy(b[offset:], mark)
		return b
	}
	for name, test := range map[string]struct {
		kind    model.SourceKind
		content []byte
		want    string
	}{
		"debian.iso":  {model.SourceISO, at(0x8001, "CD001", 0x9000), ""},
		"windows.iso": {model.SourceISO, at(0x8801, "BEA01", 0x9800), ""},
		"usb.img":     {model.SourceISO, at(510, "\x55\xaa", 512), ""},
		"letter.txt":  {model.SourceISO, []byte("Dear Sir or Madam"), "“letter.txt” is not a disc image."},
		"empty":       {model.SourceISO, nil, "“empty” is not a disc image."},
		"disk.img.xz": {model.SourceImage, []byte("\xfd7zXZ\x00"), "“disk.img.xz” is compressed. Unpack it first."},
		"disk.img.gz": {model.SourceCloud, []byte("\x1f\x8b\x08"), "“disk.img.gz” is compressed. Unpack it first."},
		"disk.qcow2":  {model.SourceImage, []byte("QFI\xfb"), ""},
		"disk.raw":    {model.SourceImage, make([]byte, 512), ""},
	} {
		if got := (store.Words{}).WrongFile(test.kind, name, test.content); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
