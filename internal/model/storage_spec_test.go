package model

import (
	"strings"
	"testing"
)

func TestVolumeNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, wrong string }{
		{"web.qcow2", ""},
		{"<&>\"' ünï 🐧 שלום", ""},
		{strings.Repeat("é", 127) + "x", ""},
		{strings.Repeat("x", 256), "too long"},
		{"", "empty"},
		{".", "“..”"},
		{"..", "“..”"},
		{"../../etc/passwd", "slash"},
		{"a/b", "slash"},
		{" a", "space"},
		{"a\nb", "control"},
		{"a\x00b", "control"},
		{"\xff", "UTF-8"},
	} {
		check(t, ValidateVolumeName(tt.name), tt.wrong)
		if len(tt.name) < MaxPoolName {
			check(t, ValidatePoolName(tt.name), tt.wrong)
		}
	}
}

func TestPoolSpecs(t *testing.T) {
	t.Parallel()
	const secret = "01234567-89ab-4def-8123-456789abcdef"
	for _, tt := range []struct {
		wrong string
		spec  PoolSpec
	}{
		{"", PoolSpec{Kind: "dir"}},
		{"", PoolSpec{Kind: "dir", Target: "/srv/<&>\"' 🐧"}},
		{"", PoolSpec{Kind: "fs", SourceDevices: []string{"/dev/sdb1"}, SourceFormat: "ext4", Build: true}},
		{"", PoolSpec{Kind: "netfs", SourceHosts: []string{"nas.example.org"}, SourcePath: "/export", SourceFormat: "nfs"}},
		{"", PoolSpec{Kind: "logical"}},
		{"", PoolSpec{Kind: "logical", SourceName: "vg", SourceDevices: []string{"/dev/sdb", "/dev/sdc"}, Build: true, Overwrite: true}},
		{"", PoolSpec{Kind: "disk", SourceDevices: []string{"/dev/sdb"}, SourceFormat: "gpt"}},
		{"", PoolSpec{Kind: "iscsi", SourceHosts: []string{"[::1]:3260"}, SourceName: "iqn.2026-01.org.example:disk", Initiator: "iqn.x", User: "u", Secret: secret}},
		{"", PoolSpec{Kind: "rbd", SourceHosts: []string{"a:6789", "b"}, SourceName: "rbd"}},
		{"", PoolSpec{Kind: "zfs", SourceName: "tank"}},
		{"kind “scsi?”", PoolSpec{Kind: "scsi\u202e"}},
		{"kind “”", PoolSpec{}},
		{"needs “source-devices”", PoolSpec{Kind: "fs"}},
		{"exactly one", PoolSpec{Kind: "disk", SourceDevices: []string{"/dev/a", "/dev/b"}}},
		{"needs “source-path”", PoolSpec{Kind: "netfs", SourceHosts: []string{"x"}}},
		{"one server", PoolSpec{Kind: "netfs", SourceHosts: []string{"x", "y"}, SourcePath: "/"}},
		{"has no “source-name”", PoolSpec{Kind: "dir", SourceName: "x"}},
		{"absolute", PoolSpec{Kind: "dir", Target: "images"}},
		{"“..”", PoolSpec{Kind: "dir", Target: "/srv/../etc"}},
		{"control", PoolSpec{Kind: "dir", Target: "/srv/\n"}},
		{"too long", PoolSpec{Kind: "dir", Target: "/" + strings.Repeat("x", 5000)}},
		{"no name or address", PoolSpec{Kind: "netfs", SourceHosts: []string{"-oProxy"}, SourcePath: "/"}},
		{"port", PoolSpec{Kind: "rbd", SourceHosts: []string{"x:99999"}, SourceName: "y"}},
		{"dash", PoolSpec{Kind: "zfs", SourceName: "-R"}},
		{"user needs", PoolSpec{Kind: "rbd", SourceHosts: []string{"x"}, SourceName: "y", User: "admin"}},
		{"UUID", PoolSpec{Kind: "rbd", SourceHosts: []string{"x"}, SourceName: "y", User: "admin", Secret: "password"}},
		{"nothing to build", PoolSpec{Kind: "dir", Build: true}},
		{"can overwrite", PoolSpec{Kind: "disk", SourceDevices: []string{"/dev/sdb"}, Overwrite: true}},
		{"needs “source-devices”", PoolSpec{Kind: "logical", Build: true}},
		{"source-format", PoolSpec{Kind: "fs", SourceDevices: []string{"/dev/sdb"}, Build: true}},
	} {
		tt.spec.Name = "tank"
		check(t, ValidatePoolSpec(&tt.spec), tt.wrong)
	}
	check(t, ValidatePoolSpec(&PoolSpec{Name: "a/b", Kind: "dir"}), "slash")
}

func TestWhereAPoolAppears(t *testing.T) {
	t.Parallel()
	for want, spec := range map[string]PoolSpec{
		"/var/lib/libvirt/images/a": {Name: "a", Kind: "dir"},
		"/dev/a":                    {Name: "a", Kind: "logical"},
		"/dev/vg":                   {Name: "a", Kind: "logical", SourceName: "vg"},
		"/dev":                      {Name: "a", Kind: "disk"},
		"":                          {Name: "a", Kind: "rbd"},
	} {
		if got := spec.DefaultTarget(); got != want {
			t.Errorf("a %s is at %q, not %q", spec.Kind, got, want)
		}
	}
}

func TestVolumeSpecs(t *testing.T) {
	t.Parallel()
	size := func(n uint64) *uint64 { return &n }
	for _, tt := range []struct {
		wrong, pool string
		spec        VolumeSpec
	}{
		{"", "dir", VolumeSpec{Format: "qcow2", Capacity: 1 << 30, Allocation: size(0)}},
		{"", "dir", VolumeSpec{Backing: "/x"}},
		{"", "dir", VolumeSpec{FD: new(FD)}},
		{"", "logical", VolumeSpec{Capacity: 1, Format: "raw"}},
		{"", "gluster", VolumeSpec{Capacity: 1, Format: "qcow2"}},
		{"have no format", "logical", VolumeSpec{Capacity: 1, Format: "qcow2"}},
		{"cannot have the format", "dir", VolumeSpec{Capacity: 1, Format: "iso"}},
		{"capacity", "dir", VolumeSpec{}},
		{"at most", "dir", VolumeSpec{Capacity: 1 << 63}},
		{"more room", "dir", VolumeSpec{Capacity: 1, Allocation: size(2)}},
		{"made of a file", "dir", VolumeSpec{FD: new(FD), Format: "raw"}},
		{"made of a file", "dir", VolumeSpec{FD: new(FD), Backing: "/x"}},
	} {
		tt.spec.Name = "a"
		check(t, ValidateVolumeSpec(&tt.spec, tt.pool), tt.wrong)
	}
	check(t, ValidateVolumeSpec(&VolumeSpec{Name: "..", Capacity: 1}, "dir"), "“..”")
}
