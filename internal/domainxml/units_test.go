package domainxml

import (
	"math"
	"testing"
)

func TestScale(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value uint64
		unit  string
		want  uint64
	}{
		{7, "b", 7},
		{7, "bytes", 7},
		{7, "KB", 7000},
		{7, "k", 7168},
		{7, "KiB", 7168},
		{7, "MiB", 7 << 20},
		{7, "MB", 7e6},
		{7, "G", 7 << 30},
		{7, "TiB", 7 << 40},
		{7, "PB", 7e15},
		{7, "E", 7 << 60},
		{15, "EiB", 15 << 60},
		{16, "EiB", math.MaxUint64},
		{math.MaxUint64, "b", math.MaxUint64},
		{math.MaxUint64, "KiB", math.MaxUint64},
		{7, "parsecs", 0},
	} {
		if got := scale(tt.value, tt.unit); got != tt.want {
			t.Errorf("%d %s are %d bytes, want %d", tt.value, tt.unit, got, tt.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]uint32{
		"0": 0, "1": 1, "4294967295": math.MaxUint32, "4294967296": 0, "-1": 0, "": 0, "x": 0, "1.5": 0, " 1": 0,
	} {
		if got := number(s); got != want {
			t.Errorf("%q is %d, want %d", s, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for xml, want := range map[string]string{
		`<address type='pci' domain='0x0000' bus='0x0a' slot='0x1f' function='0x7'/>`: "pci:0000:0a:1f.7",
		`<address type='pci'/>`:                                              "pci:0000:00:00.0",
		`<address type='pci' bus='x'/>`:                                      "",
		`<address type='usb' bus='0' port='1.4'/>`:                           "usb:0:1.4",
		`<address type='drive' controller='0' bus='1' target='2' unit='3'/>`: "drive:0:1:2:3",
		`<address type='virtio-serial' controller='0' bus='0' port='2'/>`:    "virtio-serial:0:0:2",
		`<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0001'/>`:       "ccw:0xfe:0x0:0x0001",
		`<address type='isa' iobase='0x505' irq='0x1'/>`:                     "isa:0x505",
		`<address type='spapr-vio' reg='0x30000000'/>`:                       "spapr-vio:0x30000000",
		`<address type='virtio-mmio'/>`:                                      "virtio-mmio",
		`<address/>`:                                                         "",
	} {
		n, err := parse(xml, "address")
		if err != nil {
			t.Fatal(err)
		}
		if got := address(n); got != want {
			t.Errorf("%s is %q, want %q", xml, got, want)
		}
	}
}
