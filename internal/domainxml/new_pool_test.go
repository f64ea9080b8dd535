package domainxml

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"org.kvmmanager/internal/model"
)

// goldenXML compares a document with testdata/NAME.xml, or writes it.
func goldenXML(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".xml")
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, name+".xml"); got+"\n" != want {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

func TestNewPoolsOfEachKind(t *testing.T) {
	t.Parallel()
	const secret = "01234567-89ab-4def-8123-456789abcdef"
	for name, spec := range map[string]model.PoolSpec{
		"dir":          {Kind: "dir"},
		"dir-target":   {Kind: "dir", Target: "/srv/" + hostile},
		"fs":           {Kind: "fs", SourceDevices: []string{"/dev/sdb1"}, SourceFormat: "ext4"},
		"netfs":        {Kind: "netfs", SourceHosts: []string{"nas.example.org"}, SourcePath: "/export/" + hostile, SourceFormat: "nfs", Target: "/mnt/nas"},
		"logical":      {Kind: "logical"},
		"logical-made": {Kind: "logical", SourceName: "vg", SourceDevices: []string{"/dev/sdb", "/dev/sdc"}},
		"disk":         {Kind: "disk", SourceDevices: []string{"/dev/sdb"}, SourceFormat: "gpt"},
		"iscsi": {
			Kind: "iscsi", SourceHosts: []string{"[2001:db8::1]:3260"}, SourceName: "iqn.2026-01.org.example:disk", Initiator: "iqn.2026-01.org.example:here",
			User: hostile, Secret: secret,
		},
		"rbd": {Kind: "rbd", SourceHosts: []string{"a.example.org:6789", "b.example.org"}, SourceName: "rbd", User: "admin", Secret: secret},
		"zfs": {Kind: "zfs", SourceName: "tank", SourceDevices: []string{"/dev/sdb"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec.Name = hostile
			if spec.Kind == "logical" || spec.Kind == "dir" && spec.Target == "" {
				spec.Name = "tank" // its name is a part of a path
			}
			if err := model.ValidatePoolSpec(&spec); err != nil {
				t.Fatal(err)
			}
			text, err := NewPool(&spec)
			if err != nil {
				t.Fatal(err)
			}
			goldenXML(t, "new-pool/"+name, text)
			read, err := ParsePool(text)
			if err != nil || read.Name != spec.Name || read.Kind != spec.Kind || spec.Target != "" && read.Target != spec.Target {
				t.Errorf("it reads as %+v, %v", read, err)
			}
		})
	}
}

func TestNewVolumes(t *testing.T) {
	t.Parallel()
	size := func(n uint64) *uint64 { return &n }
	for name, spec := range map[string]NewVolume{
		"raw":       {Format: "raw"},
		"raw-whole": {Format: "raw", Allocation: size(1 << 30)},
		"qcow2":     {Format: "qcow2"},
		"overlay":   {Format: "qcow2", Base: &ImageFacts{Path: "/images/" + hostile, Format: "raw"}},
		"no-format": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec.Name, spec.Capacity = hostile, 1<<30
			text, err := NewVolumeXML(spec)
			if err != nil {
				t.Fatal(err)
			}
			goldenXML(t, "new-volume/"+name, text)
			v, err := ParseVolume(text)
			if err != nil || v.Name != hostile || v.Capacity != 1<<30 || v.Format != spec.Format {
				t.Errorf("it reads as %+v, %v", v, err)
			}
		})
	}
}

func TestOnlyKindsThatTheHostSupportsCount(t *testing.T) {
	t.Parallel()
	kinds, err := ParsePoolKinds(`<storagepoolCapabilities><pool type='dir' supported='yes'><volOptions/></pool>
		<pool type='rbd' supported='no'/><pool type='netfs' supported='yes'/></storagepoolCapabilities>`)
	if err != nil || !slices.Equal(kinds, []string{"dir", "netfs"}) {
		t.Errorf("they are %v, %v", kinds, err)
	}
	if _, err := ParsePoolKinds("<pool/>"); err == nil {
		t.Error("something else was read")
	}
}
