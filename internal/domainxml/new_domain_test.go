package domainxml

import (
	"reflect"
	"strings"
	"testing"

	"org.kvmmanager/internal/model"
)

const hostile = `& < > " ' 💻 שלום ]]> <!--`

// newVM has one of every device that a new VM can have.
func newVM() *model.VM {
	return &model.VM{
		UUID: "01234567-89ab-4def-8123-456789abcdef", Name: hostile, Title: hostile, Description: hostile + "\nmore", Tags: []string{hostile},
		Persistent: true, VCPUs: 2, MaxVCPUs: 2, Memory: 2 << 30, MaxMemory: 2 << 30, Architecture: "x86_64", MachineType: "q35",
		Firmware: model.FirmwareUEFI, SecureBoot: true, TPM: true, CPUMode: "host-passthrough", GuestAgent: model.AgentDisconnected,
		OSID: "http://debian.org/debian/12", OSShortID: "debian12", OSName: "Debian 12", BootOrder: []string{"disk-vda", "cdrom-sda", "interface-52:54:00:01:02:03"},
		Disks: []*model.Device{
			{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Bus: "virtio", Target: "vda", Source: "/a/" + hostile, Format: "qcow2", Discard: "unmap", BootIndex: 1},
			{ID: "disk-vdb", Kind: model.KindDisk, Type: "block", Bus: "virtio", Target: "vdb", Source: "/dev/vg/b", Format: "raw"},
			{ID: "cdrom-sda", Kind: model.KindCDROM, Type: "file", Bus: "sata", Target: "sda", Source: "/a.iso", Format: "raw", ReadOnly: true, BootIndex: 2},
		},
		Interfaces: []*model.Device{
			{ID: "interface-52:54:00:01:02:03", Kind: model.KindInterface, Type: "network", NetworkName: hostile, Model: "virtio", MAC: "52:54:00:01:02:03", BootIndex: 3},
			{ID: "interface-52:54:00:01:02:04", Kind: model.KindInterface, Type: "bridge", Bridge: "br0", Model: "e1000e", MAC: "52:54:00:01:02:04"},
			{ID: "interface-52:54:00:01:02:05", Kind: model.KindInterface, Type: "direct", HostDevice: "eth0", Mode: "bridge", Model: "virtio", MAC: "52:54:00:01:02:05"},
		},
		Graphics: []*model.Device{{ID: "graphics-vnc", Kind: model.KindGraphics, Type: "vnc", Listen: "none"}},
		Consoles: []*model.Device{{ID: "serial-0", Kind: model.KindSerial, Type: "pty"}},
		Devices: []*model.Device{
			{ID: "controller-usb", Kind: model.KindController, Type: "usb", Model: "qemu-xhci"},
			{ID: "channel-org.qemu.guest_agent.0", Kind: model.KindChannel, Type: "unix", Model: "virtio", Name: "org.qemu.guest_agent.0"},
			{ID: "channel-com.redhat.spice.0", Kind: model.KindChannel, Type: "qemu-vdagent", Model: "virtio", Name: "com.redhat.spice.0"},
			{ID: "input-tablet-usb", Kind: model.KindInput, Type: "tablet", Bus: "usb"},
			{ID: "tpm-0", Kind: model.KindTPM, Model: "tpm-crb", Backend: "emulator", Version: "2.0"},
			{ID: "video-0", Kind: model.KindVideo, Model: "virtio", Heads: 1},
			{ID: "balloon-0", Kind: model.KindBalloon, Model: "virtio"},
			{ID: "rng-0", Kind: model.KindRNG, Model: "virtio", Backend: "random", Source: "/dev/urandom"},
		},
	}
}

func TestANewDomainIsReadAsItWasMeant(t *testing.T) {
	t.Parallel()
	want := newVM()
	text, err := NewDomain(want, "kvm", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Check(text); err != nil {
		t.Fatal(err)
	}
	got, err := ParseVM("", text)
	if err != nil {
		t.Fatal(err)
	}
	want.Consoles[0].Target = got.Consoles[0].Target // libvirt numbers it
	want.Consoles[0].ID = got.Consoles[0].ID
	if !reflect.DeepEqual(got, want) {
		for i := range reflect.TypeOf(*want).NumField() {
			if g, w := reflect.ValueOf(*got).Field(i).Interface(), reflect.ValueOf(*want).Field(i).Interface(); !reflect.DeepEqual(g, w) {
				t.Errorf("%s is\n%+v, want\n%+v", reflect.TypeOf(*want).Field(i).Name, g, w)
			}
		}
	}
	for _, part := range []string{`<listen type="none">`, `<smm state="on">`, `copypaste="yes"`, `<hyperv`, `offset="localtime"`} {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %s in\n%s", part, text)
		}
	}
}

func TestAVolumeIsReadAsItWasMeant(t *testing.T) {
	t.Parallel()
	text, err := Volume(hostile, "qcow2", 5<<30)
	if err != nil {
		t.Fatal(err)
	}
	name, _, format, capacity, err := ParseVolumePlace(text)
	if err != nil || name != hostile || format != "qcow2" || capacity != 5<<30 {
		t.Errorf("got %q, %s, %d, %v", name, format, capacity, err)
	}
}
