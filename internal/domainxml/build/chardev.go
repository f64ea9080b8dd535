package build

import "libvirt.org/go/libvirtxml"

// pty is what the service can open.
func pty() *libvirtxml.DomainChardevSource {
	return &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}}
}

// makeSerial makes a serial port: the machine's own unless another model is
// asked for.
func makeSerial(d *Device) (any, error) {
	if _, err := oneOf("type", d.Type, "pty"); err != nil {
		return nil, err
	}
	if d.Model == "" {
		return &libvirtxml.DomainSerial{Source: pty()}, nil
	}
	card, err := oneOf("model", d.Model, "isa-serial", "pci-serial", "usb-serial")
	if err != nil {
		return nil, err
	}
	return &libvirtxml.DomainSerial{Source: pty(), Target: &libvirtxml.DomainSerialTarget{Type: card}}, nil
}

// makeConsole makes a paravirtual console.
func makeConsole(d *Device) (any, error) {
	if _, err := oneOf("type", d.Type, "pty"); err != nil {
		return nil, err
	}
	return &libvirtxml.DomainConsole{Source: pty(), Target: &libvirtxml.DomainConsoleTarget{Type: "virtio"}}, nil
}

// The names of channels that mean something.
const (
	agentChannel = "org.qemu.guest_agent.0"
	spiceChannel = "com.redhat.spice.0"
)

// makeChannel makes a channel of the guest agent, or of the display's agent,
// which is SPICE's or QEMU's own.
func makeChannel(d *Device) (any, error) {
	usual := "unix"
	if d.Name == spiceChannel {
		usual = "spicevmc"
	}
	kind, err := oneOf("type", d.Type, usual, "unix", "spicevmc", "qemu-vdagent")
	if err != nil {
		return nil, err
	}
	name, source := spiceChannel, &libvirtxml.DomainChardevSource{}
	switch kind {
	case "unix":
		name = agentChannel
		source.UNIX = &libvirtxml.DomainChardevSourceUNIX{}
	case "spicevmc":
		source.SpiceVMC = &libvirtxml.DomainChardevSourceSpiceVMC{}
	default:
		source.QEMUVDAgent = &libvirtxml.DomainChardevSourceQEMUVDAgent{
			ClipBoard: &libvirtxml.DomainChardevSourceQEMUVDAgentClipBoard{CopyPaste: "yes"},
		}
	}
	if d.Name != "" && kind == "unix" {
		name = d.Name
	}
	if kind != "unix" && d.Name != "" && d.Name != spiceChannel {
		return nil, invalid("A channel of the type “%s” is called “%s”.", kind, spiceChannel)
	}
	return &libvirtxml.DomainChannel{
		Source: source, Target: &libvirtxml.DomainChannelTarget{VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: name}},
	}, nil
}

// makeRedirection makes a place for a USB device of whoever looks at a SPICE
// display.
func makeRedirection(*Device) (any, error) {
	return &libvirtxml.DomainRedirDev{
		Bus: "usb", Source: &libvirtxml.DomainChardevSource{SpiceVMC: &libvirtxml.DomainChardevSourceSpiceVMC{}},
	}, nil
}
