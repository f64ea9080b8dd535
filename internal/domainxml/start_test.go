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

// TestAStartNeedsWhatItsDefinitionRefersTo has a reference of each kind.
func TestAStartNeedsWhatItsDefinitionRefersTo(t *testing.T) {
	t.Parallel()
	needs, err := ParseStartNeeds(`<domain type='kvm'><os><kernel>/k</kernel><initrd>/i</initrd><dtb>/d</dtb><acpi><table type='slic'>/t</table></acpi></os>
<sysinfo type='fwcfg'><entry name='opt/a' file='/f'/></sysinfo>
<devices><emulator>/e</emulator>
<disk type='nvme' device='disk'><source type='pci'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source><target dev='vda'/></disk>
<disk type='network' device='disk'><auth username='a'><secret type='ceph' usage='u'/></auth><source protocol='rbd' name='p'/><target dev='vdb'/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='p'><encryption><secret uuid='s'/></encryption></source><target dev='vdc'/></disk>
<interface type='bridge'><mac address='m1'/><source bridge='br9'/><filterref filter='nf'/><rom file='/rom'/></interface>
<interface type='direct'><mac address='m2'/><source dev='eth9'/></interface>
<interface type='user'><mac address='m3'/><backend type='passt'/></interface>
<interface type='vhostuser'><mac address='m4'/><source type='unix' path='/v' mode='client'/></interface>
<hostdev type='usb'><source><vendor id='0xdead'/><product id='0xbeef'/></source></hostdev>
<hostdev type='usb'><source startupPolicy='optional'><vendor id='0x1'/><product id='0x2'/></source></hostdev>
<hostdev type='mdev'><source><address uuid='u-1'/></source></hostdev>
<filesystem type='mount'><source dir='/share'/><target dir='tag'/></filesystem>
<serial type='dev'><source path='/tty'/><target port='0'/></serial>
<serial type='unix'><source mode='connect' path='/sock'/><target port='1'/></serial>
<serial type='unix'><source mode='bind' path='/made'/><target port='2'/></serial>
<tpm model='tpm-tis'><backend type='passthrough'><device path='/tpm'/></backend></tpm>
<rng><backend model='random'>/rng</backend></rng>
<input type='evdev'><source dev='/ev'/></input>
<graphics type='spice'><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics><graphics type='egl-headless'/>
<graphics type='vnc'><listen type='network' network='net'/></graphics>
</devices></domain>`)
	if err != nil {
		t.Fatal(err)
	}
	want := []HostNeed{
		{NeedFile, "/e", "", "emulator"},
		{NeedFile, "/k", "", "kernel"},
		{NeedFile, "/i", "", "initrd"},
		{NeedFile, "/d", "", "dtb"},
		{NeedFile, "/t", "", "ACPI table"},
		{NeedFile, "/f", "", "sysinfo"},
		{NeedPCI, "0000:01:00.0", "", "disk-vda"},
		{NeedSecret, "u", "ceph", "disk-vdb"},
		{NeedSecret, "s", "", "disk-vdc"},
		{NeedFile, "/rom", "", "interface-m1"},
		{NeedInterface, "br9", "", "interface-m1"},
		{NeedFilter, "nf", "", "interface-m1"},
		{NeedInterface, "eth9", "", "interface-m2"},
		{NeedFile, "/v", "", "interface-m4"},
		{NeedUSB, "dead:beef", "", "host-device-usb-dead:beef"},
		{NeedMdev, "u-1", "", "host-device-mdev-u-1"},
		{NeedFile, "/share", "", "share-tag"},
		{NeedFile, "/tty", "", "serial-0"},
		{NeedFile, "/sock", "", "serial-1"},
		{NeedFile, "/tpm", "", "tpm-0"},
		{NeedFile, "/rng", "", "rng-0"},
		{NeedFile, "/ev", "", "input-evdev-/ev"},
		{NeedRender, "/dev/dri/renderD128", "", "graphics-spice"},
		{NeedRender, "", "", "graphics-egl-headless"},
		{NeedNetwork, "net", "", "graphics-vnc"},
	}
	if !reflect.DeepEqual(needs.Host, want) {
		t.Errorf("got  %+v\nwant %+v", needs.Host, want)
	}
	if needs.TPM != "passthrough" || !needs.Passt {
		t.Errorf("TPM %q, passt %v", needs.TPM, needs.Passt)
	}
}
