package build

import (
	"encoding/xml"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

func spec(d model.Device, given ...string) *Device {
	keys := map[string]bool{"kind": true}
	for _, key := range given {
		keys[key] = true
	}
	return &Device{Device: d, Given: keys}
}

func TestEachKindIsWrittenAsItsGoldenFileSays(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*Device{
		"disk":             spec(model.Device{Kind: model.KindDisk, Pool: "default", Volume: "a", Source: "/a & b <c>.qcow2", Target: "vdb", Discard: "unmap", Serial: "1"}),
		"disk-block":       spec(model.Device{Kind: model.KindDisk, Type: "block", Source: "/dev/vg/lv", Format: "raw", Bus: "scsi", Target: "sda", Shareable: true, ReadOnly: true, BootIndex: 2}),
		"cdrom-web":        spec(model.Device{Kind: model.KindCDROM, Type: "network", Source: "https://a.example/x%20%26%3Cb%3E%22'/%25.iso"}),
		"cdrom-web-ipv6":   spec(model.Device{Kind: model.KindCDROM, Type: "network", Source: "http://[2001:db8::1]:8080/x.iso"}),
		"cdrom-empty":      spec(model.Device{Kind: model.KindCDROM}),
		"floppy":           spec(model.Device{Kind: model.KindFloppy, Source: "/a.img"}),
		"interface":        spec(model.Device{Kind: model.KindInterface, NetworkName: "de<fault", MAC: "52:54:00:AA:bb:cc", MTU: 1400}),
		"interface-bridge": spec(model.Device{Kind: model.KindInterface, Bridge: "br0", Model: "e1000e", LinkDown: true}),
		"interface-direct": spec(model.Device{Kind: model.KindInterface, HostDevice: "eth0"}),
		"interface-user":   spec(model.Device{Kind: model.KindInterface, Type: "user"}),
		"interface-forwards": spec(model.Device{Kind: model.KindInterface, Type: "user", PortForwards: []model.PortForward{
			{Protocol: "tcp", HostPort: 2222, GuestPort: 22},
			{Protocol: "udp", HostPort: 5000, HostPortEnd: 5009, Address: "2001:DB8::1"},
		}}),
		"vnc":             spec(model.Device{Kind: model.KindGraphics}),
		"spice":           spec(model.Device{Kind: model.KindGraphics, Type: "spice"}),
		"video":           spec(model.Device{Kind: model.KindVideo, VideoMemory: 16 << 20, Heads: 2, Accel3D: true}),
		"sound":           spec(model.Device{Kind: model.KindSound}),
		"controller":      spec(model.Device{Kind: model.KindController, Type: "scsi"}),
		"serial":          spec(model.Device{Kind: model.KindSerial}),
		"serial-usb":      spec(model.Device{Kind: model.KindSerial, Model: "usb-serial"}),
		"console":         spec(model.Device{Kind: model.KindConsole}),
		"channel-agent":   spec(model.Device{Kind: model.KindChannel}),
		"channel-spice":   spec(model.Device{Kind: model.KindChannel, Name: spiceChannel}),
		"channel-vdagent": spec(model.Device{Kind: model.KindChannel, Type: "qemu-vdagent"}),
		"tpm":             spec(model.Device{Kind: model.KindTPM}),
		"rng":             spec(model.Device{Kind: model.KindRNG}),
		"watchdog":        spec(model.Device{Kind: model.KindWatchdog, Action: "poweroff"}),
		"vsock":           spec(model.Device{Kind: model.KindVsock}),
		"vsock-cid":       spec(model.Device{Kind: model.KindVsock, CID: 7}, "cid"),
		"share":           spec(model.Device{Kind: model.KindShare, Source: "/srv", Tag: "files", ReadOnly: true}),
		"input":           spec(model.Device{Kind: model.KindInput}),
		"panic":           spec(model.Device{Kind: model.KindPanic}),
		"usb-redirect":    spec(model.Device{Kind: model.KindUSBRedir}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := XML(d)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".xml")
			if *update {
				if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || strings.TrimSpace(string(want)) != got {
				t.Errorf("got  %s\nwant %s (%v)", got, want, err)
			}
		})
	}
}

func TestWhatMakesNoSenseIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		d    *Device
		says string
	}{
		"an unknown kind":      {spec(model.Device{Kind: "toaster"}), "cannot be added"},
		"a host's device":      {spec(model.Device{Kind: model.KindHostDevice}), "cannot be added"},
		"a key of others":      {spec(model.Device{Kind: model.KindSound, MAC: "x"}, "mac"), "“mac”"},
		"a disk of nothing":    {spec(model.Device{Kind: model.KindDisk}), "volume"},
		"two sources":          {spec(model.Device{Kind: model.KindDisk, Source: "/a", Pool: "p", Volume: "v"}, "source"), "either"},
		"no web address":       {spec(model.Device{Kind: model.KindCDROM, Type: "network", Source: "nfs://a/x.iso"}), "https:"},
		"a relative path":      {spec(model.Device{Kind: model.KindDisk, Source: "a"}), "absolute"},
		"a bus of others":      {spec(model.Device{Kind: model.KindCDROM, Bus: "virtio"}), "“bus”"},
		"a newline":            {spec(model.Device{Kind: model.KindDisk, Source: "/a\nb"}), "control character"},
		"no network":           {spec(model.Device{Kind: model.KindInterface}), "network-name"},
		"a network and bridge": {spec(model.Device{Kind: model.KindInterface, NetworkName: "n", Bridge: "b"}), "network-name"},
		"ports of a bridge":    {spec(model.Device{Kind: model.KindInterface, Bridge: "b", PortForwards: []model.PortForward{{Protocol: "tcp", HostPort: 5000}}}), "“user”"},
		"a port of the host's": {spec(model.Device{Kind: model.KindInterface, Type: "user", PortForwards: []model.PortForward{{Protocol: "tcp", HostPort: 22}}}), "below 1024"},
		"a multicast MAC":      {spec(model.Device{Kind: model.KindInterface, NetworkName: "n", MAC: "01:00:5e:00:00:01"}), "MAC"},
		"a host's context id":  {spec(model.Device{Kind: model.KindVsock, CID: 2}, "cid"), "at least 3"},
		"a share without tag":  {spec(model.Device{Kind: model.KindShare, Source: "/srv"}), "tag"},
		"a listening display":  {spec(model.Device{Kind: model.KindGraphics, Listen: "0.0.0.0"}), "“listen”"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := XML(test.d)
			if !errs.Is(err, errs.InvalidArgument) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestANewVMCanHaveEveryKind looks that each element finds its place.
func TestANewVMCanHaveEveryKind(t *testing.T) {
	t.Parallel()
	kinds := maps.Clone(configurators)
	maps.Copy(kinds, onlyNew)
	for kind := range kinds {
		d := model.Device{Kind: kind, Source: "/srv"}
		switch kind {
		case model.KindInterface:
			d.NetworkName = "default"
		case model.KindController:
			d.Type = "usb"
		case model.KindShare:
			d.Tag = "files"
		}
		devices := &libvirtxml.DomainDeviceList{}
		if err := Append(devices, &d); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		empty, err := xml.Marshal(libvirtxml.DomainDeviceList{})
		text, fault := xml.Marshal(devices)
		if err != nil || fault != nil || len(text) <= len(empty) {
			t.Errorf("%s is not there: %s (%v)", kind, text, fault)
		}
	}
	if err := Append(&libvirtxml.DomainDeviceList{}, &model.Device{Kind: model.KindHostDevice}); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("a host's device: %v", err)
	}
	if _, err := XML(spec(model.Device{Kind: model.KindBalloon})); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("a balloon is added: %v", err)
	}
}
