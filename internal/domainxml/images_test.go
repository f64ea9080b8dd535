package domainxml

import (
	"slices"
	"testing"
)

// wants compares images with lines of target, place, format and whether it is what
// another one is made of.
func wants(t *testing.T, got []Image, want ...[4]string) {
	t.Helper()
	var lines [][4]string
	for _, i := range got {
		base := ""
		if i.Base {
			base = "base"
		}
		place := i.Source
		if i.Volume != "" {
			place = i.Pool + "/" + i.Volume
		}
		lines = append(lines, [4]string{i.Target, place, i.Format, base})
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got %v\nwant %v", lines, want)
	}
}

const imagesDisk = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a/top' index='3'><dataStore type='block'><format type='raw'/><source dev='/dev/data'/></dataStore></source>
<backingStore type='volume' index='2'><format type='qcow2'/><source pool='p' volume='v'/><backingStore type='file'><format type='raw'/><source file='/a/base'/><backingStore/></backingStore></backingStore>
<mirror type='file' job='copy'><format type='raw'/><source file='/a/mirror'/></mirror><target dev='vda'/></disk>`

func TestImagesAreAllThatADiskNeeds(t *testing.T) {
	t.Parallel()
	got, err := Images(`<domain><devices>` + imagesDisk + `<disk type='file' device='cdrom'><target dev='sda'/></disk><disk type='file'><source file='/b'/><target dev='vdb'/></disk></devices></domain>`)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, got,
		[4]string{"vda", "/a/top", "qcow2", ""}, [4]string{"vda", "/dev/data", "raw", "base"}, [4]string{"vda", "p/v", "qcow2", "base"},
		[4]string{"vda", "/a/base", "raw", "base"}, [4]string{"vda", "/a/mirror", "raw", "base"}, [4]string{"vdb", "/b", "", ""})
}

func TestASnapshotNeedsWhatTheVMHadAndWhatWasMade(t *testing.T) {
	t.Parallel()
	disk := func(file string) string {
		return `<devices><disk type='file'><driver type='qcow2'/><source file='` + file + `'/><target dev='vda'/></disk></devices>`
	}
	got, err := SnapshotImages(`<domainsnapshot><memory snapshot='external' file='/a/m.mem'/>
<disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/><source file='/a/top.s'/></disk><disk name='vdb' snapshot='no'/></disks>
<domain>` + disk("/a/top") + `</domain><inactiveDomain>` + disk("/a/next") + `</inactiveDomain></domainsnapshot>`)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, got, [4]string{"vda", "/a/top", "qcow2", ""}, [4]string{"vda", "/a/next", "qcow2", ""}, [4]string{"vda", "/a/top.s", "qcow2", ""}, [4]string{"", "/a/m.mem", "memory", ""})
}
