package build

import (
	"path/filepath"
	"strconv"

	"libvirt.org/go/libvirtxml"
)

func makeSound(d *Device) (any, error) {
	card, err := oneOf("model", d.Model, "ich9", "virtio", "ich6", "ich7", "ac97", "es1370", "sb16", "usb")
	return &libvirtxml.DomainSound{Model: card}, err
}

func makeController(d *Device) (any, error) {
	if d.Type == "" {
		return nil, invalid("A controller needs a “type”: scsi, usb, virtio-serial, sata or pci.")
	}
	kind, err := oneOf("type", d.Type, "scsi", "usb", "virtio-serial", "sata", "pci")
	if err != nil {
		return nil, err
	}
	usual := map[string]string{"scsi": "virtio-scsi", "usb": "qemu-xhci", "pci": "pcie-root-port"}
	card := d.Model
	if card == "" {
		card = usual[kind]
	}
	return &libvirtxml.DomainController{Type: kind, Model: card}, nil
}

func makeTPM(d *Device) (any, error) {
	card, err := oneOf("model", d.Model, "tpm-crb", "tpm-tis", "tpm-spapr")
	if err != nil {
		return nil, err
	}
	if _, err := oneOf("backend", d.Backend, "emulator"); err != nil {
		return nil, err
	}
	version, err := oneOf("version", d.Version, "2.0", "1.2")
	if err != nil {
		return nil, err
	}
	return &libvirtxml.DomainTPM{Model: card, Backend: &libvirtxml.DomainTPMBackend{
		Emulator: &libvirtxml.DomainTPMBackendEmulator{Version: version},
	}}, nil
}

func makeRNG(d *Device) (any, error) {
	card, err := oneOf("model", d.Model, "virtio")
	if err != nil {
		return nil, err
	}
	if _, err := oneOf("backend", d.Backend, "random"); err != nil {
		return nil, err
	}
	return &libvirtxml.DomainRNG{Model: card, Backend: &libvirtxml.DomainRNGBackend{
		Random: &libvirtxml.DomainRNGBackendRandom{Device: "/dev/urandom"},
	}}, nil
}

func makeWatchdog(d *Device) (any, error) {
	card, err := oneOf("model", d.Model, "i6300esb", "itco", "ib700", "diag288")
	if err != nil {
		return nil, err
	}
	action, err := oneOf("action", d.Action, "reset", "shutdown", "poweroff", "pause", "none", "inject-nmi")
	return &libvirtxml.DomainWatchdog{Model: card, Action: action}, err
}

// makeVsock makes a socket device; without a context id, each start finds a
// free one.
func makeVsock(d *Device) (any, error) {
	cid := &libvirtxml.DomainVSockCID{Auto: "yes"}
	if d.Given["cid"] {
		if d.CID < 3 || d.CID == 1<<32-1 {
			return nil, invalid("The context id of a vsock device must be at least 3.")
		}
		cid = &libvirtxml.DomainVSockCID{Auto: "no", Address: strconv.FormatUint(uint64(d.CID), 10)}
	}
	return &libvirtxml.DomainVSock{Model: "virtio", CID: cid}, nil
}

// maxTag is what virtiofs has room for, in bytes.
const maxTag = 36

// makeShare makes a folder of the host that the guest can mount.
func makeShare(d *Device) (any, error) {
	switch {
	case d.Tag == "" || len(d.Tag) > maxTag:
		return nil, invalid("A share needs a “tag” of at most %d bytes, by which the guest mounts it.", maxTag)
	case !filepath.IsAbs(d.Source):
		return nil, invalid("A share needs the absolute path of a folder as its “source”.")
	}
	share := libvirtxml.DomainFilesystem{
		AccessMode: "passthrough", Driver: &libvirtxml.DomainFilesystemDriver{Type: "virtiofs"},
		Source: &libvirtxml.DomainFilesystemSource{Mount: &libvirtxml.DomainFilesystemSourceMount{Dir: d.Source}},
		Target: &libvirtxml.DomainFilesystemTarget{Dir: d.Tag},
	}
	if d.ReadOnly {
		share.ReadOnly = &libvirtxml.DomainFilesystemReadOnly{}
	}
	return &share, nil
}

func makeInput(d *Device) (any, error) {
	kind, err := oneOf("type", d.Type, "tablet", "keyboard", "mouse")
	if err != nil {
		return nil, err
	}
	bus, err := oneOf("bus", d.Bus, "usb", "virtio")
	return &libvirtxml.DomainInput{Type: kind, Bus: bus}, err
}

func makePanic(d *Device) (any, error) {
	card, err := oneOf("model", d.Model, "isa", "pvpanic", "pseries", "hyperv", "s390")
	return &libvirtxml.DomainPanic{Model: card}, err
}

func makeBalloon(d *Device) (any, error) {
	card, err := oneOf("model", d.Model, "virtio")
	return &libvirtxml.DomainMemBalloon{Model: card}, err
}
