package domainxml

import (
	"fmt"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/model"
)

// appendDevice adds a device of a new VM to its definition.
func appendDevice(list *libvirtxml.DomainDeviceList, d *model.Device) error {
	switch d.Kind {
	case model.KindDisk, model.KindCDROM:
		list.Disks = append(list.Disks, newDisk(d))
	case model.KindInterface:
		list.Interfaces = append(list.Interfaces, newInterface(d))
	case model.KindGraphics:
		list.Graphics = append(list.Graphics, libvirtxml.DomainGraphic{VNC: &libvirtxml.DomainGraphicVNC{
			Listeners: []libvirtxml.DomainGraphicListener{{}}, // of the type none: no port is open
		}})
	case model.KindVideo:
		list.Videos = append(list.Videos, libvirtxml.DomainVideo{Model: libvirtxml.DomainVideoModel{Type: d.Model, Heads: uint(d.Heads)}})
	case model.KindSerial:
		list.Serials = append(list.Serials, libvirtxml.DomainSerial{Source: &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}}})
	case model.KindChannel:
		list.Channels = append(list.Channels, newChannel(d))
	case model.KindInput:
		list.Inputs = append(list.Inputs, libvirtxml.DomainInput{Type: d.Type, Bus: d.Bus})
	case model.KindBalloon:
		list.MemBalloon = &libvirtxml.DomainMemBalloon{Model: d.Model}
	case model.KindRNG:
		list.RNGs = append(list.RNGs, libvirtxml.DomainRNG{Model: d.Model, Backend: &libvirtxml.DomainRNGBackend{
			Random: &libvirtxml.DomainRNGBackendRandom{Device: d.Source},
		}})
	case model.KindTPM:
		list.TPMs = append(list.TPMs, libvirtxml.DomainTPM{Model: d.Model, Backend: &libvirtxml.DomainTPMBackend{
			Emulator: &libvirtxml.DomainTPMBackendEmulator{Version: d.Version},
		}})
	case model.KindController:
		list.Controllers = append(list.Controllers, libvirtxml.DomainController{Type: d.Type, Model: d.Model})
	default:
		return fmt.Errorf("cannot write a device of the kind %q", d.Kind)
	}
	return nil
}

func newDisk(d *model.Device) libvirtxml.DomainDisk {
	disk := libvirtxml.DomainDisk{
		Device: string(d.Kind),
		Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: d.Format, Discard: d.Discard},
		Target: &libvirtxml.DomainDiskTarget{Dev: d.Target, Bus: d.Bus},
		Source: &libvirtxml.DomainDiskSource{},
		Boot:   newBoot(d),
	}
	if d.Type == "block" {
		disk.Source.Block = &libvirtxml.DomainDiskSourceBlock{Dev: d.Source}
	} else {
		disk.Source.File = &libvirtxml.DomainDiskSourceFile{File: d.Source}
	}
	if d.ReadOnly {
		disk.ReadOnly = &libvirtxml.DomainDiskReadOnly{}
	}
	return disk
}

func newInterface(d *model.Device) libvirtxml.DomainInterface {
	i := libvirtxml.DomainInterface{
		MAC:    &libvirtxml.DomainInterfaceMAC{Address: d.MAC},
		Source: &libvirtxml.DomainInterfaceSource{},
		Model:  &libvirtxml.DomainInterfaceModel{Type: d.Model},
		Boot:   newBoot(d),
	}
	switch d.Type {
	case "bridge":
		i.Source.Bridge = &libvirtxml.DomainInterfaceSourceBridge{Bridge: d.Bridge}
	case "direct":
		i.Source.Direct = &libvirtxml.DomainInterfaceSourceDirect{Dev: d.HostDevice, Mode: d.Mode}
	default:
		i.Source.Network = &libvirtxml.DomainInterfaceSourceNetwork{Network: d.NetworkName}
	}
	return i
}

func newBoot(d *model.Device) *libvirtxml.DomainDeviceBoot {
	if d.BootIndex == 0 {
		return nil
	}
	return &libvirtxml.DomainDeviceBoot{Order: uint(d.BootIndex)}
}

func newChannel(d *model.Device) libvirtxml.DomainChannel {
	c := libvirtxml.DomainChannel{
		Source: &libvirtxml.DomainChardevSource{UNIX: &libvirtxml.DomainChardevSourceUNIX{}},
		Target: &libvirtxml.DomainChannelTarget{VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: d.Name}},
	}
	if d.Type == "qemu-vdagent" {
		c.Source = &libvirtxml.DomainChardevSource{QEMUVDAgent: &libvirtxml.DomainChardevSourceQEMUVDAgent{
			ClipBoard: &libvirtxml.DomainChardevSourceQEMUVDAgentClipBoard{CopyPaste: "yes"},
		}}
	}
	return c
}
