package virt

import (
	"context"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// sources is what libvirt says about a VM besides its definitions.
type sources struct {
	uuid             string
	name             string // as the list knows it; empty when the VM is read alone
	state            libvirt.DomainState
	reason           int
	persistent       bool
	autostart, saved bool
	snapshots        []*model.Snapshot
}

// active says whether there is a live definition. A VM that is active has no
// saved state: starting it used that up.
func (s *sources) active() bool {
	return s.state != libvirt.DOMAIN_SHUTOFF && s.state != libvirt.DOMAIN_CRASHED
}

// VM reads one VM; see inventory.Conn. While a command to its QEMU hangs, its
// definitions are those of the last time.
func (c *Conn) VM(ctx context.Context, uuid string) (*model.VM, error) {
	vm, err := c.readVM(ctx, uuid)
	if errs.Is(err, errs.NotFound) {
		c.eachReader(func(l *link) { l.handles.drop(uuid) })
		c.memory.forget(uuid)
	}
	return vm, err
}

func (c *Conn) readVM(ctx context.Context, uuid string) (*model.VM, error) {
	got, err := c.fetch(ctx, uuid, nil, onePatience)
	if errs.Is(err, errs.Busy) {
		if vm, ok := c.parsed.last(uuid); ok {
			return c.readBusy(ctx, uuid, vm)
		}
	}
	if err != nil {
		return nil, err
	}
	vm, err := c.parsed.parse(uuid, got.definitions)
	if err != nil {
		return nil, err
	}
	return c.complete(vm, got.sources), nil
}

// readBusy reads what is answered at once, whatever the VM does.
func (c *Conn) readBusy(ctx context.Context, uuid string, last *model.VM) (*model.VM, error) {
	s, err := read(ctx, c, func(conn *libvirt.Connect) (*sources, error) {
		dom, err := c.main.handles.borrow(conn, uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		return c.look(dom, uuid)
	})
	if err != nil {
		return nil, err
	}
	return c.complete(last, s), nil
}

// look asks for what libvirt answers without asking QEMU: two calls, and
// some more when the VM is new or its snapshots may have changed, or when it was
// just defined or undefined.
func (c *Conn) look(dom *libvirt.Domain, uuid string) (*sources, error) {
	s := &sources{uuid: uuid, persistent: true}
	var err error
	if s.state, s.reason, err = dom.GetState(); err != nil {
		return nil, err
	}
	if s.active() {
		s.persistent, err = c.isPersistent(dom, uuid)
	} else {
		s.saved, err = optional(dom.HasManagedSaveImage(0))
	}
	if err == nil && s.persistent {
		s.autostart, err = optional(dom.GetAutostart())
	}
	if err == nil {
		s.snapshots, err = c.snapshots(dom, uuid)
	}
	return s, err
}

// isPersistent remembers the answer: libvirt announces when it changes.
func (c *Conn) isPersistent(dom *libvirt.Domain, uuid string) (bool, error) {
	known, redefinitions := c.memory.isPersistent(uuid)
	if known != definedUnknown {
		return known == definedStored, nil
	}
	persistent, err := dom.IsPersistent()
	if err == nil {
		c.memory.setPersistent(uuid, persistent, redefinitions)
	}
	return persistent, err
}

// optional takes false for an answer that a driver does not have.
func optional(v bool, err error) (bool, error) {
	if unsupported(err) || hasCode(err, libvirt.ERR_OPERATION_INVALID) {
		return false, nil
	}
	return v, err
}

// complete adds to a VM what its definitions do not say.
func (c *Conn) complete(vm *model.VM, s *sources) *model.VM {
	vm.UUID = s.uuid
	vm.State, vm.StateReason = stateOf(s.state, s.reason)
	vm.Persistent = s.persistent
	vm.Autostart = s.autostart
	vm.HasSavedState = s.saved
	vm.Snapshots = s.snapshots
	if s.autostart {
		vm.ConfigVersion ^= 1
	}
	if s.active() {
		vm.StartedAt = c.startTime(vm.Name)
	} else {
		vm.ID = -1
	}
	if c.memory.complete(vm) {
		c.later(vm.UUID, taskSizes)
	}
	if vm.GuestAgent == model.AgentConnected && !c.memory.hasAgent(vm.UUID) {
		c.later(vm.UUID, taskAgent)
	}
	if c.memory.firstRun(vm) {
		c.askNeighboursSoon(vm.UUID)
	}
	return vm
}
