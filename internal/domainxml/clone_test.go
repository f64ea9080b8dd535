package domainxml

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestWhatIsNotChangedIsWrittenAsItWas(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/vm/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "") {
		doc := []byte(`<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>a &amp; &lt;b&gt; "c" 'd' ü</name>
<description>two
lines</description><metadata><x:y xmlns:x="urn:x"><x:z a="&#10;1"/></x:y><plain xmlns="urn:p"><q/></plain></metadata>
<qemu:commandline><qemu:arg value='-x'/></qemu:commandline></domain>`)
		if file != "" {
			if doc, err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := parseRaw(string(doc), "domain")
		if err != nil {
			t.Fatal(err)
		}
		written, err := raw.document()
		if err != nil {
			t.Fatal(err)
		}
		before, err := parse(string(doc), "domain")
		if err != nil {
			t.Fatal(err)
		}
		after, err := parse(written, "domain")
		if err != nil {
			t.Fatalf("%s: %v:\n%s", file, err, written)
		}
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s is another document:\n%s", file, written)
		}
	}
}

func TestACloneHasWhatOnlyOneVMCanHaveOfItsOwn(t *testing.T) {
	t.Parallel()
	const uuid = "33333333-0000-4000-8000-000000000000"
	macs := 0
	got, err := CloneDomain(`<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>old</name><uuid>11111111-0000-4000-8000-000000000000</uuid><genid>22222222-0000-4000-8000-000000000000</genid><title>The old one</title>
<description>Kept</description>
<metadata><t:template xmlns:t='`+TemplateNamespace+`'/><k:tags xmlns:k='`+Namespace+`'><k:tag>web</k:tag></k:tags></metadata>
<os><type arch='x86_64'>hvm</type><loader type='pflash'>/fw/code.fd</loader><nvram template='/fw/vars.fd'>/nvram/old.fd</nvram></os>
<sysinfo type='smbios'><system><entry name='uuid'>11111111-0000-4000-8000-000000000000</entry><entry name='serial'>S</entry></system></sysinfo>
<devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/p/old.img'/><backingStore/><target dev='vda'/></disk>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='p' volume='data'/><target dev='vdb'/></disk>
<disk type='file' device='cdrom'><source file='/p/cd.iso'/><target dev='sda'/><readonly/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lan'/></interface>
<interface type='network'><mac address='52:54:00:00:00:02'/><source network='lan'/></interface>
<graphics type='vnc' port='5901' autoport='no' passwd='secret'/>
<vsock model='virtio'><cid auto='no' address='7'/></vsock>
<channel type='unix'><source mode='bind' path='/var/lib/libvirt/qemu/channel/target/domain-old/a'/><target type='virtio' name='a'/></channel>
<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
</devices>
<qemu:commandline><qemu:arg value='-nothing'/></qemu:commandline></domain>`, Clone{
		Name: "new & <shiny>", UUID: uuid,
		MAC: func() string { macs++; return fmt.Sprintf("52:54:00:ff:ff:%02x", macs) },
		Images: map[string]DiskImage{
			"vda": {Path: "/p/new.qcow2", Volume: "new.qcow2", Format: "qcow2"},
			"vdb": {Path: "/p/new-vdb", Volume: "new-vdb", Format: "qcow2"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	vm, err := ParseVM("", got)
	if err != nil {
		t.Fatalf("%v:\n%s", err, got)
	}
	if vm.Name != "new & <shiny>" || vm.UUID != uuid || vm.Title != "" || vm.Description != "Kept" || vm.Template || len(vm.Tags) != 1 {
		t.Errorf("it is %q, %s, %q, %q, template %v, tags %v", vm.Name, vm.UUID, vm.Title, vm.Description, vm.Template, vm.Tags)
	}
	if d := vm.Disks; d[0].Source != "/p/new.qcow2" || d[0].Format != "qcow2" || d[1].Volume != "new-vdb" || d[1].Pool != "p" || d[2].Source != "/p/cd.iso" {
		t.Errorf("its disks are %+v, %+v, %+v", d[0], d[1], d[2])
	}
	if i := vm.Interfaces; i[0].MAC != "52:54:00:ff:ff:01" || i[1].MAC != "52:54:00:ff:ff:02" {
		t.Errorf("its cards are %+v, %+v", i[0], i[1])
	}
	if g := vm.Graphics[0]; g.Port != 0 || !g.AutoPort || !g.HasPassword {
		t.Errorf("its screen is %+v", g)
	}
	for _, left := range []string{"11111111", "22222222", "/nvram/old.fd", "domain-old", "<backingStore type", "address=\"7\""} {
		if strings.Contains(got, left) {
			t.Errorf("%s is left:\n%s", left, got)
		}
	}
	for _, kept := range []string{"<genid></genid>", "<backingStore></backingStore>", "template=\"/fw/vars.fd\"", "qemu:arg", "tpm-crb", ">S<"} {
		if !strings.Contains(got, kept) {
			t.Errorf("%s is missing:\n%s", kept, got)
		}
	}
}

func TestWhichDisksACloneNeedsCopiesOf(t *testing.T) {
	t.Parallel()
	doc := func(disk string) string { return "<domain><name>a</name><devices>" + disk + "</devices></domain>" }
	got, err := OwnDisks(doc(`<disk type='file' device='disk'><source file='/a'/><target dev='vda'/></disk>
<disk type='file' device='disk'><source file='/b'/><target dev='vdb'/><readonly/></disk>
<disk type='file' device='disk'><source file='/c'/><target dev='vdc'/><shareable/></disk>
<disk type='file' device='cdrom'><source file='/d'/><target dev='sda'/></disk>
<disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vdd'/></disk>`))
	want := []OwnDisk{{ID: "disk-vda", Target: "vda", Path: "/a"}, {ID: "disk-vdd", Target: "vdd", Pool: "p", Volume: "v"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := OwnDisks(doc(`<disk type='network' device='disk'><source protocol='rbd' name='p/v'/><target dev='vda'/></disk>`)); err == nil {
		t.Error("a disk that nobody can copy was taken")
	}
}

func TestAVolumeIsDescribedAndRead(t *testing.T) {
	t.Parallel()
	xml, err := CopyXML("a & b", "qcow2", 1<<30, &ImageFacts{Path: "/p/base", Format: "raw"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseImage(xml); err != nil || got != (ImageFacts{Name: "a & b", Format: "qcow2", Capacity: 1 << 30, Backing: "/p/base"}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
