package domainxml

import (
	"fmt"
	"strings"
	"testing"

	"org.kvmmanager/internal/model"
)

func TestGraphicsAndVideo(t *testing.T) {
	t.Parallel()
	for _, tt := range []deviceTest{
		{
			name: "VNC on an address, running",
			xml: `<graphics type='vnc' port='5900' autoport='yes' listen='127.0.0.1'>
				<listen type='address' address='127.0.0.1'/></graphics>`,
			want: model.Device{ID: "graphics-vnc", Kind: model.KindGraphics, Type: "vnc", Listen: "127.0.0.1", Port: 5900, AutoPort: true},
		},
		{
			name: "VNC with a port of libvirt's choice, off",
			xml:  `<graphics type='vnc' port='-1'><listen type='address'/></graphics>`,
			want: model.Device{ID: "graphics-vnc", Kind: model.KindGraphics, Type: "vnc", AutoPort: true},
		},
		{
			name: "SPICE that listens nowhere",
			xml:  `<graphics type='spice'><listen type='none'/></graphics>`,
			want: model.Device{ID: "graphics-spice", Kind: model.KindGraphics, Type: "spice", Listen: "none"},
		},
		{
			name: "VNC on a socket",
			xml:  `<graphics type='vnc'><listen type='socket' socket='/run/vnc.sock'/></graphics>`,
			want: model.Device{ID: "graphics-vnc", Kind: model.KindGraphics, Type: "vnc", Listen: "socket"},
		},
		{
			name: "VNC as old libvirt wrote it",
			xml:  `<graphics type='vnc' port='5901' autoport='no' listen='0.0.0.0'/>`,
			want: model.Device{ID: "graphics-vnc", Kind: model.KindGraphics, Type: "vnc", Listen: "0.0.0.0", Port: 5901},
		},
		{
			name: "a display on D-Bus",
			xml:  `<graphics type='dbus' p2p='yes'/>`,
			want: model.Device{ID: "graphics-dbus", Kind: model.KindGraphics, Type: "dbus"},
		},
		{
			name: "a card with 3D acceleration",
			xml: `<video><model type='virtio' heads='2' primary='yes'><acceleration accel3d='yes'/></model>
				<address type='pci' bus='0x01'/></video>`,
			want: model.Device{ID: "video-0", Kind: model.KindVideo, Model: "virtio", Heads: 2, Accel3D: true, Address: "pci:0000:01:00.0"},
		},
		{
			name: "a card with memory",
			xml:  `<video><model type='vga' vram='16384'/></video>`,
			want: model.Device{ID: "video-0", Kind: model.KindVideo, Model: "vga", VideoMemory: 16 << 20},
		},
	} {
		tt.run(t)
	}
}

func TestAPasswordIsSeenAndNotKept(t *testing.T) {
	t.Parallel()
	vm := parsedDevices(t, `<graphics type='vnc' passwd='open sesame'/>`)
	if !vm.Graphics[0].HasPassword {
		t.Error("the display has a password, and HasPassword is false")
	}
	if strings.Contains(fmt.Sprintf("%+v", vm), "sesame") {
		t.Error("the password is in the VM's values")
	}
}
