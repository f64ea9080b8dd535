package osinfo

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"testing"
)

func database() *Database { return Open("testdata/osinfo") }

var debian12 = System{
	ID: "http://debian.org/debian/12", ShortID: "debian12", Name: "Debian 12", Family: "linux",
	VCPUs: 1, Memory: 2 << 30, Storage: 20 << 30, MinimumMemory: 1 << 30, MinimumStorage: 10 << 30,
	VirtioDisk: true, VirtioNetwork: true, KnownDevices: true,
}

func TestASystemIsFoundByEitherId(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"http://debian.org/debian/12", "debian12", "debianbookworm"} {
		got, err := database().Find(t.Context(), id, "x86_64")
		if err != nil || got == nil || !reflect.DeepEqual(*got, debian12) {
			t.Errorf("%s is %+v, %v", id, got, err)
		}
	}
}

func TestWhatTheDatabaseDoesNotHaveIsNoError(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "nothing", "http://debian.org/debian/99", "http://debian.org/../../debian.org/debian-12", "http://..",
		"http://debian.org", "broken", "http://example.org/broken", "<short-id>", "file:///etc/passwd", "\x00",
	} {
		if got, err := database().Find(t.Context(), id, "x86_64"); got != nil || err != nil {
			t.Errorf("%q is %+v, %v", id, got, err)
		}
	}
	if got, err := Open("testdata/missing").Find(t.Context(), "debian12", "x86_64"); got != nil || err != nil {
		t.Errorf("without a database: %+v, %v", got, err)
	}
}

func TestWindowsNeedsUEFIAndHasNoVirtio(t *testing.T) {
	t.Parallel()
	got, err := database().Find(t.Context(), "win11", "x86_64")
	if err != nil || got == nil || !got.NeedsUEFI || got.VirtioDisk || !got.KnownDevices || got.VCPUs != 2 || got.Memory != 4<<30 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// descriptor is a primary volume descriptor.
func descriptor(volume, publisher string) []byte {
	b := make([]byte, DescriptorLength)
	copy(b, "\x01CD001\x01")
	copy(b[8:], fmt.Sprintf("%-32s%-32s", "LINUX", volume))
	copy(b[318:], fmt.Sprintf("%-128s", publisher))
	return b
}

func TestAMediumTellsItsSystem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, volume, publisher, want string }{
		{"Debian", "Debian 12.5.0 amd64 n", "", "http://debian.org/debian/12"},
		{"Debian for another machine", "Debian 12.5.0 arm64 n", "", ""},
		{"Windows", "CCCOMA_X64FRE_EN-US_DV9", "MICROSOFT CORPORATION", "http://microsoft.com/win/11"},
		{"Windows of another publisher", "CCCOMA_X64FRE_EN-US_DV9", "SOMEBODY", ""},
		{"without a name", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			medium, ok := ParseMedium(descriptor(tt.volume, tt.publisher))
			if !ok || medium.Volume != tt.volume || medium.Publisher != tt.publisher || medium.System != "LINUX" {
				t.Fatalf("read %+v, %v", medium, ok)
			}
			got, err := database().Detect(t.Context(), medium, "x86_64")
			if err != nil || (got == nil) != (tt.want == "") || got != nil && got.ID != tt.want {
				t.Errorf("detected %+v, %v", got, err)
			}
		})
	}
}

func TestTheAddressOfAMediumTellsItsSystem(t *testing.T) {
	t.Parallel()
	const netinst = "cdimage.debian.org/debian-12.5.0-amd64-netinst.iso"
	for _, tt := range []struct{ address, arch, want string }{
		{"https://" + netinst, "x86_64", "http://debian.org/debian/12"},
		{"http://" + netinst, "x86_64", "http://debian.org/debian/12"},
		{"https://" + netinst, "aarch64", ""},
		{"https://mirror.example/" + netinst, "x86_64", ""},
		{"https://cdimage.debian.org/", "x86_64", ""},
		{"://", "x86_64", ""},
		{"", "x86_64", ""},
	} {
		got, err := database().DetectAddress(t.Context(), tt.address, tt.arch)
		if err != nil || (got == nil) != (tt.want == "") || got != nil && got.ID != tt.want {
			t.Errorf("%s for %s is %+v, %v", tt.address, tt.arch, got, err)
		}
	}
}

func TestWhatIsNoISOImageHasNoMedium(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{nil, []byte("\x01CD001"), make([]byte, DescriptorLength), append([]byte("\xffCD001"), make([]byte, DescriptorLength)...)} {
		if m, ok := ParseMedium(data); ok {
			t.Errorf("%d bytes are %+v", len(data), m)
		}
	}
}

func TestASearchStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := database().Find(ctx, "debian12", "x86_64"); err == nil {
		t.Error("it went on")
	}
}

// BenchmarkDetect looks through the database of OSINFO_DATABASE.
func BenchmarkDetect(b *testing.B) {
	folder := os.Getenv("OSINFO_DATABASE")
	if folder == "" {
		b.Skip("OSINFO_DATABASE names no database")
	}
	b.ReportAllocs()
	for b.Loop() {
		if s, err := Open(folder).Detect(b.Context(), Medium{Volume: "Debian 12.5.0 amd64 n"}, "x86_64"); err != nil || s == nil {
			b.Fatal(s, err)
		}
	}
}

func FuzzParseMedium(f *testing.F) {
	f.Add(descriptor("Debian 12.5.0 amd64 n", ""))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = ParseMedium(data) })
}
