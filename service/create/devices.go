package create

import (
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// spareSlots is how many empty PCI Express slots a machine has besides those of
// its own devices: without them nothing could be added while it runs.
const spareSlots = 8

// letters are the prefixes of disk names; buses not in it say sd.
var letters = map[string]string{"virtio": "vd", "ide": "hd"}

// addDisk gives a disk the next name of its bus.
func (p *Plan) addDisk(d *model.Device) {
	prefix := letters[d.Bus]
	if prefix == "" {
		prefix = "sd"
	}
	used := 0
	for _, other := range p.vm.Disks {
		if strings.HasPrefix(other.Target, prefix) {
			used++
		}
	}
	d.Target = prefix + letter(used)
	d.ID = string(d.Kind) + "-" + d.Target
	if d.Kind == model.KindDisk && d.Format == "qcow2" {
		d.Discard = "unmap" // what the guest deletes becomes free on the host
	}
	p.vm.Disks = append(p.vm.Disks, d)
}

// letter counts as disks do: a to z, then aa.
func letter(n int) string {
	if n < 26 {
		return string(rune('a' + n))
	}
	return letter(n/26-1) + letter(n%26)
}

// addDevices gives the machine what every one has, and the boot order.
func (p *Plan) addDevices() {
	virtio := p.vm.Interfaces == nil || p.vm.Interfaces[0].Model == "virtio"
	p.vm.Graphics = []*model.Device{{Kind: model.KindGraphics, Type: "vnc", Listen: "none"}}
	p.vm.Consoles = []*model.Device{{Kind: model.KindSerial, Type: "pty"}}
	devices := []*model.Device{
		{Kind: model.KindController, Type: "usb", Model: "qemu-xhci"},
		{Kind: model.KindChannel, Type: "unix", Model: "virtio", Name: "org.qemu.guest_agent.0"},
		{Kind: model.KindInput, Type: "tablet", Bus: "usb"},
		{Kind: model.KindVideo, Model: p.videoModel(virtio), Heads: 1},
		{Kind: model.KindBalloon, Model: "virtio"},
		{Kind: model.KindRNG, Model: "virtio", Backend: "random", Source: "/dev/urandom"},
	}
	if slices.Contains(p.caps.ChannelTypes, "qemu-vdagent") {
		devices = append(devices, &model.Device{Kind: model.KindChannel, Type: "qemu-vdagent", Model: "virtio", Name: "com.redhat.spice.0"})
	}
	if p.vm.TPM {
		devices = append(devices, &model.Device{Kind: model.KindTPM, Model: p.tpmModel(), Backend: "emulator", Version: "2.0"})
	}
	if strings.Contains(p.vm.MachineType, "q35") {
		devices = append(devices, &model.Device{Kind: model.KindController, Type: "pci", Model: "pcie-root"})
		for range spareSlots {
			devices = append(devices, &model.Device{Kind: model.KindController, Type: "pci", Model: "pcie-root-port"})
		}
	}
	p.vm.Devices = devices
	p.setBootOrder()
}

// videoModel is one that the system has a driver for. Every firmware can show
// something on all of them.
func (p *Plan) videoModel(virtio bool) string {
	want := "vga"
	if virtio {
		want = "virtio"
	}
	if have := p.caps.VideoModels; len(have) > 0 && !slices.Contains(have, want) {
		return have[0]
	}
	return want
}

func (p *Plan) tpmModel() string {
	if have := p.caps.TPMModels; len(have) > 0 && !slices.Contains(have, "tpm-crb") {
		return have[0]
	}
	return "tpm-crb"
}

// setBootOrder has the disk come first: as long as nothing is installed there,
// the firmware goes on to the medium or the network by itself, and afterwards
// the new system starts without anybody's help.
func (p *Plan) setBootOrder() {
	order := p.bootable(model.KindDisk)
	switch p.Spec.Source.Kind {
	case model.SourceISO, model.SourceURL:
		order = append(order, p.bootable(model.KindCDROM)...)
	case model.SourcePXE:
		order = append(order, p.vm.Interfaces[:min(1, len(p.vm.Interfaces))]...)
	}
	for i, d := range order {
		d.BootIndex = uint32(i + 1)
	}
}

// bootable is the first disk of this kind.
func (p *Plan) bootable(kind model.DeviceKind) []*model.Device {
	for _, d := range p.vm.Disks {
		if d.Kind == kind {
			return []*model.Device{d}
		}
	}
	return nil
}
