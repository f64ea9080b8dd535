package build

import (
	"path/filepath"
	"strconv"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/model"
)

// diskBuses are the buses of each kind of drive, the usual one first.
var diskBuses = map[model.DeviceKind][]string{
	model.KindDisk:   {"virtio", "scsi", "sata", "usb", "ide"},
	model.KindCDROM:  {"sata", "scsi", "usb", "ide"},
	model.KindFloppy: {"fdc"},
}

// DiskBus is the bus that a drive gets. An empty one is the usual bus.
func DiskBus(d *Device) (string, error) { return oneOf("bus", d.Bus, diskBuses[d.Kind]...) }

// DiskPrefix is how names of drives on a bus begin.
func DiskPrefix(bus string) string {
	switch bus {
	case "virtio":
		return "vd"
	case "ide":
		return "hd"
	case "fdc":
		return "fd"
	default:
		return "sd"
	}
}

// makeDisk makes a drive. Its target, and the path of its volume, are known by
// then; Type says whether that is a file or a block device.
func makeDisk(d *Device) (any, error) {
	bus, err := DiskBus(d)
	if err != nil {
		return nil, err
	}
	driver, err := diskDriver(d)
	if err != nil {
		return nil, err
	}
	if d.Kind == model.KindDisk && d.Source == "" && d.Volume == "" {
		return nil, invalid("A disk needs a volume: give “pool” and “volume”.")
	}
	if (d.Pool == "") != (d.Volume == "") || d.Volume != "" && d.Given["source"] {
		return nil, invalid("Name either “pool” and “volume” or a “source”.")
	}
	source, err := diskSource(d)
	if err != nil {
		return nil, err
	}
	target := d.Target
	if target == "" {
		target = DiskPrefix(bus) + "a"
	}
	disk := libvirtxml.DomainDisk{
		Device: string(d.Kind), Driver: driver, Source: source,
		Target: &libvirtxml.DomainDiskTarget{Dev: target, Bus: bus}, Serial: d.Serial, Boot: bootOf(d),
	}
	if d.Inspected && d.Source != "" && d.Type != "network" {
		disk.BackingStore = backingStore(d.Layers)
	}
	if d.ReadOnly || d.Kind == model.KindCDROM {
		disk.ReadOnly = &libvirtxml.DomainDiskReadOnly{}
	}
	if d.Shareable {
		disk.Shareable = &libvirtxml.DomainDiskShareable{}
	}
	return &disk, nil
}

// backingStore names what an image is a layer over, and that there is no more:
// libvirt and QEMU then follow nothing that the image itself names.
func backingStore(layers []model.Layer) *libvirtxml.DomainDiskBackingStore {
	if len(layers) == 0 {
		return &libvirtxml.DomainDiskBackingStore{}
	}
	b := &libvirtxml.DomainDiskBackingStore{
		Format: &libvirtxml.DomainDiskFormat{Type: layers[0].Format}, Source: &libvirtxml.DomainDiskSource{},
		BackingStore: backingStore(layers[1:]),
	}
	if layers[0].Block {
		b.Source.Block = &libvirtxml.DomainDiskSourceBlock{Dev: layers[0].Path}
	} else {
		b.Source.File = &libvirtxml.DomainDiskSourceFile{File: layers[0].Path}
	}
	return b
}

func diskSource(d *Device) (*libvirtxml.DomainDiskSource, error) {
	switch {
	case d.Type == "network":
		return webSource(d.Source)
	case d.Source != "" && !filepath.IsAbs(d.Source):
		return nil, invalid("The source must be an absolute path.")
	case d.Type == "block":
		return &libvirtxml.DomainDiskSource{Block: &libvirtxml.DomainDiskSourceBlock{Dev: d.Source}}, nil
	default:
		return &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: d.Source}}, nil
	}
}

// webSource is a medium on a web server, which QEMU reads. libvirt wants the
// path decoded, and the port in any case: otherwise the running VM would show
// another one than the stored.
func webSource(address string) (*libvirtxml.DomainDiskSource, error) {
	a, err := model.ParseMediumAddress(address)
	if err != nil {
		return nil, invalid("%s", err)
	}
	return &libvirtxml.DomainDiskSource{Network: &libvirtxml.DomainDiskSourceNetwork{
		Protocol: a.Scheme, Name: a.Path,
		Hosts: []libvirtxml.DomainDiskSourceHost{{Name: a.Host, Port: strconv.Itoa(int(a.Port))}},
	}}, nil
}

func diskDriver(d *Device) (*libvirtxml.DomainDiskDriver, error) {
	usual := "qcow2"
	if d.Kind != model.KindDisk {
		usual = "raw"
	}
	format, err := oneOf("format", d.Format, usual, "raw", "qcow2")
	if err != nil {
		return nil, err
	}
	driver := &libvirtxml.DomainDiskDriver{Name: "qemu", Type: format}
	if d.Cache != "" {
		if driver.Cache, err = oneOf("cache", d.Cache, "default", "none", "writeback", "writethrough", "directsync", "unsafe"); err != nil {
			return nil, err
		}
	}
	if d.Discard != "" {
		if driver.Discard, err = oneOf("discard", d.Discard, "unmap", "ignore"); err != nil {
			return nil, err
		}
	}
	return driver, nil
}

func bootOf(d *Device) *libvirtxml.DomainDeviceBoot {
	if d.BootIndex == 0 {
		return nil
	}
	return &libvirtxml.DomainDeviceBoot{Order: uint(d.BootIndex)}
}
