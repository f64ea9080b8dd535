package ordeal

import (
	"fmt"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/bench/rig"
)

// operation is one of the service's, on the victim.
type operation struct {
	member string
	ofHost bool          // of the host, which does not have the victim yet
	from   model.VMState // shut off, or else paused
	takes  time.Duration // about how long: the kill comes within this time
	args   func() []any
}

func options(pairs ...any) func() []any {
	return func() []any { return []any{rig.Options(pairs...)} }
}

var operations = []operation{
	{"Start", false, model.VMShutOff, 800 * time.Millisecond, options("paused", true)},
	{"PowerOff", false, model.VMPaused, 300 * time.Millisecond, options()},
	{"Resume", false, model.VMPaused, 30 * time.Millisecond, options()},
	{"Save", false, model.VMPaused, 800 * time.Millisecond, options()},
	{"SetTitle", false, model.VMShutOff, 30 * time.Millisecond, func() []any { return []any{"A title", rig.Options()} }},
	{"Rename", false, model.VMShutOff, 30 * time.Millisecond, func() []any { return []any{"bench-renamed", rig.Options()} }},
	{"SetAutostart", false, model.VMShutOff, 30 * time.Millisecond, func() []any { return []any{true, rig.Options()} }},
	{"SetMemory", false, model.VMShutOff, 30 * time.Millisecond, func() []any { return []any{uint64(48 << 20), rig.Options()} }},
	{"Delete", false, model.VMShutOff, 60 * time.Millisecond, options()},
	{"DefineXML", true, model.VMShutOff, 60 * time.Millisecond, func() []any { return []any{victim.XML(), rig.Options()} }},
}

// whole checks that the victim either is not there at all, or can be read in
// full, with one of the names that it may have.
func (k *kills) whole() error {
	raw, err := k.rig.Libvirt()
	if err != nil {
		return err
	}
	domain, err := raw.LookupDomainByUUIDString(victim.UUID())
	if rig.IsNoDomain(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer domain.Free()
	text, err := domain.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return err
	}
	var d libvirtxml.Domain
	if err := d.Unmarshal(text); err != nil {
		return err
	}
	switch {
	case d.Name != victim.Name() && d.Name != "bench-renamed":
		return fmt.Errorf("its name is %s", d.Name)
	case d.Devices == nil || len(d.Devices.Disks) != 2 || len(d.Devices.Interfaces) != 1:
		return fmt.Errorf("its devices are %v", d.Devices)
	default:
		return nil
	}
}
