package store

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"org.kvmmanager/internal/model"
)

// Surroundings is what a host has that devices can be connected to.
type Surroundings struct {
	Networks []*model.Network
	Pools    []*model.StoragePool
	Volumes  []*model.StorageVolume
}

var kinds = map[model.DeviceKind]string{
	model.KindDisk: mark("Disk"), model.KindCDROM: mark("CD drive"), model.KindFloppy: mark("Floppy drive"), model.KindInterface: mark("Network card"),
	model.KindGraphics: mark("Display"), model.KindShare: mark("Shared folder"),
	model.KindVideo: mark("Video card"), model.KindSerial: mark("Serial port"), model.KindParallel: mark("Parallel port"), model.KindConsole: mark("Console"),
	model.KindChannel: mark("Channel"), model.KindController: mark("Controller"), model.KindInput: mark("Input"), model.KindSound: mark("Sound card"),
	model.KindTPM: mark("TPM"), model.KindRNG: mark("Random numbers"), model.KindWatchdog: mark("Watchdog"), model.KindVsock: mark("VM socket"),
	model.KindPanic: mark("Crash notification"), model.KindBalloon: mark("Memory balloon"), model.KindHostDevice: mark("Host device"),
	model.KindUSBRedir: mark("USB redirection"), model.KindSmartcard: mark("Smartcard reader"), model.KindIOMMU: mark("IOMMU"), model.KindMemory: mark("Memory module"),
}

// DeviceKind is what people call a kind of device.
func (w Words) DeviceKind(kind model.DeviceKind) string { return lookUp(w, kinds, kind) }

// Addable is the kinds of devices that can be added, the usual first.
var Addable = []model.DeviceKind{
	model.KindDisk, model.KindCDROM, model.KindInterface, model.KindShare, model.KindGraphics, model.KindVideo, model.KindSound,
	model.KindInput, model.KindTPM, model.KindRNG, model.KindChannel, model.KindSerial, model.KindConsole, model.KindUSBRedir,
	model.KindWatchdog, model.KindPanic, model.KindVsock, model.KindController, model.KindFloppy,
}

var addHints = map[model.DeviceKind]string{
	model.KindDisk:     mark("A volume of a storage pool that the guest can write to"),
	model.KindCDROM:    mark("For media that can be changed while the guest runs"),
	model.KindFloppy:   mark("Only for old machine types"),
	model.KindShare:    mark("A folder of the host, which the guest mounts by its tag"),
	model.KindGraphics: mark("A screen. It opens no port: it is shown through the service"),
	model.KindInput:    mark("A tablet keeps the pointer of the guest at that of the window"),
	model.KindTPM:      mark("Keeps keys of the guest, in software"),
	model.KindRNG:      mark("Gives the guest random numbers of the host"),
	model.KindChannel:  mark("Lets an agent in the guest talk with the host"),
	model.KindWatchdog: mark("Acts when the guest hangs"),
	model.KindPanic:    mark("Lets the guest say that it has crashed"),
	model.KindVsock:    mark("Sockets between the guest and the host, without a network"),
	model.KindUSBRedir: mark("For a USB device of whoever looks at a SPICE display"),
}

// AddHint says what a kind of device is good for; empty where its name says it.
func (w Words) AddHint(kind model.DeviceKind) string { return w.text(addHints[kind]) }

// AddForm is what to ask for a new device.
func (w Words) AddForm(kind model.DeviceKind, vm *model.VM, s Surroundings) Form {
	return Form{Title: w.DeviceKind(kind), Hint: w.AddHint(kind), Fields: w.translated(addFields(w, kind, vm, s))}
}

// translated is the fields with their labels in the user's language.
func (w Words) translated(fields []Field) []Field {
	for i := range fields {
		fields[i].Label = w.text(fields[i].Label)
		if i := i; fields[i].Kind == FieldChoice && fields[i].as != typeVolume {
			fields[i].Choices = slices.Clone(fields[i].Choices)
			for k := range fields[i].Choices {
				fields[i].Choices[k].Label = w.text(fields[i].Choices[k].Label)
			}
		}
	}
	return fields
}

// plainChoices are words of the hypervisor, which people look up as they are.
func plainChoices(words ...string) []Choice {
	list := make([]Choice, len(words))
	for i, word := range words {
		list[i] = Choice{word, word}
	}
	return list
}

// choice is a field with words of which the first is usual.
func choice(key, label string, choices []Choice) Field {
	f := Field{Key: key, Label: label, Choices: choices}
	if len(choices) > 0 {
		f.Usual = choices[0].Value
	}
	return f
}

var (
	cacheField   = choice("cache", mark("Cache"), []Choice{{"", mark("As the hypervisor likes")}, {"none", "none"}, {"writeback", "writeback"}, {"writethrough", "writethrough"}, {"directsync", "directsync"}, {"unsafe", "unsafe"}})
	discardField = choice("discard", mark("Blocks That the Guest Frees"), []Choice{{"", mark("As the hypervisor likes")}, {"unmap", mark("Give back to the host")}, {"ignore", mark("Keep")}})
	modelField   = choice("model", mark("Model"), plainChoices("virtio", "e1000e", "e1000", "rtl8139", "igb", "vmxnet3"))
	linkField    = Field{Key: "link-down", Label: mark("Cable Unplugged"), Kind: FieldSwitch}
)

func addFields(w Words, kind model.DeviceKind, vm *model.VM, s Surroundings) []Field {
	switch kind {
	case model.KindDisk:
		discard := discardField
		discard.Usual = "unmap"
		return append(imageFields(w, vm, s, nil, forDisk),
			choice("bus", mark("Bus"), plainChoices("virtio", "scsi", "sata", "usb")), cacheField, discard,
			Field{Key: "serial", Label: mark("Serial Number"), Kind: FieldText},
			Field{Key: "read-only", Label: mark("Read-Only"), Kind: FieldSwitch},
			Field{Key: "shareable", Label: mark("Shared With Other Virtual Machines"), Kind: FieldSwitch})
	case model.KindCDROM:
		return append(imageFields(w, vm, s, nil, forDrive), choice("bus", mark("Bus"), plainChoices("sata", "scsi", "usb")))
	case model.KindFloppy:
		return imageFields(w, vm, s, nil, forDrive)
	case model.KindInterface:
		return append(connectionFields(s, true), modelField, Field{Key: "mac", Label: mark("MAC Address, empty for a new one"), Kind: FieldText}, linkField,
			Field{Key: "mtu", Label: mark("Largest Packet in Bytes, 0 for the usual"), Kind: FieldNumber, Most: 65535, as: typeU})
	default:
		return slices.Clone(simpleFields[kind])
	}
}

var simpleFields = map[model.DeviceKind][]Field{
	model.KindGraphics: {choice("type", mark("Protocol"), []Choice{{"vnc", "VNC"}, {"spice", "SPICE"}})},
	model.KindVideo: {
		choice("model", mark("Model"), plainChoices("virtio", "qxl", "vga", "bochs", "cirrus", "ramfb", "none")),
		{Key: "heads", Label: mark("Screens"), Kind: FieldNumber, Least: 1, Most: 16, Usual: "1", as: typeU},
	},
	model.KindSound: {choice("model", mark("Model"), plainChoices("ich9", "virtio", "ich6", "ac97", "es1370", "sb16", "usb"))},
	model.KindInput: {
		choice("type", mark("Type"), []Choice{{"tablet", mark("Tablet")}, {"keyboard", mark("Keyboard")}, {"mouse", mark("Mouse")}}),
		choice("bus", mark("Bus"), plainChoices("usb", "virtio")),
	},
	model.KindTPM: {
		choice("model", mark("Model"), plainChoices("tpm-crb", "tpm-tis")), choice("version", mark("Version"), plainChoices("2.0", "1.2")),
	},
	model.KindChannel: {choice("type", mark("For"), []Choice{
		{"unix", mark("The guest agent")}, {"qemu-vdagent", mark("The clipboard of a VNC display")}, {"spicevmc", mark("The agent of a SPICE display")},
	})},
	model.KindSerial: {choice("model", mark("Model"), plainChoices("isa-serial", "pci-serial", "usb-serial"))},
	model.KindWatchdog: {
		choice("model", mark("Model"), plainChoices("i6300esb", "itco", "ib700")),
		choice("action", mark("When the Guest Hangs"), []Choice{
			{"reset", mark("Restart it")}, {"shutdown", mark("Ask it to shut down")}, {"poweroff", mark("Turn it off")}, {"pause", mark("Pause it")}, {"inject-nmi", mark("Send it an interrupt")}, {"none", mark("Do nothing")},
		}),
	},
	model.KindPanic:      {choice("model", mark("Model"), plainChoices("isa", "pvpanic", "hyperv"))},
	model.KindVsock:      {{Key: "cid", Label: mark("Context Id, 0 for any"), Kind: FieldNumber, Most: 1<<32 - 2, as: typeU}},
	model.KindController: {choice("type", mark("Type"), plainChoices("scsi", "usb", "virtio-serial", "sata", "pci"))},
	model.KindShare: {
		{Key: "source", Label: mark("Folder on the Host"), Kind: FieldText, Needed: true},
		{Key: "tag", Label: mark("Tag"), Kind: FieldText, Needed: true},
		{Key: "read-only", Label: mark("Read-Only"), Kind: FieldSwitch},
	},
}

// connectionFields ask what a network card is connected to. A change knows
// networks and bridges only.
func connectionFields(s Surroundings, all bool) []Field {
	var networks []Choice
	for _, n := range s.Networks {
		networks = append(networks, Choice{n.Name, n.Name})
	}
	slices.SortFunc(networks, func(a, b Choice) int { return cmp.Compare(a.Value, b.Value) })
	types := []Choice{{"network", mark("Virtual network")}, {"bridge", mark("Bridge of the host")}}
	if all {
		types = append(types, Choice{"direct", mark("Card of the host (macvtap)")}, Choice{"user", mark("The user's own network")})
	}
	to := choice("type", mark("Connected To"), types)
	if len(networks) == 0 {
		to.Usual = "bridge"
	}
	to.private = !all
	network := choice("network-name", mark("Network"), networks)
	network.When, network.Needed = map[string]string{"type": "network"}, true
	fields := []Field{to, network, {Key: "bridge", Label: mark("Bridge"), Kind: FieldText, When: map[string]string{"type": "bridge"}, Needed: true}}
	if !all {
		return fields
	}
	direct := map[string]string{"type": "direct"}
	mode := choice("mode", mark("Mode"), plainChoices("bridge", "vepa", "private", "passthrough"))
	mode.When = direct
	forwards := forwardsField()
	forwards.When = map[string]string{"type": "user"}
	return append(fields, forwards, Field{Key: "host-device", Label: mark("Card of the Host"), Kind: FieldText, When: direct, Needed: true}, mode)
}

// sizeKey is what a form calls the size of a disk, which has a method of its
// own.
const sizeKey = "size"

const gibibyte = 1 << 30

func sizeField(key string, least uint64) Field {
	return Field{Key: key, Label: mark("Size"), Kind: FieldSize, Least: least, Most: 65536 * gibibyte}
}

// ChangeForm is what can be changed about a device, and what it has now. There
// are no fields if nothing can.
func (w Words) ChangeForm(d *model.Device, s Surroundings) (Form, Values) {
	f := Form{Title: w.DeviceKind(d.Kind)}
	now := Values{}
	switch d.Kind {
	case model.KindDisk:
		f.Fields = []Field{cacheField, discardField}
		now["cache"], now["discard"] = d.Cache, d.Discard
		if d.Capacity > 0 && !d.ReadOnly {
			f.Fields = append([]Field{sizeField(sizeKey, d.Capacity)}, f.Fields...)
			now[sizeKey] = strconv.FormatUint(d.Capacity, 10)
		}
	case model.KindCDROM, model.KindFloppy:
		f.Fields = imageFields(w, nil, s, d, forDrive)
		now = f.Start()
	case model.KindInterface:
		f.Fields = append(connectionFields(s, false), modelField, linkField)
		now["type"], now["network-name"], now["bridge"], now["model"] = "network", d.NetworkName, d.Bridge, d.Model
		switch {
		case d.NetworkName != "": // the bridge is the network's
			now["bridge"] = ""
		case d.Bridge != "":
			now["type"] = "bridge"
		default: // another kind of connection stays as it is
			f.Fields, now = []Field{modelField, linkField}, Values{"model": d.Model}
			if d.Type == "user" {
				f.Fields = append(f.Fields, forwardsField())
				now[forwardsKey] = joinForwards(d.PortForwards)
			}
		}
		if d.LinkDown {
			now["link-down"] = "true"
		}
	}
	f.Fields = w.translated(slices.Clone(f.Fields))
	return f, now
}

// DeviceFacts is what to know of a device, in rows.
func (w Words) DeviceFacts(d *model.Device) []Fact {
	facts := w.facts()
	facts.add(mark("Type"), d.Type)
	facts.add(mark("Model"), d.Model)
	facts.add(mark("Name"), cmp.Or(d.Name, d.Tag))
	facts.add(mark("Image"), cmp.Or(d.Source, strings.Trim(d.Pool+"/"+d.Volume, "/")))
	facts.add(mark("Format"), d.Format)
	if d.Capacity > 0 {
		facts.add(mark("Size"), w.Size(d.Capacity))
	}
	facts.add(mark("Bus"), d.Bus)
	facts.add(mark("Device"), d.Target)
	facts.add(mark("Network"), cmp.Or(d.NetworkName, d.Bridge, d.HostDevice))
	facts.add(mark("MAC Address"), d.MAC)
	facts.add(mark("Forwarded Ports"), w.forwards(d))
	facts.add(mark("Addresses"), strings.Join(d.IPAddresses, "\n"))
	if d.Port > 0 {
		facts.add(mark("Listens On"), fmt.Sprintf("%s:%d", d.Listen, d.Port))
	}
	facts.add(mark("Version"), d.Version)
	facts.add(mark("State"), d.State)
	facts.add(mark("Address"), d.Address)
	return facts.list
}

// fixed are the kinds that a VM keeps.
var fixed = []model.DeviceKind{model.KindBalloon, model.KindIOMMU, model.KindMemory, model.KindOther, model.KindParallel, model.KindSmartcard}

// CanRemove says whether it makes sense to take a device away.
func CanRemove(d *model.Device) bool {
	return !slices.Contains(fixed, d.Kind) && !(d.Kind == model.KindController && (d.Type == "pci" || d.Type == "sata"))
}
