package rig

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"

	"libvirt.org/go/libvirt"
)

// images is the folder of the default pool.
const images = "/var/lib/libvirt/images"

// undefineAll takes along what belongs to a definition.
const undefineAll = libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.DOMAIN_UNDEFINE_NVRAM

//go:embed vm.xml
var vmXML string

var vmTemplate = template.Must(template.New("vm").Parse(vmXML))

// VM is the number of one of the rig's VMs, from 1.
type VM int

// Name is the VM's name.
func (v VM) Name() string { return fmt.Sprintf("bench-%04d", int(v)) }

// UUID is the VM's UUID.
func (v VM) UUID() string { return fmt.Sprintf("62656e63-6800-4000-8000-%012d", int(v)) }

// XML is a definition like those that people have: a disk, a network card, a
// display, a serial console, a channel for the guest agent and what comes with
// them. The VM is small and has nothing to boot.
func (v VM) XML() string {
	var b bytes.Buffer
	err := vmTemplate.Execute(&b, map[string]any{
		"Type": domainType(), "Name": v.Name(), "UUID": v.UUID(), "Disk": v.disk(),
		"MAC": fmt.Sprintf("52:54:00:be:%02x:%02x", int(v)>>8&0xff, int(v)&0xff),
	})
	if err != nil {
		panic(err) // the template is part of the program
	}
	return b.String()
}

func (v VM) disk() string { return images + "/" + v.Name() + ".img" }

func domainType() string {
	if _, err := os.Stat("/dev/kvm"); err == nil {
		return "kvm"
	}
	return "qemu"
}

// makeDisk makes the VM's disk, which is empty, unless it is there.
func (v VM) makeDisk() error {
	disk, err := os.OpenFile(v.disk(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make a disk: %w", err)
	}
	defer disk.Close()
	if err := disk.Truncate(1 << 30); err != nil {
		return fmt.Errorf("cannot make a disk: %w", err)
	}
	return nil
}

// VMs lists the first n.
func VMs(n int) []VM {
	list := make([]VM, n)
	for i := range list {
		list[i] = VM(i + 1)
	}
	return list
}

// NeedVMs makes the rig's VMs exactly the first n, all of them off.
func (r *Rig) NeedVMs(n int) error {
	raw, err := r.Libvirt()
	if err != nil {
		return err
	}
	have, err := r.ownVMs(raw)
	if err != nil {
		return err
	}
	for _, v := range VMs(n) {
		if have[v.Name()] {
			delete(have, v.Name())
			err = v.makeDisk()
		} else {
			err = r.Define(v)
		}
		if err != nil {
			return err
		}
	}
	for name := range have {
		domain, err := raw.LookupDomainByName(name)
		if err != nil {
			return fmt.Errorf("cannot find %s: %w", name, err)
		}
		err = undefine(domain, name)
		_ = domain.Free()
		if err != nil {
			return err
		}
	}
	return nil
}

// ownVMs lists the names of the rig's VMs and switches them off.
func (r *Rig) ownVMs(raw *libvirt.Connect) (map[string]bool, error) {
	domains, err := raw.ListAllDomains(0)
	if err != nil {
		return nil, fmt.Errorf("cannot list VMs: %w", err)
	}
	own := map[string]bool{}
	for i := range domains {
		name, err := domains[i].GetName()
		if err == nil && strings.HasPrefix(name, "bench-") {
			own[name] = true
			_ = domains[i].Destroy() // most are off already
		}
		_ = domains[i].Free()
	}
	return own, nil
}

// Define makes the VM and its empty disk.
func (r *Rig) Define(v VM) error {
	raw, err := r.Libvirt()
	if err != nil {
		return err
	}
	if err := v.makeDisk(); err != nil {
		return err
	}
	domain, err := raw.DomainDefineXML(v.XML())
	if err != nil {
		return fmt.Errorf("cannot define %s: %w", v.Name(), err)
	}
	return domain.Free()
}

// undefine removes a VM that is off, and the disk of this name.
func undefine(domain *libvirt.Domain, name string) error {
	if err := domain.UndefineFlags(undefineAll); err != nil {
		return fmt.Errorf("cannot undefine %s: %w", name, err)
	}
	_ = os.Remove(images + "/" + name + ".img")
	return nil
}

// Undefine removes the VM with its disk; one that is not there is no error.
func (r *Rig) Undefine(v VM) error {
	raw, err := r.Libvirt()
	if err != nil {
		return err
	}
	domain, err := raw.LookupDomainByUUIDString(v.UUID())
	if IsNoDomain(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot find %s: %w", v.Name(), err)
	}
	defer domain.Free()
	_ = domain.Destroy() // it may be off
	return undefine(domain, v.Name())
}

// IsNoDomain says whether libvirt means that there is no such VM.
func IsNoDomain(err error) bool {
	var known libvirt.Error
	return errors.As(err, &known) && known.Code == libvirt.ERR_NO_DOMAIN
}

// NeedVM makes a VM anew, whatever has become of it.
func (r *Rig) NeedVM(v VM) error {
	if err := r.Undefine(v); err != nil {
		return err
	}
	return r.Define(v)
}

// With runs a function on libvirt's own handle of a VM.
func (r *Rig) With(v VM, do func(*libvirt.Domain) error) error {
	raw, err := r.Libvirt()
	if err != nil {
		return err
	}
	domain, err := raw.LookupDomainByUUIDString(v.UUID())
	if err != nil {
		return fmt.Errorf("cannot find %s: %w", v.Name(), err)
	}
	defer domain.Free()
	return do(domain)
}

// StartPaused starts a VM whose processors stand still, so that it costs
// nothing while it runs.
func (r *Rig) StartPaused(v VM) error {
	return r.With(v, func(d *libvirt.Domain) error {
		if err := d.CreateWithFlags(libvirt.DOMAIN_START_PAUSED); err != nil {
			return fmt.Errorf("cannot start %s: %w", v.Name(), err)
		}
		return nil
	})
}

// PowerOff ends a VM; one that is off already is no error.
func (r *Rig) PowerOff(v VM) error {
	return r.With(v, func(d *libvirt.Domain) error {
		if active, err := d.IsActive(); err != nil || !active {
			return err
		}
		return d.Destroy()
	})
}
