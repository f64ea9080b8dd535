package domainxml

import (
	"encoding/xml"
	"slices"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// AddElement puts a device's element into a definition. It replaces the element
// that turns such a device off.
func AddElement(doc, element string) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", err
	}
	n, err := readTree(xml.NewDecoder(strings.NewReader(element)).RawToken)
	if err != nil {
		return "", err
	}
	devices := dom.child("devices")
	devices.children = slices.DeleteFunc(devices.children, func(old *node) bool {
		return turnsOff(old) && old.name == n.name && old.attr("type") == n.attr("type")
	})
	devices.children = append(devices.children, n)
	if n.name == "watchdog" {
		oneAction(devices, n.attr("action"))
	}
	return dom.document()
}

// ReplaceElement puts a changed element back into the definition that it was
// found in.
func ReplaceElement(doc string, e *Element) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", err
	}
	old, err := nodeOf(elementsOf(dom), e)
	if err != nil {
		return "", err
	}
	devices := dom.find("devices")
	devices.children[slices.Index(devices.children, old)] = e.node
	if e.Kind == model.KindWatchdog {
		oneAction(devices, e.node.attr("action"))
	}
	return dom.document()
}

// RemoveElements takes devices out of the definition that they were found in. A
// balloon and the last USB controller leave an element that turns them off:
// libvirt adds them to every VM that says nothing about them.
func RemoveElements(doc string, list []*Element) (string, error) {
	dom, err := parseRaw(doc, "domain")
	if err != nil {
		return "", err
	}
	devices, elements := dom.find("devices"), elementsOf(dom)
	for _, e := range list {
		old, err := nodeOf(elements, e)
		if err != nil {
			return "", err
		}
		// The first console is the first serial port again.
		first := e.Kind == model.KindSerial && old == devices.find("serial")
		devices.children = slices.DeleteFunc(devices.children, func(n *node) bool {
			return n == old || first && n.name == "console" && repeatsSerial(n)
		})
		switch e.Kind {
		case model.KindBalloon:
			devices.children = append(devices.children, off("memballoon"))
		case model.KindGraphics:
			if e.Type == "spice" && !hasSpice(devices) {
				silence(devices)
			}
		}
	}
	usb := func(n *node) bool { return n.name == "controller" && n.attr("type") == "usb" }
	if slices.ContainsFunc(list, func(e *Element) bool { return usb(e.node) }) && !slices.ContainsFunc(devices.children, usb) {
		none := off("controller")
		none.set("type", "usb")
		devices.children = append(devices.children, none)
	}
	return dom.document()
}

// turnsOff reports whether an element says that a VM has no device of its kind.
func turnsOff(n *node) bool {
	return n.attr("model") == "none" && (n.name == "memballoon" || n.name == "controller" && n.attr("type") == "usb")
}

func off(name string) *node {
	n := &node{name: name}
	n.set("model", "none")
	return n
}

// oneAction gives all watchdogs one action, since QEMU has one for all of them.
func oneAction(devices *node, action string) {
	for w := range devices.all("watchdog") {
		w.set("action", action)
	}
}

func hasSpice(devices *node) bool {
	for g := range devices.all("graphics") {
		if g.attr("type") == "spice" {
			return true
		}
	}
	return false
}

// silence ends sound output over SPICE. The sound cards stay.
func silence(devices *node) {
	for a := range devices.all("audio") {
		if a.attr("type") == "spice" {
			a.set("type", "none")
			a.children = nil
		}
	}
}

// nodeOf finds the element of a device among those of its definition.
func nodeOf(elements []Element, e *Element) (*node, error) {
	if e.place >= len(elements) || elements[e.place].Kind != e.Kind {
		return nil, errs.New(errs.NotFound, "The virtual machine has no such device.")
	}
	return elements[e.place].node, nil
}

// Together returns the devices that leave a definition with e: USB 2 controllers
// are one controller for each speed, with one index, and none works alone.
func Together(list []Element, e *Element) []*Element {
	together := []*Element{e}
	if e.Kind != model.KindController || e.Type != "usb" {
		return together
	}
	for i := range list {
		other := &list[i]
		if other.place != e.place && other.Kind == e.Kind && other.Type == e.Type && other.node.attr("index") == e.node.attr("index") {
			together = append(together, other)
		}
	}
	return together
}

// Dependents returns the devices of a list that cannot be without a group, and
// those that cannot be without them: what talks to the viewer of the last SPICE
// display, is on USB without a controller, or on the bus of a PCI bridge.
func Dependents(list []Element, group []*Element) []*Element {
	leaves := slices.Clone(group)
	for i := 0; i < len(leaves); i++ {
		for _, d := range dependents(list, leaves, leaves[i]) {
			if !slices.ContainsFunc(leaves, d.same) {
				leaves = append(leaves, d)
			}
		}
	}
	return leaves[len(group):]
}

func dependents(list []Element, leaves []*Element, e *Element) []*Element {
	var needs func(*Element) bool
	switch {
	case e.Kind == model.KindGraphics && e.Type == "spice":
		needs = (*Element).usesSPICE
	case e.Kind == model.KindController && e.Type == "usb":
		needs = (*Element).usesUSB
	case e.Kind == model.KindController && e.Type == "ccid":
		needs = func(o *Element) bool { return o.Kind == model.KindSmartcard }
	case e.Kind == model.KindController && e.Type == "pci":
		return onBus(list, number(e.node.attr("index")))
	default:
		return nil
	}
	var found []*Element
	for i := range list {
		other := &list[i]
		if other.Kind == e.Kind && other.Type == e.Type && !slices.ContainsFunc(leaves, other.same) {
			return nil // which takes its place
		}
		if needs(other) {
			found = append(found, other)
		}
	}
	return found
}

// same reports whether two elements of one definition are one.
func (e *Element) same(other *Element) bool { return e.place == other.place }

// onBus returns the devices with an address on a PCI bus.
func onBus(list []Element, index uint32) []*Element {
	var on []*Element
	for i := range list {
		at := list[i].node.find("address")
		if bus, ok := hexNumber(at.attr("bus")); ok && at.attr("type") == "pci" && bus == uint64(index) && index > 0 {
			on = append(on, &list[i])
		}
	}
	return on
}

func (e *Element) usesSPICE() bool {
	kind := e.node.attr("type")
	return kind == "spicevmc" || kind == "spiceport"
}

func (e *Element) usesUSB() bool {
	return e.Bus == "usb" || e.Kind == model.KindUSBRedir || e.Kind == model.KindHostDevice && e.Type == "usb" ||
		e.node.find("address").attr("type") == "usb" || e.Kind == model.KindOther && e.Type == "hub" ||
		e.Kind == model.KindSerial && e.Model == "usb-serial" || e.Kind == model.KindSound && e.Model == "usb"
}

// CountLike returns how many devices of a list are of the same kind as e, on the
// same kind of bus.
func CountLike(list []Element, e *Element) int {
	count := 0
	for i := range list {
		if o := &list[i]; o.Kind == e.Kind && o.Bus == e.Bus && (o.Type == e.Type || byConnection(e.Kind)) {
			count++
		}
	}
	return count
}

// byConnection reports whether the type of a device of this kind says what it is
// connected to, rather than what it is.
func byConnection(kind model.DeviceKind) bool {
	return kind != model.KindController && kind != model.KindInput && kind != model.KindOther
}

// Holds reports whether a change of a device is in its element: whether the
// device would stay the same if the change were made again.
func (e *Element) Holds(changes *model.DeviceSpec) (bool, error) {
	again := *e
	again.node = e.node.clone()
	if err := Change(&again, changes); err != nil {
		return false, err
	}
	c := conversion{placed: map[model.DeviceKind]int{}, used: map[string]bool{}}
	before, after := c.device(e.node), c.device(again.node)
	before.ID, after.ID = "", ""
	return !deviceDiffers(*after, *before), nil
}
