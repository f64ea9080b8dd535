package virt

import (
	"testing"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

func TestAVMGoesThroughItsLife(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	steps := []struct {
		name   string
		do     func() error
		state  model.VMState
		reason string
	}{
		{"paused", func() error { return c.Pause(t.Context(), uuid) }, model.VMPaused, "user"},
		{"resumed", func() error { return c.Resume(t.Context(), uuid) }, model.VMRunning, "unpaused"},
		{"rebooted", func() error { return c.Reboot(t.Context(), uuid) }, model.VMRunning, "unpaused"},
		{"reset", func() error { return c.Reset(t.Context(), uuid) }, model.VMRunning, "unpaused"},
		{"saved", func() error { return c.Save(t.Context(), uuid) }, model.VMShutOff, "saved"},
		{"restored", func() error { return c.Start(t.Context(), uuid, false) }, model.VMRunning, "restored"},
		{"shut down", func() error { return c.Shutdown(t.Context(), uuid) }, model.VMShutOff, "shutdown"},
		{"started", func() error { return c.Start(t.Context(), uuid, false) }, model.VMRunning, "booted"},
		{"powered off", func() error { return c.PowerOff(t.Context(), uuid) }, model.VMShutOff, "destroyed"},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		vm, err := c.VM(t.Context(), uuid)
		if err != nil {
			t.Fatal(err)
		}
		if vm.State != s.state {
			t.Errorf("%s: the state is %s, %s", s.name, vm.State, vm.StateReason)
		}
		if vm.State.Active() != (vm.ID >= 0) {
			t.Errorf("%s: the number is %d in state %s", s.name, vm.ID, vm.State)
		}
	}
}

func TestAVMSeenToStartSaysWhen(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	if !only(t, c).StartedAt.IsZero() {
		t.Error("a VM that is off has a time")
	}
	if err := c.Start(t.Context(), vm.UUID, false); err != nil {
		t.Fatal(err)
	}
	awaitVM(t, c, vm.UUID, "it has a time", func(vm *model.VM) bool { return !vm.StartedAt.IsZero() })
	if err := c.PowerOff(t.Context(), vm.UUID); err != nil {
		t.Fatal(err)
	}
	awaitVM(t, c, vm.UUID, "the time is gone", func(vm *model.VM) bool { return vm.StartedAt.IsZero() })
}

func TestOperationsInTheWrongStateAreRefused(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	refused := func(name string, err error) {
		t.Helper()
		if !errs.Is(err, errs.InvalidState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("starting what runs", c.Start(t.Context(), uuid, false))
	refused("resuming what runs", c.Resume(t.Context(), uuid))
	refused("deleting what runs", c.Delete(t.Context(), uuid))
	refused("renaming what runs", c.Rename(t.Context(), uuid, "other"))
	refused("discarding no saved state", c.DiscardSavedState(t.Context(), uuid))
	if err := c.PowerOff(t.Context(), uuid); err != nil {
		t.Fatal(err)
	}
	refused("stopping what is off", c.PowerOff(t.Context(), uuid))
	refused("pausing what is off", c.Pause(t.Context(), uuid))
	_, _, err := c.OpenDisplay(t.Context(), uuid, 0)
	refused("showing what is off", err)
	_, err = c.SetVCPUs(t.Context(), uuid, 1, inventory.ApplyNow)
	refused("changing what is off now", err)
}

func TestASavedStateIsShownAndDiscarded(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	if err := c.Save(t.Context(), uuid); err != nil {
		t.Fatal(err)
	}
	awaitVM(t, c, uuid, "it has a saved state", func(vm *model.VM) bool { return vm.HasSavedState })
	if listed := only(t, c); !listed.HasSavedState {
		t.Error("the list lacks the saved state")
	}
	if err := c.DiscardSavedState(t.Context(), uuid); err != nil {
		t.Fatal(err)
	}
	awaitVM(t, c, uuid, "the saved state is gone", func(vm *model.VM) bool { return !vm.HasSavedState })
}

func TestOnlyWhatWasBegunHereIsAborted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		job  libvirt.DomainJobInfo
		want bool
	}{
		"nothing": {libvirt.DomainJobInfo{Type: libvirt.DOMAIN_JOB_NONE}, false},
		"ours": {libvirt.DomainJobInfo{
			Type: libvirt.DOMAIN_JOB_UNBOUNDED, OperationSet: true, Operation: libvirt.DOMAIN_JOB_OPERATION_SAVE,
		}, true},
		"somebody else's migration": {libvirt.DomainJobInfo{
			Type: libvirt.DOMAIN_JOB_UNBOUNDED, OperationSet: true, Operation: libvirt.DOMAIN_JOB_OPERATION_MIGRATION_OUT,
		}, false},
		"what does not say what it is": {libvirt.DomainJobInfo{Type: libvirt.DOMAIN_JOB_UNBOUNDED}, false},
	} {
		if got := does(&tt.job, libvirt.DOMAIN_JOB_OPERATION_SAVE); got != tt.want {
			t.Errorf("%s: it is aborted: %v", name, got)
		}
	}
}
