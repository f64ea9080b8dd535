package domainxml

import (
	"path"
	"strings"

	"libvirt.org/go/libvirtxml"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// maxFileName is how long the name of a file may be, in bytes.
const maxFileName = 255

// SnapshotPlan is what a snapshot of a VM is made of.
type SnapshotPlan struct {
	Kind   model.SnapshotKind
	disks  []snapshotDisk
	memory bool
}

// snapshotDisk is a disk that a snapshot keeps.
type snapshotDisk struct {
	target, kind, format, source string
}

// PlanSnapshot says how a VM with this definition, live if it runs, can be kept
// in a snapshot of this name. Kind is what the caller wants; empty is internal where that is
// possible, else external. What is not possible is NotSupported, with the
// reason.
func PlanSnapshot(domain, name string, kind model.SnapshotKind, active, memory bool) (*SnapshotPlan, error) {
	n, err := parse(domain, "domain")
	if err != nil {
		return nil, err
	}
	p := &SnapshotPlan{Kind: kind, disks: snapshotDisks(n), memory: memory}
	if len(p.disks) == 0 {
		return nil, errs.New(errs.NotSupported, "The virtual machine has no disk that could be kept in a snapshot. Add one first.")
	}
	internal := p.noInternal(n, name, active)
	switch {
	case kind == "" && internal == nil:
		p.Kind = model.SnapshotInternal
	case kind == "":
		p.Kind = model.SnapshotExternal
		if p.noExternal() != nil {
			return nil, internal
		}
	}
	if p.Kind == model.SnapshotInternal {
		return p, internal
	}
	return p, p.noExternal()
}

// snapshotDisks lists the disks that libvirt keeps: those that can be written.
func snapshotDisks(domain *node) []snapshotDisk {
	var disks []snapshotDisk
	for n := range domain.find("devices").all("disk") {
		var d model.Device
		d.Kind = model.KindDisk
		convertDisk(n, &d)
		empty := d.Source == "" && d.Volume == ""
		if d.Kind != model.KindDisk || d.ReadOnly || empty || n.attr("snapshot") == "no" {
			continue
		}
		disks = append(disks, snapshotDisk{d.Target, d.Type, d.Format, d.Source})
	}
	return disks
}

// noInternal says why there can be no internal snapshot.
func (p *SnapshotPlan) noInternal(domain *node, name string, active bool) error {
	if active && !p.memory {
		return errs.New(errs.NotSupported, "An internal snapshot of a running virtual machine always has its memory. Leave the memory in, turn the virtual machine off, or make an external snapshot.")
	}
	if active && !isQEMUName(name) {
		return errs.New(errs.NotSupported, "The name of an internal snapshot of a running virtual machine can have only the letters A to Z, digits, dots, dashes and underscores. Choose such a name, turn the virtual machine off, or make an external snapshot.")
	}
	for _, d := range p.disks {
		if d.format != "qcow2" {
			return errs.New(errs.NotSupported, "The disk “%s” has the format %s, and only qcow2 images can hold an internal snapshot. Make an external one.", d.target, orRaw(d.format))
		}
	}
	nvram := domain.find("os", "nvram")
	flash := domain.find("os", "loader").attr("type") == "pflash" || domain.find("os").attr("firmware") == "efi"
	if flash && nvram.attr("format") != "qcow2" {
		return errs.New(errs.NotSupported, "The UEFI variables of the virtual machine are kept in a raw file, which cannot hold an internal snapshot. Make an external one.")
	}
	return nil
}

// isQEMUName says whether QEMU takes a name as a part of that of a job, which
// makes the snapshot.
func isQEMUName(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._", c)
	})
}

// noExternal says why there can be no external snapshot.
func (p *SnapshotPlan) noExternal() error {
	for _, d := range p.disks {
		if d.kind != "file" {
			return errs.New(errs.NotSupported, "The disk “%s” is not kept in an image file, and only such disks can have an external snapshot.", d.target)
		}
	}
	return nil
}

func orRaw(format string) string {
	if format == "" {
		return "raw"
	}
	return format
}

// XML is what libvirt makes the snapshot from. unique goes into the name of the
// file with the memory, which libvirt would otherwise overwrite if it was there.
func (p *SnapshotPlan) XML(name, description, unique string) (string, error) {
	s := libvirtxml.DomainSnapshot{
		Name: name, Description: description,
		Memory: &libvirtxml.DomainSnapshotMemory{Snapshot: "no"},
		Disks:  &libvirtxml.DomainSnapshotDisks{},
	}
	for _, d := range p.disks {
		if p.Kind == model.SnapshotExternal && len(overlay(d.source, name)) > maxFileName {
			return "", invalid("The name of the snapshot is too long: the new image of the disk “%s” would have a name of more than %d bytes.", d.target, maxFileName)
		}
		s.Disks.Disks = append(s.Disks.Disks, libvirtxml.DomainSnapshotDisk{Name: d.target, Snapshot: string(p.Kind)})
	}
	if p.memory {
		s.Memory.Snapshot = string(p.Kind)
	}
	if p.memory && p.Kind == model.SnapshotExternal {
		first := p.disks[0].source
		s.Memory.File = path.Join(path.Dir(first), stem(first)+"."+unique+".mem")
	}
	return s.Marshal()
}

// overlay is what libvirt calls the image that continues another one.
func overlay(source, snapshot string) string { return stem(source) + "." + snapshot }

// stem is a file's name without its folder and its suffix.
func stem(file string) string {
	base := path.Base(file)
	return strings.TrimSuffix(base, path.Ext(base))
}
