package virt

import (
	"math"
	"testing"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

func TestAStoredAmountMayExceedItsMaximum(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	applied, err := c.SetVCPUs(t.Context(), vm.UUID, 4, inventory.ApplyBoth)
	if err != nil || applied != (inventory.Applied{NextBoot: true}) {
		t.Fatalf("vCPUs: %+v, %v", applied, err)
	}
	applied, err = c.SetMemory(t.Context(), vm.UUID, 128<<20, inventory.ApplyNextBoot)
	if err != nil || applied != (inventory.Applied{NextBoot: true}) {
		t.Fatalf("memory: %+v, %v", applied, err)
	}
	after := only(t, c)
	if after.VCPUs != 4 || after.MaxVCPUs != 4 || after.Memory != 128<<20 || after.MaxMemory != 128<<20 {
		t.Errorf("%d of %d vCPUs, %d of %d bytes", after.VCPUs, after.MaxVCPUs, after.Memory, after.MaxMemory)
	}
}

func TestLessKeepsTheMaximum(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	if _, err := c.SetVCPUs(t.Context(), vm.UUID, 1, inventory.ApplyBoth); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetMemory(t.Context(), vm.UUID, 32<<20, inventory.ApplyBoth); err != nil {
		t.Fatal(err)
	}
	after := only(t, c)
	if after.VCPUs != 1 || after.MaxVCPUs != 2 || after.Memory != 32<<20 || after.MaxMemory != 64<<20 {
		t.Errorf("%d of %d vCPUs, %d of %d bytes", after.VCPUs, after.MaxVCPUs, after.Memory, after.MaxMemory)
	}
}

func TestARunningVMIsChangedWithinItsMaximum(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	applied, err := c.SetVCPUs(t.Context(), uuid, 1, inventory.ApplyNow)
	if err != nil || applied != (inventory.Applied{Now: true}) {
		t.Errorf("fewer now: %+v, %v", applied, err)
	}
	_, err = c.SetVCPUs(t.Context(), uuid, 3, inventory.ApplyNow)
	if !errs.Is(err, errs.InvalidState) {
		t.Errorf("more than the maximum now: %v", err)
	}
	applied, err = c.SetVCPUs(t.Context(), uuid, 3, inventory.ApplyBoth)
	if err != nil || applied != (inventory.Applied{NextBoot: true}) {
		t.Errorf("more than the maximum where possible: %+v, %v", applied, err)
	}
	applied, err = c.SetMemory(t.Context(), uuid, 32<<20, inventory.ApplyBoth)
	if err != nil || applied != (inventory.Applied{Now: true, NextBoot: true}) {
		t.Errorf("less memory: %+v, %v", applied, err)
	}
}

func TestWhatARunningVMFailsToDoIsNotStored(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	before := only(t, c)
	for _, value := range []uint64{1, 4} {
		timeout := libvirt.Error{Code: libvirt.ERR_OPERATION_TIMEOUT, Message: "vcpu unplug request timed out"}
		_, err := c.change(t.Context(), before.UUID, inventory.ApplyBoth, amount{
			what: "virtual CPUs", value: value,
			liveMax: func(*libvirt.Domain) (uint64, error) { return 4, nil },
			stored:  func(vm *model.VM) uint64 { return uint64(vm.MaxVCPUs) },
			set: func(dom *libvirt.Domain, n uint64, where libvirt.DomainModificationImpact) error {
				if where == libvirt.DOMAIN_AFFECT_LIVE {
					return timeout
				}
				return dom.SetVcpusFlags(uint(n), libvirt.DomainVcpuFlags(where))
			},
			setMax: func(dom *libvirt.Domain, n uint64) error {
				return dom.SetVcpusFlags(uint(n), libvirt.DOMAIN_VCPU_CONFIG|libvirt.DOMAIN_VCPU_MAXIMUM)
			},
		})
		if !errs.Is(err, errs.Timeout) {
			t.Errorf("%d: %v", value, err)
		}
		if after := only(t, c); after.ConfigVersion != before.ConfigVersion || len(after.PendingChanges) != 0 {
			t.Errorf("%d: stored for the next boot: %v", value, after.PendingChanges)
		}
	}
}

func TestSenselessAmountsAreRefused(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	refused := func(name string, _ inventory.Applied, err error) {
		t.Helper()
		if !errs.Is(err, errs.InvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	set := func(n uint32, apply inventory.Apply) (inventory.Applied, error) {
		return c.SetVCPUs(t.Context(), vm.UUID, n, apply)
	}
	a, err := set(0, inventory.ApplyBoth)
	refused("no vCPU", a, err)
	a, err = set(math.MaxUint32, inventory.ApplyBoth)
	refused("4 billion vCPUs", a, err)
	a, err = set(1, "tomorrow")
	refused("another time", a, err)
	a, err = c.SetMemory(t.Context(), vm.UUID, 1, inventory.ApplyBoth)
	refused("one byte", a, err)
	a, err = c.SetMemory(t.Context(), vm.UUID, math.MaxUint64, inventory.ApplyBoth)
	refused("all bytes there are", a, err)
	if after := only(t, c); after.ConfigVersion != vm.ConfigVersion {
		t.Error("the VM has changed")
	}
}
