package diskimage

import (
	"encoding/binary"
	"strings"
	"testing"
)

// layer is the head of an image over this file.
func layer(version uint32, backing string) []byte {
	head := make([]byte, 4096)
	copy(head, "QFI\xfb")
	binary.BigEndian.PutUint32(head[4:], version)
	binary.BigEndian.PutUint64(head[8:], 512)
	binary.BigEndian.PutUint32(head[16:], uint32(len(backing)))
	copy(head[512:], backing)
	return head
}

func TestALayerNamesItsFile(t *testing.T) {
	t.Parallel()
	for _, version := range []uint32{1, 2, 3} {
		head := layer(version, "/srv/base.img")
		h, err := Parse(head)
		if err != nil || !h.Layered || h.ExternalData || !IsQcow2(head) || IsForeign(head) {
			t.Errorf("version %d: %+v, %v", version, h, err)
		}
		if name, err := h.Backing(head); err != nil || name != "/srv/base.img" {
			t.Errorf("version %d: %q, %v", version, name, err)
		}
		if _, err := h.Backing(head[:520]); err == nil {
			t.Errorf("version %d: half of the name is enough", version)
		}
	}
	if _, err := Parse(layer(3, "")[:100]); err == nil {
		t.Error("half a header is enough")
	}
}

func FuzzBacking(f *testing.F) {
	f.Add(layer(3, "/srv/base.img"))
	f.Add(layer(2, strings.Repeat("x", 1023)))
	f.Fuzz(func(t *testing.T, head []byte) {
		_ = IsForeign(head)
		if h, err := Parse(head); err == nil {
			_, _ = h.Backing(head)
			if format := h.BackingFormat(head); len(format) > 15 {
				t.Errorf("the format is %q", format)
			}
		}
	})
}

// TestBackingFormat reads the extensions of headers (QEMU's docs/interop/qcow2.rst).
func TestBackingFormat(t *testing.T) {
	t.Parallel()
	extension := func(head []byte, at int, kind uint32, data string) int {
		binary.BigEndian.PutUint32(head[at:], kind)
		binary.BigEndian.PutUint32(head[at+4:], uint32(len(data)))
		copy(head[at+8:], data)
		return at + 8 + (len(data)+7)&^7
	}
	for _, version := range []uint32{2, 3} {
		start := 72
		head := layer(version, "/srv/base.img")
		if version == 3 {
			start = 112
			binary.BigEndian.PutUint32(head[100:], uint32(start))
		}
		if got := (Header{}).BackingFormat(head); got != "" {
			t.Errorf("version %d without extensions: %q", version, got)
		}
		at := extension(head, start, 0x44415441, "/etc/shadow")
		at = extension(head, at, 0xe2792aca, "raw")
		if got := (Header{}).BackingFormat(head); got != "raw" {
			t.Errorf("version %d: %q", version, got)
		}
		extension(head, at, 0xe2792aca, "qcow2")
		if got := (Header{}).BackingFormat(head); got != "qcow2" {
			t.Errorf("version %d, the last of two: %q", version, got)
		}
		binary.BigEndian.PutUint32(head[at+4:], 1<<31)
		if got := (Header{}).BackingFormat(head); got != "raw" {
			t.Errorf("version %d, one that is too long: %q", version, got)
		}
		if got := (Header{}).BackingFormat(head[:start+4]); got != "" {
			t.Errorf("version %d, cut off: %q", version, got)
		}
	}
}

func TestFormatsOfOtherPrograms(t *testing.T) {
	t.Parallel()
	vdi := make([]byte, 512)
	copy(vdi[64:], "\x7f\x10\xda\xbe")
	for name, head := range map[string][]byte{
		"vmdk": []byte("KDMV\x01"), "a descriptor": []byte("# Disk DescriptorFile\nversion=1\n"), "another descriptor": []byte("#\n\r\n  \nversion=1\nRW 1 FLAT \"/etc/shadow\" 0\n"),
		"vdi": vdi, "vhdx": []byte("vhdxfile"), "vpc": []byte("conectix"), "qed": []byte("QED\x00"), "luks": []byte("LUKS\xba\xbe\x00\x01"),
	} {
		if !IsForeign(head) {
			t.Errorf("%s is a plain disk", name)
		}
	}
	for name, head := range map[string][]byte{
		"nothing": nil, "zeros": make([]byte, 512), "a script": []byte("#!/bin/sh\necho version=1\n"), "comments": []byte("# a\n\n"), "qcow2": layer(3, ""),
	} {
		if IsForeign(head) {
			t.Errorf("%s has a format of another program", name)
		}
	}
}
