package virt

import (
	"context"
	"log/slog"
	"math"
	"regexp"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// minMemory is the least memory of a VM in bytes; less is a mistake in units.
const minMemory = 1 << 20

// amount is a quantity that a VM has now and at its next boot, each within a
// maximum: vCPUs, or memory in KiB.
type amount struct {
	what     string // for people: "virtual CPUs"
	value    uint64
	liveMax  func(*libvirt.Domain) (uint64, error)
	stored   func(*model.VM) (maximum uint64) // of the stored definition
	set      func(*libvirt.Domain, uint64, libvirt.DomainModificationImpact) error
	setMax   func(*libvirt.Domain, uint64) error // of the stored definition
	describe func(uint64) (string, uint64)       // a unit for people
}

// SetVCPUs changes the number of vCPUs; see inventory.Conn.
func (c *Conn) SetVCPUs(ctx context.Context, uuid string, n uint32, apply inventory.Apply) (inventory.Applied, error) {
	if n == 0 || n > math.MaxInt16 {
		return inventory.Applied{}, errs.New(errs.InvalidArgument, "A virtual machine cannot have %d virtual CPUs.", n)
	}
	return c.change(ctx, uuid, apply, amount{
		what: "virtual CPUs", value: uint64(n),
		liveMax: func(dom *libvirt.Domain) (uint64, error) {
			most, err := dom.GetVcpusFlags(libvirt.DOMAIN_VCPU_LIVE | libvirt.DOMAIN_VCPU_MAXIMUM)
			return uint64(max(most, 0)), err
		},
		stored: func(vm *model.VM) uint64 { return uint64(vm.MaxVCPUs) },
		set: func(dom *libvirt.Domain, n uint64, where libvirt.DomainModificationImpact) error {
			return dom.SetVcpusFlags(uint(n), libvirt.DomainVcpuFlags(where))
		},
		setMax: func(dom *libvirt.Domain, n uint64) error {
			return dom.SetVcpusFlags(uint(n), libvirt.DOMAIN_VCPU_CONFIG|libvirt.DOMAIN_VCPU_MAXIMUM)
		},
		describe: func(n uint64) (string, uint64) { return "virtual CPUs", n },
	})
}

// SetMemory changes the memory; see inventory.Conn. A running guest gets or
// gives back memory by its balloon driver, in its own time.
func (c *Conn) SetMemory(ctx context.Context, uuid string, bytes uint64, apply inventory.Apply) (inventory.Applied, error) {
	if bytes < minMemory || bytes > math.MaxInt64 {
		return inventory.Applied{}, errs.New(errs.InvalidArgument, "A virtual machine cannot have %d bytes of memory.", bytes)
	}
	return c.change(ctx, uuid, apply, amount{
		what: "memory", value: (bytes + 1023) / 1024, // libvirt counts KiB
		liveMax: (*libvirt.Domain).GetMaxMemory,
		stored:  func(vm *model.VM) uint64 { return vm.MaxMemory / 1024 },
		set: func(dom *libvirt.Domain, kib uint64, where libvirt.DomainModificationImpact) error {
			return dom.SetMemoryFlags(kib, libvirt.DomainMemoryModFlags(where))
		},
		setMax: func(dom *libvirt.Domain, kib uint64) error {
			return dom.SetMemoryFlags(kib, libvirt.DOMAIN_MEM_CONFIG|libvirt.DOMAIN_MEM_MAXIMUM)
		},
		describe: func(kib uint64) (string, uint64) { return "MiB of memory", kib / 1024 },
	})
}

// change brings an amount about where it was asked for, the stored definition
// first: if that fails, nothing has changed.
func (c *Conn) change(ctx context.Context, uuid string, apply inventory.Apply, a amount) (inventory.Applied, error) {
	applied, err := onVM(ctx, c, work[inventory.Applied]{uuid: uuid}, func(dom *libvirt.Domain) (inventory.Applied, error) {
		where, err := whereItIs(dom)
		if err != nil {
			return inventory.Applied{}, err
		}
		if where, err = wanted(where, apply); err != nil {
			return inventory.Applied{}, err
		}
		return a.bringAbout(dom, where, apply)
	})
	c.hint(inventory.VMEvent, uuid, false) // libvirt announces neither
	return applied, err
}

// wanted reduces where a VM has a definition to where a change was asked for.
func wanted(has libvirt.DomainModificationImpact, apply inventory.Apply) (libvirt.DomainModificationImpact, error) {
	switch apply {
	case inventory.ApplyNow:
		if has&libvirt.DOMAIN_AFFECT_LIVE == 0 {
			return 0, errs.New(errs.InvalidState, "The virtual machine is off. The change can only apply at its next boot.")
		}
		return libvirt.DOMAIN_AFFECT_LIVE, nil
	case inventory.ApplyNextBoot:
		if has&libvirt.DOMAIN_AFFECT_CONFIG == 0 {
			return 0, errs.New(errs.InvalidState, "The virtual machine is gone once it is off. The change can only apply now.")
		}
		return libvirt.DOMAIN_AFFECT_CONFIG, nil
	case inventory.ApplyBoth:
		return has, nil
	default:
		return 0, errs.New(errs.InvalidArgument, "A change applies now, next-boot or both, not %q.", string(apply))
	}
}

// bringAbout changes the stored definition, then the running VM. If that fails,
// the stored definition becomes what it was.
func (a *amount) bringAbout(dom *libvirt.Domain, where libvirt.DomainModificationImpact, apply inventory.Apply) (inventory.Applied, error) {
	var applied inventory.Applied
	stored := ""
	if where&libvirt.DOMAIN_AFFECT_CONFIG != 0 {
		var err error
		if stored, err = dom.GetXMLDesc(storedXML); err != nil {
			return applied, err
		}
		if err := a.store(dom, stored); err != nil {
			return applied, err
		}
		applied.NextBoot = true
	}
	if where&libvirt.DOMAIN_AFFECT_LIVE == 0 {
		return applied, nil
	}
	err := a.setLive(dom)
	switch {
	case err == nil:
		applied.Now = true
	case apply == inventory.ApplyBoth && applied.NextBoot && notPossible(err):
		slog.Info("a change has to wait for the next boot", "what", a.what, "error", err)
	case applied.NextBoot:
		conn, none := dom.DomainGetConnect()
		if none != nil {
			return inventory.Applied{}, none
		}
		defer conn.Close()
		return inventory.Applied{}, takeBack(conn, stored, err)
	default:
		return applied, err
	}
	return applied, nil
}

// notPossible reports whether a running VM cannot be changed so at all, rather
// than that the attempt failed. Only then does a change wait for the next boot:
// what failed would fail there as well.
func notPossible(err error) bool {
	var virt libvirt.Error
	if !asLibvirt(err, &virt) {
		kind, _ := errs.Of(err)
		return kind == errs.NotSupported || kind == errs.InvalidState
	}
	if kind, _ := errs.Of(translate(err, true)); kind == errs.NotSupported {
		return !hostLacks.MatchString(virt.Message)
	}
	return impossible.MatchString(virt.Message)
}

// hostLacks is how libvirt says as “unsupported” that the host lacks something.
var hostLacks = regexp.MustCompile(`(?i)unable to open|cannot open|no such (file|device)`)

// impossible is how libvirt and QEMU say under other codes that a running VM
// cannot change, or has no room.
var impossible = regexp.MustCompile(`(?i)hot-?(un)?plug|not support|no (more|free|available).* (slot|port|address|unit)|` +
	`without the balloon device|cannot change vcpu count|is not running|can't go on bus`)

// store changes the stored definition, and its maximum where that is less.
func (a *amount) store(dom *libvirt.Domain, stored string) error {
	vm, err := domainxml.ParseVM("", stored)
	if err != nil {
		return err
	}
	before := a.stored(vm)
	if a.value > before {
		if err := a.setMax(dom, a.value); err != nil {
			return err
		}
	}
	err = a.set(dom, a.value, libvirt.DOMAIN_AFFECT_CONFIG)
	if err != nil && a.value > before {
		_ = a.setMax(dom, before) // best effort: the first error is the one that counts
	}
	return err
}

// setLive changes the running VM, within the maximum that it was started with.
func (a *amount) setLive(dom *libvirt.Domain) error {
	most, err := a.liveMax(dom)
	if err != nil {
		return err
	}
	if a.value > most {
		unit, n := a.describe(most)
		return errs.New(errs.InvalidState, "The virtual machine was started with at most %d %s. More is possible from its next boot.", n, unit)
	}
	return a.set(dom, a.value, libvirt.DOMAIN_AFFECT_LIVE)
}
