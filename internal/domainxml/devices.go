package domainxml

import (
	"strconv"

	"org.kvmmanager/internal/model"
)

// converter fills a device from its element and returns what tells it from
// others of its kind: its own name, or nothing when its place must do.
type converter func(n *node, d *model.Device) (name string)

// entry says what becomes of an element of a domain's devices.
type entry struct {
	kind    model.DeviceKind
	convert converter
}

// converters is every element that has a converter. An element without one is
// listed as KindOther, so that nothing a VM has stays unseen.
var converters = map[string]entry{
	"disk":       {model.KindDisk, convertDisk},
	"interface":  {model.KindInterface, convertInterface},
	"graphics":   {model.KindGraphics, convertGraphics},
	"video":      {model.KindVideo, convertVideo},
	"serial":     {model.KindSerial, convertSerial},
	"parallel":   {model.KindParallel, convertSerial},
	"console":    {model.KindConsole, convertSerial},
	"channel":    {model.KindChannel, convertChannel},
	"filesystem": {model.KindShare, convertShare},
	"controller": {model.KindController, convertController},
	"input":      {model.KindInput, convertInput},
	"sound":      {model.KindSound, convertModel},
	"tpm":        {model.KindTPM, convertTPM},
	"rng":        {model.KindRNG, convertRNG},
	"watchdog":   {model.KindWatchdog, convertWatchdog},
	"vsock":      {model.KindVsock, convertVsock},
	"panic":      {model.KindPanic, convertModel},
	"memballoon": {model.KindBalloon, convertModel},
	"hostdev":    {model.KindHostDevice, convertHostDevice},
	"redirdev":   {model.KindUSBRedir, convertRedirection},
	"smartcard":  {model.KindSmartcard, convertSmartcard},
	"iommu":      {model.KindIOMMU, convertModel},
	"memory":     {model.KindMemory, convertMemory},
}

// noDevices are elements beside the devices that the guest has nothing of: the
// hypervisor's program, its sound output, and a filter for redirection.
var noDevices = map[string]bool{"emulator": true, "audio": true, "redirfilter": true}

// setDevices fills the VM's lists of devices, each in the order of the XML, and
// what follows from them.
func setDevices(vm *model.VM, devices *node) {
	elements := deviceElements(devices)
	reserve(vm, elements)
	c := conversion{placed: map[model.DeviceKind]int{}, used: map[string]bool{}}
	for _, n := range elements {
		d := c.device(n)
		list := listOf(vm, d.Kind)
		*list = append(*list, d)
	}
	vm.TPM = c.placed[model.KindTPM] > 0
	vm.GuestAgent = guestAgent(vm.Devices)
}

// deviceElements returns the elements that are devices, without the console that
// is a serial port, and those that say that there is no such device.
func deviceElements(devices *node) []*node {
	if devices == nil {
		return nil
	}
	elements := make([]*node, 0, len(devices.children))
	serials := devices.has("serial")
	for _, n := range devices.children {
		repeated := n.name == "console" && serials && repeatsSerial(n)
		if n.space == "" && !noDevices[n.name] && !repeated && !turnsOff(n) {
			elements = append(elements, n)
		}
	}
	return elements
}

// reserve gives each list the room that it needs and no more: a host has
// thousands.
func reserve(vm *model.VM, elements []*node) {
	count := map[*[]*model.Device]int{}
	for _, n := range elements {
		count[listOf(vm, entryFor(n).kind)]++
	}
	for list, n := range count {
		*list = make([]*model.Device, 0, n)
	}
}

func entryFor(n *node) entry {
	if e, ok := converters[n.name]; ok {
		return e
	}
	return entry{model.KindOther, convertOther}
}

// conversion is what one VM's devices have to share.
type conversion struct {
	placed map[model.DeviceKind]int
	used   map[string]bool
}

// device converts one element. A converter may narrow the kind (a disk is a
// CD-ROM drive), never so that it belongs to another list.
func (c *conversion) device(n *node) *model.Device {
	e := entryFor(n)
	d := &model.Device{
		Kind:      e.kind,
		Alias:     n.find("alias").attr("name"),
		Address:   address(n.find("address")),
		BootIndex: number(n.find("boot").attr("order")),
	}
	name := e.convert(n, d)
	if name == "" {
		name = strconv.Itoa(c.placed[d.Kind])
	}
	c.placed[d.Kind]++
	d.ID = uniqueID(string(d.Kind)+"-"+name, c.used)
	return d
}

// uniqueID adds -2, -3, … to an id that is taken.
func uniqueID(id string, used map[string]bool) string {
	unique := id
	for i := 2; used[unique]; i++ {
		unique = id + "-" + strconv.Itoa(i)
	}
	used[unique] = true
	return unique
}

// listOf is the VM's list that holds devices of this kind.
func listOf(vm *model.VM, kind model.DeviceKind) *[]*model.Device {
	switch kind {
	case model.KindDisk, model.KindCDROM, model.KindFloppy:
		return &vm.Disks
	case model.KindInterface:
		return &vm.Interfaces
	case model.KindGraphics:
		return &vm.Graphics
	case model.KindSerial, model.KindConsole:
		return &vm.Consoles
	case model.KindShare:
		return &vm.Shares
	default:
		return &vm.Devices
	}
}

// deviceLists is all lists of devices, in the order in which people name them.
func deviceLists(vm *model.VM) []*[]*model.Device {
	return []*[]*model.Device{&vm.Disks, &vm.Interfaces, &vm.Graphics, &vm.Consoles, &vm.Shares, &vm.Devices}
}
