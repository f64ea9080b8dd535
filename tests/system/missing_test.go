//go:build system

package system_test

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestEverythingThatADefinitionLacksIsNamed has one VM for each kind of reference
// to the host that leads nowhere. libvirt stores all of them.
func TestEverythingThatADefinitionLacksIsNamed(t *testing.T) {
	root := as(t, "root")
	const memory = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
	pci := "<source%><address domain='0x0000' bus='0x7f' slot='0x00' function='0x0'/></source>"
	network := func(more string) string { return strings.Replace(pci, "%", more, 1) }
	for name, test := range map[string]struct {
		vm       vmXML
		id, says string
	}{
		"a bridge":                 {vmXML{Devices: "<interface type='bridge'><source bridge='br9'/></interface>"}, "network", "br9"},
		"a card for macvtap":       {vmXML{Devices: "<interface type='direct'><source dev='eth9'/></interface>"}, "network", "eth9"},
		"a network":                {vmXML{Devices: "<interface type='network'><source network='gone'/></interface>"}, "network", "gone"},
		"a network filter":         {vmXML{Devices: "<interface type='network'><source network='default'/><filterref filter='gone'/></interface>"}, "network-filter", "gone"},
		"a network to listen on":   {vmXML{Devices: "<graphics type='vnc'><listen type='network' network='gone'/></graphics>"}, "network", "gone"},
		"a PCI device":             {vmXML{Devices: "<hostdev mode='subsystem' type='pci' managed='yes'>" + network("") + "</hostdev>"}, "host-device", "0000:7f:00.0"},
		"a PCI device as a card":   {vmXML{Devices: "<interface type='hostdev' managed='yes'><source><address type='pci' domain='0x0000' bus='0x7f' slot='0x00' function='0x0'/></source></interface>"}, "host-device", "0000:7f:00.0"},
		"an NVMe disk":             {vmXML{Devices: "<disk type='nvme' device='disk'>" + network(" type='pci' managed='yes' namespace='1'") + "<target dev='vda' bus='virtio'/></disk>"}, "host-device", "0000:7f:00.0"},
		"a USB device":             {vmXML{Devices: "<hostdev mode='subsystem' type='usb'><source><vendor id='0xdead'/><product id='0xbeef'/></source></hostdev>"}, "host-device", "dead:beef"},
		"a mediated device":        {vmXML{Devices: "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>"}, "host-device", "c2177883"},
		"a secret of a disk":       {vmXML{Devices: "<disk type='network' device='disk'><auth username='a'><secret type='ceph' usage='gone'/></auth><source protocol='rbd' name='p/i'><host name='mon.example'/></source><target dev='vda' bus='virtio'/></disk>"}, "secret", "gone"},
		"a secret of encryption":   {vmXML{Devices: "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/tiny.qcow2'><encryption format='luks'><secret type='passphrase' uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></encryption></source><target dev='vda' bus='virtio'/><readonly/></disk>"}, "secret", "c2177883"},
		"a pool":                   {vmXML{Devices: "<disk type='volume' device='disk'><source pool='gone' volume='a'/><target dev='vda' bus='virtio'/></disk>"}, "pool", "gone"},
		"a volume":                 {vmXML{Devices: "<disk type='volume' device='disk'><source pool='default' volume='gone'/><target dev='vda' bus='virtio'/></disk>"}, "disk", "gone"},
		"an image":                 {vmXML{Devices: "<disk type='file' device='cdrom'><source file='/var/lib/libvirt/images/gone.iso'/><target dev='sda' bus='sata'/></disk>"}, "disk", "gone.iso"},
		"a kernel":                 {vmXML{OS: "<type arch='x86_64' machine='q35'>hvm</type><kernel>/srv/gone</kernel>"}, "file", "/srv/gone"},
		"an initial RAM disk":      {vmXML{OS: "<type arch='x86_64' machine='q35'>hvm</type><kernel>/bin/true</kernel><initrd>/srv/gone</initrd>"}, "file", "/srv/gone"},
		"an ACPI table":            {vmXML{OS: "<type arch='x86_64' machine='q35'>hvm</type><acpi><table type='slic'>/srv/gone</table></acpi>"}, "file", "/srv/gone"},
		"a loader":                 {vmXML{OS: "<type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>/srv/gone</loader><nvram>/srv/vars</nvram>"}, "firmware", "/srv/gone"},
		"a template of variables":  {vmXML{OS: "<type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram template='/srv/gone'>/srv/vars</nvram>"}, "firmware", "/srv/gone"},
		"a ROM":                    {vmXML{Devices: "<interface type='user'><rom file='/srv/gone'/></interface>"}, "file", "/srv/gone"},
		"a shared folder":          {vmXML{Metadata: memory, Devices: "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv/gone'/><target dir='t'/></filesystem>"}, "file", "/srv/gone"},
		"a socket to connect to":   {vmXML{Devices: "<serial type='unix'><source mode='connect' path='/run/gone'/></serial>"}, "file", "/run/gone"},
		"a source of randomness":   {vmXML{Devices: "<rng model='virtio'><backend model='random'>/srv/gone</backend></rng>"}, "file", "/srv/gone"},
		"a place for two displays": {vmXML{Devices: "<graphics type='vnc'/><graphics type='vnc'/>"}, "display", "vnc"},
		"a card that renders":      {vmXML{Devices: "<graphics type='egl-headless'/>"}, "display", "renders"},
		"OpenGL":                   {vmXML{Devices: "<graphics type='vnc'/><video><model type='virtio'><acceleration accel3d='yes'/></model></video>"}, "display", "OpenGL"},
		"an image of its own":      {vmXML{Devices: "<disk type='file' device='disk'><source file='/var/lib/libvirt/images/x.img'/><target dev='vda' bus='virtio'/></disk><disk type='file' device='disk'><source file='/var/lib/libvirt/images/x.img'/><target dev='vdb' bus='virtio'/></disk>"}, "disk", "write to one image"},
	} {
		t.Run(name, func(t *testing.T) {
			vm := test.vm
			vm.Name = "lacks"
			path := vm.make(t, root)
			check := found(t, checkStart(t, path), test.id, "error", test.says)
			if hint, _ := check["hint"].Value().(string); check != nil && hint == "" {
				t.Errorf("it says nothing of what to do: %v", check)
			}
			if call := as(t, "root").call(path, "VM.Start", wait()); call.Err == nil {
				t.Error("it starts")
			}
		})
	}
}

// TestWhatFailsOnTheRunningVMIsNotKept adds and changes what a host does not have.
func TestWhatFailsOnTheRunningVMIsNotKept(t *testing.T) {
	useTiny(t)
	root := as(t, "root")
	root.must(tiny, "VM.Start", wait())
	openConsole(t, root).expect("tiny: ready")
	nic := root.get(tiny, "VM.Interfaces").([]map[string]dbus.Variant)[0]["id"].Value().(string)
	network := tempFile(t, "network.xml", "<network><name>asleep</name><bridge name='virbr77'/><ip address='192.0.2.1' netmask='255.255.255.0'/></network>")
	virsh(t, "net-define", network)
	t.Cleanup(func() { virsh(t, "net-undefine", "asleep") })
	live, stored := bothXMLs(t)
	for _, test := range []struct {
		method string
		args   []any
	}{
		{"AddDevice", []any{with("kind", "interface", "bridge", "br9")}},
		{"AddDevice", []any{with("kind", "interface", "host-device", "eth9")}},
		{"AddDevice", []any{with("kind", "interface", "network-name", "gone")}},
		{"AddDevice", []any{with("kind", "interface", "network-name", "asleep")}},
		{"AddDevice", []any{with("kind", "interface", "network-name", "default", "mac", strings.TrimPrefix(nic, "interface-"))}},
		{"AddDevice", []any{with("kind", "graphics", "type", "vnc")}},
		{"AddDevice", []any{with("kind", "video", "model", "virtio", "accel-3d", true)}},
		{"AddDevice", []any{with("kind", "disk", "source", "/var/lib/libvirt/images/tiny.qcow2", "format", "qcow2")}},
		{"AddDevice", []any{with("kind", "share", "source", "/srv", "tag", "t")}},
		{"AddDevice", []any{with("kind", "channel", "type", "spicevmc")}},
		{"AddDevice", []any{with("kind", "usb-redirect")}},
		{"UpdateDevice", []any{nic, with("bridge", "br9")}},
		{"UpdateDevice", []any{nic, with("network-name", "gone")}},
		{"UpdateDevice", []any{"video-0", with("model", "virtio", "accel-3d", true)}},
	} {
		for _, apply := range []string{"both", "now"} {
			call := root.call(tiny, "VM."+test.method, append(test.args, with("apply", apply))...)
			if call.Err == nil {
				t.Errorf("%s %v, %s: %v", test.method, test.args, apply, call.Body)
			}
			if nowLive, nowStored := bothXMLs(t); nowLive != live || nowStored != stored {
				t.Fatalf("%s %v, %s: something has changed:\n%s\n%s", test.method, test.args, apply, nowStored, nowLive)
			}
		}
	}
}
