package virt

import (
	"crypto/sha256"
	"slices"
	"sync"

	"org.kvmmanager/internal/model"
)

// rememberedVMs is how many parsed VMs are kept. Events come in bursts about
// few VMs; keeping all would double the service's memory.
const rememberedVMs = 64

// parsed keeps what was parsed last of some VMs: parsing takes longer than
// asking.
type parsed struct {
	alike alike

	mu    sync.Mutex
	vms   map[string]parse // guarded by mu, by UUID
	order []string         // guarded by mu: oldest first
}

// parse is a parsed VM and what it came from.
type parse struct {
	sum [sha256.Size]byte

	vm *model.VM // never handed out itself
}

// parse gives a VM of the caller's own, and remembers it.
func (p *parsed) parse(uuid string, d definitions) (*model.VM, error) {
	sum := d.sum()
	p.mu.Lock()
	known, ok := p.vms[uuid]
	p.mu.Unlock()
	if !ok || known.sum != sum {
		vm, err := p.fresh(d)
		if err != nil {
			return nil, err
		}
		known = parse{sum: sum, vm: vm}
		p.keep(uuid, known)
	}
	return clone(known.vm), nil
}

// fresh parses and remembers nothing.
func (p *parsed) fresh(d definitions) (*model.VM, error) {
	vm, err := d.parse()
	if err == nil {
		p.alike.share(vm.Graphics, vm.Consoles, vm.Shares, vm.Devices)
	}
	return vm, err
}

// last gives what was parsed last of a VM, if that is remembered.
func (p *parsed) last(uuid string) (*model.VM, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.vms[uuid]
	if !ok {
		return nil, false
	}
	return clone(known.vm), true
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

// sum tells definitions apart.
func (d definitions) sum() (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write([]byte(d.live))
	h.Write([]byte{0})
	h.Write([]byte(d.stored))
	h.Sum(sum[:0])
	return sum
}

// clone copies what is filled in later: the disks and interfaces among it. The
// rest never changes and is shared.
func clone(vm *model.VM) *model.VM {
	v := *vm
	v.BootOrder = slices.Clone(vm.BootOrder)
	v.Tags = slices.Clone(vm.Tags)
	v.IPAddresses = slices.Clone(vm.IPAddresses)
	v.PendingChanges = slices.Clone(vm.PendingChanges)
	v.Disks, v.Interfaces = copied(vm.Disks), copied(vm.Interfaces)
	return &v
}

func copied(devices []*model.Device) []*model.Device {
	out := slices.Clone(devices)
	for i, d := range out {
		own := *d
		out[i] = &own
	}
	return out
}
