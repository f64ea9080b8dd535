// Package build makes the XML of one device out of a caller's specification,
// with libvirtxml: each kind has a configurator. What is left out is libvirt's
// to choose: addresses, indexes, ports.
package build

import (
	"encoding/xml"
	"maps"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Device is a device as a caller specifies it.
type Device = model.DeviceSpec

// configurator is what a kind of device can be made of.
type configurator struct {
	keys string // those that may be given besides kind
	make func(*Device) (any, error)
}

// configurators is every kind that can be added. A host's device is none of
// them: it needs a right of its own.
var configurators = map[model.DeviceKind]configurator{
	model.KindDisk:       {"source pool volume format bus target cache discard serial read-only shareable boot-index", makeDisk},
	model.KindCDROM:      {"source pool volume format bus target boot-index", makeDisk},
	model.KindFloppy:     {"source pool volume format bus target boot-index", makeDisk},
	model.KindInterface:  {"type network-name bridge host-device mode mac model link-down mtu boot-index port-forwards", makeInterface},
	model.KindGraphics:   {"type listen", makeGraphics},
	model.KindVideo:      {"model video-memory heads accel-3d", makeVideo},
	model.KindSound:      {"model", makeSound},
	model.KindController: {"type model", makeController},
	model.KindSerial:     {"type model", makeSerial},
	model.KindConsole:    {"type", makeConsole},
	model.KindChannel:    {"type name", makeChannel},
	model.KindTPM:        {"model backend version", makeTPM},
	model.KindRNG:        {"model backend", makeRNG},
	model.KindWatchdog:   {"model action", makeWatchdog},
	model.KindVsock:      {"cid", makeVsock},
	model.KindShare:      {"source tag read-only", makeShare},
	model.KindInput:      {"type bus", makeInput},
	model.KindPanic:      {"model", makePanic},
	model.KindUSBRedir:   {"", makeRedirection},
}

// onlyNew is every kind that a VM has from its beginning or never.
var onlyNew = map[model.DeviceKind]configurator{
	model.KindBalloon: {"model", makeBalloon},
}

// Kinds is the kinds of devices that can be added.
func Kinds() []model.DeviceKind { return slices.Sorted(maps.Keys(configurators)) }

// Keys is the keys that may be given for a kind of device, besides kind.
func Keys(kind model.DeviceKind) []string { return strings.Fields(configurators[kind].keys) }

// XML is the element of a device that a caller adds. Errors are InvalidArgument.
func XML(d *Device) (string, error) {
	c, ok := configurators[d.Kind]
	if !ok {
		return "", invalid("A device of this kind cannot be added.")
	}
	allowed := append(strings.Fields(c.keys), "kind")
	for _, key := range slices.Sorted(maps.Keys(d.Given)) {
		if !slices.Contains(allowed, key) {
			return "", invalid("The key “%s” cannot be given for a device of the kind “%s”.", key, string(d.Kind))
		}
	}
	element, err := c.element(d)
	if err != nil {
		return "", err
	}
	out, err := xml.Marshal(element)
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "The device cannot be written.")
	}
	return string(out), nil
}

// Append puts a device into a new VM's. Errors are InvalidArgument.
func Append(list *libvirtxml.DomainDeviceList, d *model.Device) error {
	c, ok := configurators[d.Kind]
	if !ok {
		c, ok = onlyNew[d.Kind]
	}
	if !ok {
		return invalid("A new virtual machine cannot have a device of this kind.")
	}
	element, err := c.element(&Device{Device: *d})
	if err != nil {
		return err
	}
	return put(list, element)
}

func (c configurator) element(d *Device) (any, error) {
	if err := model.ValidateDevice(&d.Device); err != nil {
		return nil, invalid("%s", err)
	}
	return c.make(d)
}

// put puts an element where it belongs.
func put(list *libvirtxml.DomainDeviceList, element any) error {
	switch e := element.(type) {
	case *libvirtxml.DomainDisk:
		list.Disks = append(list.Disks, *e)
	case *libvirtxml.DomainInterface:
		list.Interfaces = append(list.Interfaces, *e)
	case *libvirtxml.DomainGraphic:
		list.Graphics = append(list.Graphics, *e)
	case *libvirtxml.DomainVideo:
		list.Videos = append(list.Videos, *e)
	case *libvirtxml.DomainSound:
		list.Sounds = append(list.Sounds, *e)
	case *libvirtxml.DomainController:
		list.Controllers = append(list.Controllers, *e)
	case *libvirtxml.DomainSerial:
		list.Serials = append(list.Serials, *e)
	case *libvirtxml.DomainConsole:
		list.Consoles = append(list.Consoles, *e)
	case *libvirtxml.DomainChannel:
		list.Channels = append(list.Channels, *e)
	case *libvirtxml.DomainTPM:
		list.TPMs = append(list.TPMs, *e)
	case *libvirtxml.DomainRNG:
		list.RNGs = append(list.RNGs, *e)
	case *libvirtxml.DomainWatchdog:
		list.Watchdogs = append(list.Watchdogs, *e)
	case *libvirtxml.DomainVSock:
		list.VSock = e
	case *libvirtxml.DomainFilesystem:
		list.Filesystems = append(list.Filesystems, *e)
	case *libvirtxml.DomainInput:
		list.Inputs = append(list.Inputs, *e)
	case *libvirtxml.DomainPanic:
		list.Panics = append(list.Panics, *e)
	case *libvirtxml.DomainRedirDev:
		list.RedirDevs = append(list.RedirDevs, *e)
	case *libvirtxml.DomainMemBalloon:
		list.MemBalloon = e
	default:
		return errs.New(errs.Internal, "The service does not know where a %T belongs.", element)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return errs.New(errs.InvalidArgument, format, args...)
}

// oneOf gives the value, or the first of the words when there is none.
func oneOf(key, value string, words ...string) (string, error) {
	if value == "" {
		return words[0], nil
	}
	if !slices.Contains(words, value) {
		return "", invalid("The key “%s” must be one of %s, not “%s”.", key, strings.Join(words, ", "), value)
	}
	return value, nil
}
