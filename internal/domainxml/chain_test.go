package domainxml

import "testing"

func TestChains(t *testing.T) {
	t.Parallel()
	const doc = `<domain><devices>
		<disk type='file' device='disk'><driver type='qcow2'/><source file='/p/a'/><backingStore/><target dev='vda'/></disk>
		<disk type='file' device='disk'><driver type='qcow2'/><source file='/p/b'/><target dev='vdb'/></disk>
		<disk type='volume' device='disk'><driver type='qcow2'/><source pool='p' volume='c'/><target dev='vdc'/>
			<backingStore type='file'><format type='qcow2'/><source file='/p/base'/>
				<backingStore type='block'><format type='raw'/><source dev='/dev/d'/><backingStore/></backingStore></backingStore></disk>
		<disk type='file' device='disk'><driver type='qcow2'/><source file='/p/e'><dataStore type='file'><format type='raw'/><source file='/p/data'/></dataStore></source><target dev='vde'/>
			<backingStore type='file'><format type='raw'/><source file='/p/base'/></backingStore></disk>
		<disk type='file' device='cdrom'><source file='/p/f.iso'/><target dev='sda'/></disk>
		<disk type='file' device='cdrom'><target dev='sdb'/><readonly/></disk>
	</devices></domain>`
	list, err := Chains(doc)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		target string
		images []string
		ended  bool
		reads  bool
	}{
		{"vda", []string{"/p/a qcow2"}, true, false},
		{"vdb", []string{"/p/b qcow2"}, false, false},
		{"vdc", []string{"p/c qcow2", "/p/base qcow2", "/dev/d raw"}, true, false},
		{"vde", []string{"/p/e qcow2 data", "/p/base raw"}, false, false},
		{"sda", []string{"/p/f.iso "}, false, true},
	}
	if len(list) != len(want) {
		t.Fatalf("got %+v", list)
	}
	for i, w := range want {
		c := list[i]
		if c.Target != w.target || c.Ended != w.ended || c.ReadOnly != w.reads || len(c.Images) != len(w.images) {
			t.Errorf("%s is %+v", w.target, c)
			continue
		}
		for n, image := range c.Images {
			got := image.Source + " " + image.Format
			if image.Volume != "" {
				got = image.Pool + "/" + image.Volume + got
			}
			if image.DataFile {
				got += " data"
			}
			if got != w.images[n] {
				t.Errorf("image %d of %s is %q, not %q", n, w.target, got, w.images[n])
			}
		}
	}
	s, err := SnapshotChains(`<domainsnapshot><disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/><source file='/p/a.snap'/></disk>
		<disk name='vdb' snapshot='no'/></disks>` + doc + `<inactiveDomain><devices><disk type='file'><source file='/p/g'/><target dev='vda'/></disk></devices></inactiveDomain></domainsnapshot>`)
	if err != nil || len(s) != len(want)+2 || s[len(want)].Images[0].Source != "/p/g" || s[len(want)+1].Images[0].Source != "/p/a.snap" {
		t.Errorf("a snapshot has %+v, %v", s, err)
	}
}
