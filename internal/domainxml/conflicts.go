package domainxml

import (
	"fmt"
	"slices"

	"org.kvmmanager/internal/errs"
)

// Conflict is why a definition that libvirt stores cannot start on any host, or
// makes no sense.
type Conflict struct {
	ID      string // what it is about, as in model.StartCheck
	Kind    errs.Kind
	Message string
	Hint    string
	Starts  bool // nevertheless
}

// Conflicts finds the parts of a definition that exclude each other, as far as
// libvirt finds out at the start only.
func Conflicts(doc string) ([]Conflict, error) {
	dom, err := parse(doc, "domain")
	if err != nil {
		return nil, err
	}
	devices := dom.find("devices")
	return slices.Concat(displayConflicts(devices), glConflicts(devices), shareConflicts(dom), diskConflicts(devices)), nil
}

// NewConflicts returns the conflicts of a definition that it did not have before.
func NewConflicts(before, after string) ([]Conflict, error) {
	had, err := Conflicts(before)
	if err != nil {
		return nil, err
	}
	has, err := Conflicts(after)
	return slices.DeleteFunc(has, func(c Conflict) bool { return slices.Contains(had, c) }), err
}

// displayConflicts finds second displays of a type, which QEMU does not have, and
// displays with one port.
func displayConflicts(devices *node) []Conflict {
	var found []Conflict
	types, ports := map[string]bool{}, map[string]bool{}
	for g := range devices.all("graphics") {
		kind := g.attr("type")
		if types[kind] {
			found = append(found, Conflict{
				"display", errs.AlreadyExists, fmt.Sprintf("The virtual machine has more than one display of the type “%s”.", kind),
				"It can have one of each type.", false,
			})
		}
		types[kind] = true
		for _, name := range []string{"port", "tlsPort", "websocket"} {
			port := g.attr(name)
			if number(port) == 0 || name == "port" && g.yes("autoport") {
				continue
			}
			if ports[port] {
				found = append(found, Conflict{
					"port", errs.AlreadyExists, fmt.Sprintf("Two displays of the virtual machine have the port %s.", port),
					"Choose another port for one of them, or let libvirt choose it.", false,
				})
			}
			ports[port] = true
		}
	}
	return found
}

// glConflicts finds graphics cards with 3D acceleration and no display that can
// draw what they render.
func glConflicts(devices *node) []Conflict {
	for g := range devices.all("graphics") {
		if g.attr("type") == "egl-headless" || g.find("gl").yes("enable") {
			return nil
		}
	}
	for video := range devices.all("video") {
		if video.find("model", "acceleration").yes("accel3d") {
			return []Conflict{{
				"display", errs.InvalidState, "3D acceleration needs a display with OpenGL, which the virtual machine does not have.",
				"Add a display of the type “egl-headless” first, or turn 3D acceleration off.", false,
			}}
		}
	}
	return nil
}

// shareConflicts finds shares that the guest cannot tell apart, and those that
// need memory that other programs can see.
func shareConflicts(dom *node) []Conflict {
	var found []Conflict
	tags := map[string]bool{}
	private := !sharesMemory(dom)
	for share := range dom.find("devices").all("filesystem") {
		tag := share.find("target").attr("dir")
		if tags[tag] {
			found = append(found, Conflict{
				"share", errs.AlreadyExists, fmt.Sprintf("The virtual machine has more than one share with the tag “%s”.", tag),
				"Choose another tag.", true,
			})
		}
		tags[tag] = true
		if private && share.find("driver").attr("type") == "virtiofs" {
			found = append(found, Conflict{
				"share", errs.InvalidState, fmt.Sprintf("The share “%s” needs shared memory, which the virtual machine does not have.", tag),
				"Configure shared memory for the virtual machine.", false,
			})
		}
	}
	return found
}

// sharesMemory reports whether other programs can see a guest's memory, or some of
// it.
func sharesMemory(dom *node) bool {
	if dom.find("memoryBacking", "access").attr("mode") == "shared" {
		return true
	}
	for cell := range dom.find("cpu", "numa").all("cell") {
		if cell.attr("memAccess") == "shared" {
			return true
		}
	}
	return false
}

// diskConflicts finds disks that write to one image.
func diskConflicts(devices *node) []Conflict {
	var found []Conflict
	writers := map[[4]string]string{} // targets
	for disk := range devices.all("disk") {
		source, target := disk.find("source"), disk.find("target").attr("dev")
		image := [4]string{source.attr("file"), source.attr("dev"), source.attr("pool"), source.attr("volume")}
		if image == [4]string{} || disk.has("readonly") || disk.has("shareable") || disk.attr("device") == "cdrom" {
			continue
		}
		if other := writers[image]; other != "" {
			found = append(found, Conflict{
				"disk", errs.DeviceInUse, fmt.Sprintf("The disks %s and %s of the virtual machine write to one image.", other, target),
				"Choose another image for one of them, or remove it.", false,
			})
		}
		writers[image] = target
	}
	return found
}
