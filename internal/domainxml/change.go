package domainxml

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// changeable is what of a device can be changed; for anything else it is
// removed and added again.
var changeable = map[model.DeviceKind][]string{
	model.KindDisk:      {"cache", "discard"},
	model.KindCDROM:     {"source", "pool", "volume", "format"},
	model.KindFloppy:    {"source", "pool", "volume", "format"},
	model.KindInterface: {"network-name", "bridge", "link-down", "model", "port-forwards"},
	model.KindVideo:     {"model", "video-memory", "heads", "accel-3d"},
	model.KindWatchdog:  {"action"},
}

// Change changes a device's element as a caller wants it. The path of a volume
// is in Source by then. Errors are InvalidArgument and NotSupported.
func Change(e *Element, changes *model.DeviceSpec) error {
	can := changeable[e.Kind]
	for _, key := range slices.Sorted(maps.Keys(changes.Given)) {
		if !slices.Contains(can, key) {
			return errs.New(errs.NotSupported, "The key “%s” of “%s” cannot be changed. Remove the device and add another one.", key, e.ID)
		}
	}
	if err := model.ValidateDevice(&changes.Device); err != nil {
		return errs.New(errs.InvalidArgument, "%s", err)
	}
	switch e.Kind {
	case model.KindCDROM, model.KindFloppy:
		return changeMedium(e, changes)
	case model.KindInterface:
		return changeInterface(e, changes)
	case model.KindVideo:
		changeVideo(e, changes)
	case model.KindWatchdog:
		if changes.Given["action"] {
			e.node.set("action", changes.Action)
		}
	default:
		return changeDriver(e, changes)
	}
	return nil
}

// changeVideo gives a graphics card another model, which keeps its number of
// screens if it can have several. What belongs to the old model is left to libvirt:
// its kinds of memory, and the address, since some models have none.
func changeVideo(e *Element, changes *model.DeviceSpec) {
	card := e.node.child("model")
	if changes.Given["model"] && changes.Model != card.attr("type") {
		card.unset("ram", "vram", "vram64", "vgamem", "blob", "edid")
		if changes.Model != "virtio" && changes.Model != "qxl" {
			card.unset("heads")
		}
		card.drop("acceleration")
		card.drop("resolution")
		card.set("type", changes.Model)
		e.node.drop("address")
		e.node.drop("driver")
	}
	if changes.Given["video-memory"] {
		card.set("vram", strconv.FormatUint(changes.VideoMemory/1024, 10))
	}
	if changes.Given["heads"] {
		card.set("heads", strconv.FormatUint(uint64(changes.Heads), 10))
	}
	if changes.Given["accel-3d"] {
		card.drop("acceleration")
		if changes.Accel3D {
			card.child("acceleration").set("accel3d", "yes")
		}
	}
}

func changeMedium(e *Element, changes *model.DeviceSpec) error {
	if !changes.Given["source"] && changes.Volume == "" {
		return errs.New(errs.InvalidArgument, "Name the medium by “pool” and “volume”, or give an empty “source” to eject it.")
	}
	if changes.Given["source"] && changes.Given["volume"] {
		return errs.New(errs.InvalidArgument, "Name either “pool” and “volume” or a “source”.")
	}
	if changes.Source != "" && !filepath.IsAbs(changes.Source) {
		return errs.New(errs.InvalidArgument, "The source must be an absolute path.")
	}
	format := changes.Format
	if format == "" {
		format = "raw"
	}
	if format != "raw" && format != "qcow2" {
		return errs.New(errs.InvalidArgument, "The format must be raw or qcow2.")
	}
	e.ReplaceMedium(changes.Type, changes.Source, format, changes.Layers)
	return nil
}

func changeInterface(e *Element, changes *model.DeviceSpec) error {
	for key, value := range map[string]string{"network-name": changes.NetworkName, "bridge": changes.Bridge, "model": changes.Model} {
		if changes.Given[key] && strings.TrimSpace(value) == "" {
			return errs.New(errs.InvalidArgument, "The value of “%s” must be a name.", key)
		}
	}
	if changes.Given["network-name"] && changes.Given["bridge"] {
		return errs.New(errs.InvalidArgument, "Give either “network-name” or “bridge”.")
	}
	if changes.Given["network-name"] || changes.Given["bridge"] {
		e.Connect(changes.NetworkName, changes.Bridge)
	}
	if changes.Given["link-down"] {
		e.SetLink(changes.LinkDown)
	}
	if changes.Given["model"] {
		e.SetModel(changes.Model)
	}
	if changes.Given["port-forwards"] {
		return e.ForwardPorts(changes.PortForwards)
	}
	return nil
}

func changeDriver(e *Element, changes *model.DeviceSpec) error {
	words := map[string][]string{
		"cache":   {"default", "none", "writeback", "writethrough", "directsync", "unsafe"},
		"discard": {"unmap", "ignore"},
	}
	for key, value := range map[string]string{"cache": changes.Cache, "discard": changes.Discard} {
		if !changes.Given[key] {
			continue
		}
		if !slices.Contains(words[key], value) {
			return errs.New(errs.InvalidArgument, "The key “%s” must be one of %s.", key, strings.Join(words[key], ", "))
		}
		if value == "default" {
			value = "" // which is how libvirt writes it
		}
		e.SetDriver(key, value)
	}
	return nil
}
