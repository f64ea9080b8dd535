package objects

import (
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// A word of the API is written in one form in some places and in another one in
// others: a pool is a name in a device and an object in the disk of a new VM. Callers
// may use either everywhere. The functions of this file make the form that a place
// declares of the other one, before the call's rights are looked at.

type record = map[string]dbus.Variant

// deviceForms is for AddDevice and UpdateDevice, whose device is at this position.
func deviceForms(i int) func(*request) error {
	return func(r *request) error { return r.deviceForm(r.Args[i].(record)) }
}

func (r *request) deviceForm(device record) error {
	if source, ok := device["source"].Value().(record); ok {
		delete(device, "source")
		for key, value := range source {
			switch {
			case key == "path":
				key = "source"
			case key != "volume" && key != "format":
				return errs.New(errs.InvalidArgument, "The source of a device has “volume” or “path”, and no “%s”.", model.Printable(key))
			}
			if err := putForm(device, key, value); err != nil {
				return err
			}
		}
	}
	if path, ok := device["volume"].Value().(dbus.ObjectPath); ok {
		owner, name, isVolume := model.SplitVolumePath(model.Path(path))
		if !isVolume || r.service.volumeOn(r.host.ID(), model.Path(path)) == nil {
			return errs.New(errs.NotFound, "There is no volume at %s.", model.Printable(string(path)))
		}
		device["volume"] = dbus.MakeVariant(name)
		if err := putForm(device, "pool", dbus.MakeVariant(wire.ObjectPath(owner))); err != nil {
			return err
		}
	}
	if text, ok := device["volume"].Value().(string); ok && device["pool"].Value() == nil {
		if pool, name, both := strings.Cut(text, "/"); both {
			device["pool"], device["volume"] = dbus.MakeVariant(pool), dbus.MakeVariant(name)
		}
	}
	if path, ok := device["pool"].Value().(dbus.ObjectPath); ok {
		pool := find(r.host.Pools(), func(p *model.StoragePool) bool { return p.Path() == model.Path(path) })
		if pool == nil {
			return errs.New(errs.NotFound, "There is no storage pool at %s.", model.Printable(string(path)))
		}
		device["pool"] = dbus.MakeVariant(pool.Name)
	}
	switch network := device["network"].Value().(type) {
	case string:
		return alias(device, "network-name", "network")
	case dbus.ObjectPath:
		known := find(r.host.Networks(), func(n *model.Network) bool { return n.Path() == model.Path(network) })
		if known == nil {
			return errs.New(errs.NotFound, "There is no network at %s.", model.Printable(string(network)))
		}
		device["network"] = dbus.MakeVariant(known.Name)
		return alias(device, "network-name", "network")
	}
	return nil
}

// putForm sets a key that another form has as well. Both at once are too many.
func putForm(values record, key string, value dbus.Variant) error {
	if _, given := values[key]; given {
		return errs.New(errs.InvalidArgument, "“%s” is given in two forms. Leave one out.", key)
	}
	values[key] = value
	return nil
}

// alias takes a key by another of its names.
func alias(values record, name, other string) error {
	value, given := values[other]
	if !given {
		return nil
	}
	delete(values, other)
	return putForm(values, name, value)
}

// newVMForms is for CreateVM and PlanVM.
func newVMForms(r *request) error {
	spec := r.Args[0].(record)
	if err := alias(spec, "machine", "machine-type"); err != nil {
		return err
	}
	if text, ok := spec["source"].Value().(string); ok {
		spec["source"] = dbus.MakeVariant(sourceOf(text))
	}
	if source, ok := spec["source"].Value().(record); ok {
		if err := r.volumeForm(source, ""); err != nil {
			return err
		}
	}
	disks, _ := spec["disks"].Value().([]record)
	for _, disk := range disks {
		if err := r.diskForm(disk); err != nil {
			return err
		}
	}
	networks, _ := spec["networks"].Value().([]record)
	for _, network := range networks {
		if err := r.networkForm(network); err != nil {
			return err
		}
	}
	return nil
}

// sourceOf is what a new VM starts from, in one word: an address, a medium, or a disk
// with a system on it.
func sourceOf(text string) record {
	kind, key := model.SourceImage, "path"
	switch {
	case strings.Contains(text, "://"):
		kind, key = model.SourceURL, "url"
	case strings.HasSuffix(strings.ToLower(text), ".iso"):
		kind = model.SourceISO
	}
	return record{"kind": dbus.MakeVariant(string(kind)), key: dbus.MakeVariant(text)}
}

// diskForm is for a disk of a new VM: its pool, and its volume in that pool.
func (r *request) diskForm(disk record) error {
	if name, ok := disk["pool"].Value().(string); ok {
		pool, err := r.poolCalled(name)
		if err != nil {
			return err
		}
		disk["pool"] = dbus.MakeVariant(wire.ObjectPath(pool.Path()))
	}
	if _, ok := disk["volume"].Value().(string); !ok {
		return nil
	}
	in := ""
	if path, ok := disk["pool"].Value().(dbus.ObjectPath); ok {
		pool := find(r.host.Pools(), func(p *model.StoragePool) bool { return p.Path() == model.Path(path) })
		if pool == nil {
			return errs.New(errs.NotFound, "There is no storage pool at %s.", model.Printable(string(path)))
		}
		delete(disk, "pool") // the volume says it
		in = pool.Name
	}
	return r.volumeForm(disk, in)
}

// volumeForm makes an object of the name of a volume in a pool, or of both as
// POOL/VOLUME.
func (r *request) volumeForm(values record, pool string) error {
	return r.volumeKeyForm(values, "volume", pool)
}

func (r *request) volumeKeyForm(values record, key, pool string) error {
	text, ok := values[key].Value().(string)
	if !ok {
		return nil
	}
	name := text
	if pool == "" {
		if pool, name, ok = strings.Cut(text, "/"); !ok {
			return errs.New(errs.InvalidArgument, "“%s” must be the object of a volume, or POOL/VOLUME.", key)
		}
	}
	owner, err := r.poolCalled(pool)
	if err != nil {
		return err
	}
	if r.host.Volume(owner.UUID, name) == nil {
		return errs.New(errs.NotFound, "There is no volume called “%s” in the storage pool “%s”.", model.Printable(name), owner.Name)
	}
	values[key] = dbus.MakeVariant(wire.ObjectPath(model.VolumePath(owner.UUID, name)))
	return nil
}

// networkForm is for an interface of a new VM.
func (r *request) networkForm(values record) error {
	if err := alias(values, "network", "network-name"); err != nil {
		return err
	}
	name, ok := values["network"].Value().(string)
	if !ok {
		return nil
	}
	network := find(r.host.Networks(), func(n *model.Network) bool { return n.Name == name })
	if network == nil {
		return errs.New(errs.NotFound, "There is no network called “%s”.", model.Printable(name))
	}
	values["network"] = dbus.MakeVariant(wire.ObjectPath(network.Path()))
	return nil
}

// newVolumeForms is for CreateVolume: its backing volume may be one of the same pool.
func newVolumeForms(r *request) error {
	spec := r.Args[0].(record)
	text, _ := spec["backing"].Value().(string)
	if strings.Contains(text, "/") {
		return r.volumeKeyForm(spec, "backing", "")
	}
	return r.volumeKeyForm(spec, "backing", r.pool.Name)
}

// configureForms is for VM.Configure.
func configureForms(r *request) error { return alias(r.Args[0].(record), "machine-type", "machine") }

func (r *request) poolCalled(name string) (*model.StoragePool, error) {
	pool := find(r.host.Pools(), func(p *model.StoragePool) bool { return p.Name == name })
	if pool == nil {
		return nil, errs.New(errs.NotFound, "There is no storage pool called “%s”.", model.Printable(name))
	}
	return pool, nil
}

// find returns the first element that matches; nil when none does.
func find[T any](list []*T, match func(*T) bool) *T {
	for _, v := range list {
		if match(v) {
			return v
		}
	}
	return nil
}

// volumeOn is the volume at a path, if it is one of this host.
func (s *Service) volumeOn(host string, path model.Path) *model.StorageVolume {
	if h, _, volume := s.inventory.Volume(path); h != nil && h.ID() == host {
		return volume
	}
	return nil
}
