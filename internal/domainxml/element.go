package domainxml

import (
	"cmp"
	"slices"
	"strconv"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Element is one device of a definition, with everything that its XML says.
type Element struct {
	model.Device
	node  *node
	place int // among the devices
}

// Devices is every device of a definition, in the order of its XML.
func Devices(doc string) ([]Element, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return nil, err
	}
	return elementsOf(dom), nil
}

// BothDevices is every device of a stored definition and of the running VM's,
// each with the id that the VM shows it by. Either document may be empty.
func BothDevices(stored, live string) (next, now []Element, err error) {
	for _, of := range []struct {
		doc  string
		list *[]Element
	}{{stored, &next}, {live, &now}} {
		if of.doc == "" {
			continue
		}
		if *of.list, err = Devices(of.doc); err != nil {
			return nil, nil, err
		}
	}
	if stored != "" && live != "" {
		adoptIDs(pointers(now), pointers(next))
	}
	return next, now, nil
}

func pointers(list []Element) []*model.Device {
	devices := make([]*model.Device, len(list))
	for i := range list {
		devices[i] = &list[i].Device
	}
	return devices
}

// WithID is the device with this id; nil when there is none.
func WithID(list []Element, id string) *Element {
	i := slices.IndexFunc(list, func(e Element) bool { return e.ID == id })
	if i < 0 {
		return nil
	}
	return &list[i]
}

func elementsOf(dom *node) []Element {
	c := conversion{placed: map[model.DeviceKind]int{}, used: map[string]bool{}}
	var list []Element
	for i, n := range deviceElements(dom.find("devices")) {
		list = append(list, Element{*c.device(n), n, i})
	}
	return list
}

// FindDevice is the device with this id; nil when there is none.
func FindDevice(doc, id string) (*Element, error) {
	list, err := Devices(doc)
	return WithID(list, id), err
}

// XML is the device's element.
func (e *Element) XML() (string, error) { return e.node.document() }

// SharesMemory says whether a guest's memory can be seen by the program behind
// a virtiofs share.
func SharesMemory(doc string) (bool, error) {
	dom, err := parse(doc, "domain")
	if err != nil {
		return false, err
	}
	return sharesMemory(dom), nil
}

// ReplaceMedium puts another medium into a drive; an empty path takes out what
// is in it. The definition names all layers of the new one.
func (e *Element) ReplaceMedium(kind, path, format string, layers []model.Layer) {
	n := e.node
	n.drop("source")
	n.drop("backingStore")
	if path == "" {
		n.set("type", "file") // a volume or an address of the network cannot be left out
		return
	}
	attribute := "file"
	if kind == "block" {
		attribute = "dev"
	} else {
		kind = "file"
	}
	n.set("type", kind)
	source := &node{name: "source"}
	source.set(attribute, path)
	n.children = append(n.children, source)
	driver := n.find("driver")
	if driver == nil {
		driver = &node{name: "driver"}
		driver.set("name", "qemu")
		n.children = append(n.children, driver)
	}
	driver.set("type", format)
	n.children = append(n.children, backingStore(layers))
}

// backingStore is the element that names the layers under an image, and that
// there are no more.
func backingStore(layers []model.Layer) *node {
	b := &node{name: "backingStore"}
	if len(layers) == 0 {
		return b
	}
	kind, attribute := "file", "file"
	if layers[0].Block {
		kind, attribute = "block", "dev"
	}
	b.set("type", kind)
	format, source := &node{name: "format"}, &node{name: "source"}
	format.set("type", layers[0].Format)
	source.set(attribute, layers[0].Path)
	b.children = []*node{format, source, backingStore(layers[1:])}
	return b
}

// Encrypted says whether the hypervisor has to decrypt a disk's image.
func (e *Element) Encrypted() bool {
	return e.node.find("encryption") != nil || e.node.find("source", "encryption") != nil
}

// Connect gives an interface another network or bridge.
func (e *Element) Connect(network, bridge string) {
	e.node.drop("source")
	source := &node{name: "source"}
	if bridge != "" {
		e.node.set("type", "bridge")
		source.set("bridge", bridge)
	} else {
		e.node.set("type", "network")
		source.set("network", network)
	}
	e.node.children = append(e.node.children, source)
	e.node.drop("virtualport") // it belongs to the old connection
}

// SetLink plugs an interface's cable in or out.
func (e *Element) SetLink(down bool) {
	e.node.drop("link")
	if down {
		link := &node{name: "link"}
		link.set("state", "down")
		e.node.children = append(e.node.children, link)
	}
}

// SetModel gives an interface another card.
func (e *Element) SetModel(card string) {
	e.node.drop("model")
	m := &node{name: "model"}
	m.set("type", card)
	e.node.children = append(e.node.children, m)
}

// SetDriver sets how a disk is cached or trimmed; an empty value is the default.
func (e *Element) SetDriver(name, value string) {
	driver := e.node.find("driver")
	if driver == nil {
		driver = &node{name: "driver"}
		e.node.children = append(e.node.children, driver)
	}
	driver.unset(name)
	if value != "" {
		driver.set(name, value)
	}
}

// SetBootOrder gives the devices with these ids the places from 1. Devices of the
// host and USB redirection that have a place and are not named keep theirs behind
// them, unless none is named at all; all others have none. The words of the old
// style of order stay in that style, or mean the first device of their kind where
// ids are given as well. What this program does not know stays as it is.
func SetBootOrder(doc string, ids []string) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", err
	}
	elements := elementsOf(dom)
	stay := keepPlaces(elements, ids)
	if len(ids) > 0 && len(stay) == 0 && !slices.ContainsFunc(ids, func(id string) bool { return legacyBoot[id] == "" }) {
		return setLegacyOrder(dom, elements, ids)
	}
	var order []*Element
	for _, id := range ids {
		e := bootDevice(elements, id)
		switch {
		case e == nil:
			return "", errs.New(errs.NotFound, "The virtual machine has no such device.")
		case slices.ContainsFunc(order, e.same):
			return "", errs.New(errs.InvalidArgument, "The device “%s” is given twice.", id)
		case !bootable(e.Kind):
			return "", errs.New(errs.InvalidArgument, "A virtual machine cannot boot from “%s”.", id)
		}
		order = append(order, e)
	}
	order = append(order, stay...)
	for i := range elements {
		if e := &elements[i]; !slices.ContainsFunc(order, e.same) {
			e.node.drop("boot")
		}
	}
	for i, e := range order {
		e.node.child("boot").set("order", strconv.Itoa(i+1))
	}
	dom.find("os").dropIn("boot")
	return dom.document()
}

// legacyBoot is the words of the old style of order, and the kinds of devices that
// they mean.
var legacyBoot = map[string]model.DeviceKind{
	"hd": model.KindDisk, "cdrom": model.KindCDROM, "network": model.KindInterface, "fd": model.KindFloppy,
}

// bootDevice returns the device with an id, or the first that a word means.
func bootDevice(elements []Element, id string) *Element {
	if kind := legacyBoot[id]; kind != "" {
		if i := slices.IndexFunc(elements, func(e Element) bool { return e.Kind == kind }); i >= 0 {
			return &elements[i]
		}
		return nil
	}
	return WithID(elements, id)
}

// keepPlaces returns the devices whose places an order of other devices leaves
// alone, by their places.
func keepPlaces(elements []Element, ids []string) []*Element {
	var stay []*Element
	for i := range elements {
		e := &elements[i]
		of := e.Kind == model.KindHostDevice || e.Kind == model.KindUSBRedir
		if of && e.BootIndex > 0 && len(ids) > 0 && !slices.Contains(ids, e.ID) {
			stay = append(stay, e)
		}
	}
	slices.SortStableFunc(stay, func(a, b *Element) int { return cmp.Compare(a.BootIndex, b.BootIndex) })
	return stay
}

func setLegacyOrder(dom *node, elements []Element, words []string) (string, error) {
	for i, word := range words {
		if slices.Index(words, word) != i {
			return "", errs.New(errs.InvalidArgument, "“%s” is given twice.", word)
		}
	}
	for i := range elements {
		elements[i].node.drop("boot")
	}
	system := dom.child("os")
	system.drop("boot")
	for _, word := range words {
		system.children = append(system.children, newNode("boot", "dev", word))
	}
	return dom.document()
}

func bootable(kind model.DeviceKind) bool {
	switch kind {
	case model.KindDisk, model.KindCDROM, model.KindFloppy, model.KindInterface, model.KindHostDevice, model.KindUSBRedir:
		return true
	}
	return false
}
