package domainxml

import (
	"reflect"
	"testing"
)

func TestWhatAStartNeeds(t *testing.T) {
	t.Parallel()
	got, err := ParseStartNeeds(`<domain type='kvm'><name>web</name><memory unit='MiB'>64</memory>
<os><loader type='pflash'>/fw/code.fd</loader><nvram template='/fw/vars.fd'>/nvram/web.fd</nvram></os>
<devices>
<disk type='file' device='disk'><source file='/a &amp; b.qcow2'/><target dev='vda'/></disk>
<disk type='block' device='disk'><source dev='/dev/vg/lv'/><target dev='vdb'/></disk>
<disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vdc'/></disk>
<disk type='file' device='cdrom'><target dev='sda'/></disk>
<disk type='file' device='cdrom'><source file='/may/be.iso' startupPolicy='optional'/><target dev='sdb'/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='p/v'/><target dev='vdd'/></disk>
</devices></domain>`)
	if err != nil {
		t.Fatal(err)
	}
	want := StartNeeds{
		Name: "web", KVM: true, Memory: 64 << 20, Loader: "/fw/code.fd", NVRAM: "/nvram/web.fd", NVRAMTemplate: "/fw/vars.fd",
		Disks: []DiskNeed{{ID: "disk-vda", Target: "vda", Path: "/a & b.qcow2"}, {ID: "disk-vdb", Target: "vdb", Path: "/dev/vg/lv"}, {ID: "disk-vdc", Target: "vdc", Pool: "p", Volume: "v"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, err := ParseStartNeeds(`<domain type='qemu'><os firmware='efi'/></domain>`); err != nil || !got.UEFI || got.KVM {
		t.Errorf("firmware that libvirt chooses: %+v, %v", got, err)
	}
}
