package create

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"org.kvmmanager/internal/errs"
)

// header is that of a qcow2 disk.
func header(version uint32, backing, features uint64) []byte {
	b := make([]byte, 512)
	copy(b, "QFI\xfb")
	binary.BigEndian.PutUint32(b[4:], version)
	binary.BigEndian.PutUint64(b[8:], backing)
	binary.BigEndian.PutUint64(b[72:], features)
	return b
}

func TestOnlyDisksThatReferToNothingElseAreTaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content []byte
		want    errs.Kind
	}{
		"a raw disk":                 {make([]byte, 512), ""},
		"one byte":                   {[]byte{0}, ""},
		"a qcow2 disk":               {header(3, 0, 0), ""},
		"an old one":                 {header(2, 0, 1<<2), ""},
		"nothing":                    {nil, errs.InvalidArgument},
		"one with a backing file":    {header(3, 512, 0), errs.NotSupported},
		"an old one with such a one": {header(2, 512, 0), errs.NotSupported},
		"one with its data apart":    {header(3, 0, 1<<2), errs.NotSupported},
		"half a header":              {header(3, 0, 0)[:80], errs.InvalidArgument},
		"less than that":             {header(3, 0, 0)[:8], errs.InvalidArgument},
		"a description of extents":   {[]byte("# Disk DescriptorFile\nRW 1 FLAT \"/etc/shadow\" 0"), errs.NotSupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := selfContained(bytes.NewReader(tt.content))
			if tt.want != "" {
				if !errs.Is(err, tt.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, tt.content) {
				t.Errorf("what is passed on differs: %v", err)
			}
		})
	}
}

func FuzzSelfContained(f *testing.F) {
	f.Add(header(3, 0, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := selfContained(bytes.NewReader(content))
		if err != nil {
			return
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Error("what is passed on differs")
		}
	})
}
