// Package fakehv is a hypervisor in memory, for what a real one cannot be made
// to do on demand: fail, hang, disappear, or have a thousand VMs at once.
package fakehv

import (
	"context"
	"fmt"
	"sync"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// Hypervisor is one machine that survives its connections.
type Hypervisor struct {
	mu        sync.Mutex
	vms       map[string]*model.VM
	networks  map[string]*model.Network
	pools     map[string]*model.StoragePool
	volumes   map[string]*volume // by the pool's UUID, a slash and the name
	links     map[string]string  // see Link
	ofAnother map[string]bool    // names of volumes, see SetOfAnother
	conns     map[*Conn]bool
	down      error
	hooks     map[string]func(context.Context, string) error
	checks    map[string][]model.StartCheck
	leases    map[string][]model.Lease // by the network's UUID
	counters  map[string]inventory.Counters
	calls     []string
	nextID    int32
	deaf      bool // guests do not shut down when they are asked

	capabilities model.Capabilities
}

// New makes an empty hypervisor.
func New() *Hypervisor {
	return &Hypervisor{
		vms: map[string]*model.VM{}, networks: map[string]*model.Network{}, pools: map[string]*model.StoragePool{},
		checks: map[string][]model.StartCheck{}, leases: map[string][]model.Lease{}, volumes: map[string]*volume{}, ofAnother: map[string]bool{}, links: map[string]string{},
		counters: map[string]inventory.Counters{}, conns: map[*Conn]bool{}, hooks: map[string]func(context.Context, string) error{},
		capabilities: model.Capabilities{
			DomainTypes: []string{"fake"}, MaxVCPUs: 16, PoolKinds: []string{"dir", "zfs"}, URLSchemes: []string{"https", "http"},
		},
	}
}

// SetCapabilities replaces what the host can give to VMs.
func (h *Hypervisor) SetCapabilities(c model.Capabilities) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.capabilities = c
}

// UUID is a UUID made of a number.
func UUID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

// VM is a plausible VM that is off.
func VM(n int, name string) *model.VM {
	return &model.VM{
		UUID: UUID(n), Name: name, ID: -1, State: model.VMShutOff, StateReason: "unknown", Persistent: true,
		VCPUs: 2, MaxVCPUs: 4, Memory: 1 << 30, MaxMemory: 1 << 30, Architecture: "x86_64", MachineType: "q35",
		Firmware: model.FirmwareBIOS, GuestAgent: model.AgentAbsent, ConfigVersion: uint64(n) + 1,
		Graphics: []*model.Device{{ID: "graphics-0", Kind: model.KindGraphics, Type: "vnc", Listen: "none"}},
		Consoles: []*model.Device{{ID: "serial-0", Kind: model.KindSerial, Type: "pty", Alias: "serial0"}},
	}
}

// Put adds or replaces a VM and announces it, as another tool would.
func (h *Hypervisor) Put(vm *model.VM) {
	h.mu.Lock()
	defer h.mu.Unlock()
	copied := *vm
	h.vms[vm.UUID] = &copied
	h.emit(inventory.Event{Kind: inventory.VMEvent, ID: vm.UUID})
}

// Crash announces that a VM crashed. It stays as it is, as one that was
// restarted at once.
func (h *Hypervisor) Crash(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit(inventory.Event{Kind: inventory.VMEvent, ID: uuid, Crashed: true})
}

// Drop removes a VM and announces it, as another tool would.
func (h *Hypervisor) Drop(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.vms, uuid)
	h.emit(inventory.Event{Kind: inventory.VMEvent, ID: uuid})
}

// PutNetwork adds or replaces a network.
func (h *Hypervisor) PutNetwork(n *model.Network) {
	h.mu.Lock()
	defer h.mu.Unlock()
	copied := *n
	h.networks[n.UUID] = &copied
	h.emit(inventory.Event{Kind: inventory.NetworkEvent, ID: n.UUID})
}

// PutLeases says what the DHCP server of a network has given out, besides the
// fixed leases.
func (h *Hypervisor) PutLeases(network string, leases ...model.Lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leases[network] = leases
}

// DropNetwork removes a network.
func (h *Hypervisor) DropNetwork(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.networks, uuid)
	h.emit(inventory.Event{Kind: inventory.NetworkEvent, ID: uuid})
}

// PutPool adds or replaces a pool.
func (h *Hypervisor) PutPool(p *model.StoragePool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	copied := *p
	h.pools[p.UUID] = &copied
	h.emit(inventory.Event{Kind: inventory.PoolEvent, ID: p.UUID})
}

// PutStartChecks says what CheckStart finds about a VM.
func (h *Hypervisor) PutStartChecks(uuid string, checks ...model.StartCheck) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[uuid] = checks
}

// PutCounters says what Statistics tells of a VM from now on.
func (h *Hypervisor) PutCounters(uuid string, c inventory.Counters) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counters[uuid] = c
}

// Hook runs before the named operation ("start", "read", "open", …) with the
// VM's UUID, and can make it fail, or wait. Nil removes it.
func (h *Hypervisor) Hook(operation string, hook func(ctx context.Context, uuid string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hook == nil {
		delete(h.hooks, operation)
		return
	}
	h.hooks[operation] = hook
}

// GoDown loses every connection, and refuses new ones with this error until
// ComeUp. The machine's VMs can be changed meanwhile.
func (h *Hypervisor) GoDown(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = err
	for c := range h.conns {
		c.lose(err)
	}
}

// ComeUp accepts connections again.
func (h *Hypervisor) ComeUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = nil
}

// Calls lists the operations so far, as "start UUID".
func (h *Hypervisor) Calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.calls...)
}

// Open implements inventory.Hypervisor. The URI does not matter.
func (h *Hypervisor) Open(ctx context.Context, uri string) (inventory.Conn, error) {
	if err := h.enter(ctx, "open", uri); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil {
		return nil, h.down
	}
	c := &Conn{h: h, events: make(chan inventory.Event, 4096)}
	h.conns[c] = true
	return c, nil
}

// enter notes an operation and runs its hook.
func (h *Hypervisor) enter(ctx context.Context, operation, id string) error {
	h.mu.Lock()
	h.calls = append(h.calls, operation+" "+id)
	hook := h.hooks[operation]
	h.mu.Unlock()
	if hook != nil {
		return hook(ctx, id)
	}
	return ctx.Err()
}

// emit tells every connection. The caller holds mu.
func (h *Hypervisor) emit(event inventory.Event) {
	for c := range h.conns {
		c.events <- event
	}
}

// edit changes one VM. Edits of the configuration also move its version.
func (h *Hypervisor) edit(uuid string, change func(*model.VM) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	vm := h.vms[uuid]
	if vm == nil {
		return errs.New(errs.NotFound, "The VM does not exist.")
	}
	next := *vm
	if err := change(&next); err != nil {
		return err
	}
	h.vms[uuid] = &next
	h.emit(inventory.Event{Kind: inventory.VMEvent, ID: uuid})
	return nil
}
