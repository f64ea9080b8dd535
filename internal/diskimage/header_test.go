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
	f.Fuzz(func(_ *testing.T, head []byte) {
		if h, err := Parse(head); err == nil {
			_, _ = h.Backing(head)
		}
	})
}
