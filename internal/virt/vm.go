package virt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/model"
)

// sources is what libvirt says about a VM.
type sources struct {
	uuid             string
	id               int32
	state            libvirt.DomainState
	reason           int
	persistent       bool
	autostart, saved bool
	live, stored     string // XML; live is empty when the VM is off, stored when it is transient
}

// VM reads one VM; see inventory.Conn.
func (c *Conn) VM(ctx context.Context, uuid string) (*model.VM, error) {
	s, err := read(ctx, c, func(conn *libvirt.Connect) (*sources, error) {
		dom, err := conn.LookupDomainByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		return ask(dom, uuid)
	})
	if err != nil {
		return nil, err
	}
	return c.build(s, true)
}

// ask reads everything about one VM, a call at a time.
func ask(dom *libvirt.Domain, uuid string) (*sources, error) {
	s := &sources{uuid: uuid, persistent: true}
	var err error
	if s.state, s.reason, err = dom.GetState(); err != nil {
		return nil, err
	}
	if s.active() {
		if s.persistent, err = dom.IsPersistent(); err != nil {
			return nil, err
		}
	}
	if s.persistent {
		if s.autostart, err = optional(dom.GetAutostart()); err != nil {
			return nil, err
		}
		if s.saved, err = optional(dom.HasManagedSaveImage(0)); err != nil {
			return nil, err
		}
	}
	return s, s.describe(dom)
}

// optional takes false for an answer that a driver does not have.
func optional(v bool, err error) (bool, error) {
	if unsupported(err) || hasCode(err, libvirt.ERR_OPERATION_INVALID) {
		return false, nil
	}
	return v, err
}

func (s *sources) active() bool {
	return s.state != libvirt.DOMAIN_SHUTOFF && s.state != libvirt.DOMAIN_CRASHED
}

// describe reads the definitions. Neither ever holds a password.
func (s *sources) describe(dom *libvirt.Domain) (err error) {
	s.id = -1
	if s.active() {
		if s.live, err = dom.GetXMLDesc(0); err != nil {
			return err
		}
		// The handle knows the number: this asks nobody. It has none when
		// the VM stopped a moment ago, and then an event says so.
		if id, err := dom.GetID(); err == nil {
			s.id = int32(id)
		}
	}
	if s.persistent {
		s.stored, err = dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	}
	return err
}

// build makes the model of what libvirt said. Parsing takes longer than all
// calls together, so a read of one VM that changed often remembers its last.
func (c *Conn) build(s *sources, remember bool) (*model.VM, error) {
	vm, err := c.parsed.parse(s, remember)
	if err != nil {
		return nil, err
	}
	vm.UUID = s.uuid
	vm.ID = s.id
	vm.State, vm.StateReason = stateOf(s.state, s.reason)
	vm.Persistent = s.persistent
	vm.Autostart = s.autostart
	vm.HasSavedState = s.saved
	vm.ConfigVersion = s.version()
	if s.active() {
		vm.StartedAt = c.startTime(vm.Name)
	}
	if c.memory.complete(vm) {
		c.later(vm.UUID, taskSizes)
	}
	if vm.GuestAgent == model.AgentConnected && !c.memory.hasAgent(vm.UUID) {
		c.later(vm.UUID, taskAgent)
	}
	return vm, nil
}

// version is a number that is another one after each change of the stored
// configuration, and the same again after a restart of the service.
func (s *sources) version() uint64 {
	if !s.persistent {
		return 0
	}
	h := sha256.New()
	h.Write([]byte(s.stored))
	if s.autostart {
		h.Write([]byte{1})
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// rememberedVMs is how many parsed VMs are kept. Events come in bursts about
// few VMs; keeping all would double the service's memory.
const rememberedVMs = 64

// parsed keeps what was parsed last of some VMs.
type parsed struct {
	mu    sync.Mutex
	vms   map[string]parse // guarded by mu, by UUID
	order []string         // guarded by mu: oldest first
}

// parse is a parsed VM and the texts that it came from.
type parse struct {
	sum [sha256.Size]byte
	vm  *model.VM // never handed out itself
}

// parse gives a VM of the caller's own.
func (p *parsed) parse(s *sources, remember bool) (*model.VM, error) {
	if !remember {
		return domainxml.ParseVM(s.live, s.stored)
	}
	sum := s.sum()
	p.mu.Lock()
	known, ok := p.vms[s.uuid]
	p.mu.Unlock()
	if !ok || known.sum != sum {
		vm, err := domainxml.ParseVM(s.live, s.stored)
		if err != nil {
			return nil, err
		}
		known = parse{sum, vm}
		p.keep(s.uuid, known)
	}
	return clone(known.vm), nil
}

// sum tells texts apart.
func (s *sources) sum() (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write([]byte(s.live))
	h.Write([]byte{0})
	h.Write([]byte(s.stored))
	h.Sum(sum[:0])
	return sum
}

// keep remembers a VM and forgets the one that was new longest ago.
func (p *parsed) keep(uuid string, v parse) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.vms == nil {
		p.vms = make(map[string]parse)
	}
	if _, ok := p.vms[uuid]; !ok {
		p.order = append(p.order, uuid)
	}
	p.vms[uuid] = v
	if len(p.order) > rememberedVMs {
		delete(p.vms, p.order[0])
		p.order = slices.Delete(p.order, 0, 1)
	}
}

// clone copies what a caller may change.
func clone(vm *model.VM) *model.VM {
	v := *vm
	v.BootOrder = slices.Clone(vm.BootOrder)
	v.Tags = slices.Clone(vm.Tags)
	v.IPAddresses = slices.Clone(vm.IPAddresses)
	v.PendingChanges = slices.Clone(vm.PendingChanges)
	for _, devices := range []*[]model.Device{&v.Disks, &v.Interfaces, &v.Graphics, &v.Consoles, &v.Devices, &v.Shares} {
		*devices = slices.Clone(*devices)
	}
	return &v
}
