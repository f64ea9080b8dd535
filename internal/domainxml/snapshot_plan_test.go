package domainxml

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

const (
	qcow2File   = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/p/a.qcow2'/><target dev='vda'/></disk>`
	rawFile     = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/p/b.img'/><target dev='vdb'/></disk>`
	qcow2Volume = `<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='default' volume='c'/><target dev='vdc'/></disk>`
	cdrom       = `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/p/d.iso'/><target dev='sda'/><readonly/></disk>`
)

func TestASnapshotIsOfTheKindThatIsPossible(t *testing.T) {
	t.Parallel()
	const plain, uefi = "", "<loader type='pflash'>/c</loader><nvram>/n</nvram>"
	for name, tt := range map[string]struct {
		os, disks      string
		snapshot       string
		kind           model.SnapshotKind
		active, memory bool
		want           model.SnapshotKind
		reason         string // of a refusal
	}{
		"off":                                {plain, qcow2File + cdrom, "any name", "", false, false, model.SnapshotInternal, ""},
		"with memory":                        {plain, qcow2File, "a-1_b.c", "", true, true, model.SnapshotInternal, ""},
		"without memory":                     {plain, qcow2File, "a", "", true, false, model.SnapshotExternal, ""},
		"a raw disk":                         {plain, qcow2File + rawFile, "a", "", false, false, model.SnapshotExternal, ""},
		"firmware variables":                 {uefi, qcow2File, "a", "", true, true, model.SnapshotExternal, ""},
		"a name that is more than letters":   {plain, qcow2File, "two words", "", true, true, model.SnapshotExternal, ""},
		"such a name, internal":              {plain, qcow2File, "ünï", model.SnapshotInternal, true, true, "", "letters A to Z"},
		"such a name, and a volume":          {plain, qcow2Volume, "two words", "", true, true, "", "letters A to Z"},
		"a volume, external":                 {plain, qcow2Volume, "a", model.SnapshotExternal, false, false, "", "image file"},
		"a raw disk, internal":               {plain, rawFile, "a", model.SnapshotInternal, false, false, "", "qcow2"},
		"firmware variables, internal":       {uefi, qcow2File, "a", model.SnapshotInternal, false, false, "", "UEFI"},
		"without memory, internal":           {plain, qcow2File, "a", model.SnapshotInternal, true, false, "", "memory"},
		"nothing that could be kept":         {plain, cdrom, "a", "", false, false, "", "no disk"},
		"external, though internal would do": {plain, qcow2File, "a", model.SnapshotExternal, true, true, model.SnapshotExternal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			domain := "<domain><os><type>hvm</type>" + tt.os + "</os><devices>" + tt.disks + "</devices></domain>"
			plan, err := PlanSnapshot(domain, tt.snapshot, tt.kind, tt.active, tt.memory)
			switch {
			case tt.reason != "":
				if !errs.Is(err, errs.NotSupported) || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("got %v", err)
				}
			case err != nil || plan.Kind != tt.want:
				t.Errorf("got %+v, %v", plan, err)
			}
		})
	}
}

func TestTheFilesOfASnapshotHaveNamesThatFit(t *testing.T) {
	t.Parallel()
	domain := "<domain><os><type>hvm</type></os><devices>" + strings.Replace(qcow2File, "/a.", "/"+strings.Repeat("a", 200)+".", 1) + "</devices></domain>"
	plan, err := PlanSnapshot(domain, "s", model.SnapshotExternal, true, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.XML(strings.Repeat("s", 100), "", "0123"); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("a long name: %v", err)
	}
	xml, err := plan.XML("<&>", "a\nb", "0123")
	if err != nil || !strings.Contains(xml, "<name>&lt;&amp;&gt;</name>") || !strings.Contains(xml, ".0123.mem") {
		t.Errorf("got %s, %v", xml, err)
	}
}
