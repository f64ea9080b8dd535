package virt

import (
	"slices"
	"sync"
	"time"

	"org.kvmmanager/internal/model"
)

// memory is what a connection has learned about VMs that is too slow to ask
// for in a read, or that libvirt does not tell. Its lock is never held while
// libvirt is called: libvirt's event loop takes it.
type memory struct {
	mu     sync.Mutex
	vms    map[string]*learned // guarded by mu, by UUID
	leases map[string][]string // guarded by mu: addresses by MAC, from DHCP
}

// learned is what is known of one VM.
type learned struct {
	name          string
	vcpus         uint32
	defined       definedness
	redefinitions uint64
	startedAt     time.Time            // seen to start at
	sizes         map[diskKey]diskSize // nil until measured
	silent        []diskKey            // disks whose images did not answer
	disks         []diskKey            // that it had when it was last read
	macs          []string             // that it had when it was last read
	agent         map[string][]string  // addresses by MAC, as its guest agent says
	neighbours    map[string][]string  // addresses by MAC, from the host's ARP table
	seenRunning   bool                 // since it started
	startFailed   string               // libvirt's words about the last start
	snapshots     []*model.Snapshot    // as they were last read
	snapshotsRead bool                 // nothing has changed them since
	changes       uint64               // of snapshots, seen until now
}

// definedness says whether a running VM has a stored definition, too.
type definedness uint8

const (
	definedUnknown definedness = iota
	definedNot
	definedStored
)

// diskKey names one disk with one content.
type diskKey struct{ target, source string }

// diskSize is in bytes.
type diskSize struct{ capacity, allocation uint64 }

func newMemory() *memory { return &memory{vms: make(map[string]*learned)} }

// of gives the entry of a VM. The caller holds mu.
func (m *memory) of(uuid string) *learned {
	v := m.vms[uuid]
	if v == nil {
		v = &learned{}
		m.vms[uuid] = v
	}
	return v
}

// started notes that a VM was seen to start.
func (m *memory) started(uuid string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(uuid)
	v.startedAt, v.startFailed = at, ""
}

// redefined forgets whether a VM is persistent.
func (m *memory) redefined(uuid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(uuid)
	v.defined, v.startFailed = definedUnknown, ""
	v.redefinitions++
}

// isPersistent says whether a VM is persistent, if that is known, and how
// often it was defined or undefined until now.
func (m *memory) isPersistent(uuid string) (d definedness, redefinitions uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(uuid)
	return v.defined, v.redefinitions
}

// setPersistent notes whether a VM is persistent, unless it was defined or
// undefined while libvirt was asked.
func (m *memory) setPersistent(uuid string, persistent bool, redefinitions uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(uuid)
	switch {
	case v.redefinitions != redefinitions:
	case persistent:
		v.defined = definedStored
	default:
		v.defined = definedNot
	}
}

// stopped forgets what ends with the hypervisor process.
func (m *memory) stopped(uuid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(uuid)
	v.ended()
}

// ended forgets what ends with the hypervisor process. The caller holds mu.
func (v *learned) ended() {
	v.startedAt, v.agent, v.neighbours, v.seenRunning = time.Time{}, nil, nil, false
}

// forget drops a VM that is gone.
func (m *memory) forget(uuid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.vms, uuid)
}

// retain drops every VM that is not in the list.
func (m *memory) retain(uuids map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uuid := range m.vms {
		if !uuids[uuid] {
			delete(m.vms, uuid)
		}
	}
}

// snapshotsChanged notes that a VM's snapshots must be read again.
func (m *memory) snapshotsChanged(uuid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(uuid)
	v.snapshots, v.snapshotsRead = nil, false
	v.changes++
}

// snapshots is a VM's snapshots, if they are known, and how often they were seen
// to change until now.
func (m *memory) snapshots(uuid string) (list []*model.Snapshot, changes uint64, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(uuid)
	return v.snapshots, v.changes, v.snapshotsRead
}

// setSnapshots remembers a VM's snapshots, unless they changed while libvirt was
// asked.
func (m *memory) setSnapshots(uuid string, list []*model.Snapshot, changes uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.of(uuid); v.changes == changes {
		v.snapshots, v.snapshotsRead = list, true
	}
}

// vcpus is how many vCPUs a VM had when it was last read.
func (m *memory) vcpus(uuid string) uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.vms[uuid]; v != nil {
		return v.vcpus
	}
	return 0
}

// uuidOfName finds a VM by the name that it had when it was last read.
func (m *memory) uuidOfName(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uuid, v := range m.vms {
		if v.name == name {
			return uuid
		}
	}
	return ""
}

// disksOf is the disks of a VM when it was last read.
func (m *memory) disksOf(uuid string) []diskKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.vms[uuid]; v != nil {
		return v.disks
	}
	return nil
}

// unmeasured gives the VMs with a disk whose size is not known.
func (m *memory) unmeasured() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var uuids []string
	for uuid, v := range m.vms {
		if slices.ContainsFunc(v.disks, func(d diskKey) bool { _, known := v.sizes[d]; return !known }) {
			uuids = append(uuids, uuid)
		}
	}
	return uuids
}

// setSilent replaces the disks of a VM that do not answer and reports whether they
// differ.
func (m *memory) setSilent(uuid string, disks []diskKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.vms[uuid]
	if v == nil {
		return false
	}
	same := slices.Equal(v.silent, disks)
	v.silent = disks
	return !same
}

// withSilent lists the VMs that have a disk which does not answer.
func (m *memory) withSilent() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var uuids []string
	for uuid, v := range m.vms {
		if len(v.silent) > 0 {
			uuids = append(uuids, uuid)
		}
	}
	return uuids
}

// setSizes replaces the sizes of a VM's disks and says whether they differ. A disk
// that does not answer keeps the size that it had.
func (m *memory) setSizes(uuid string, sizes map[diskKey]diskSize) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.vms[uuid]
	if v == nil {
		return false // it is gone meanwhile
	}
	for _, d := range v.silent {
		if size, known := v.sizes[d]; known {
			sizes[d] = size
		}
	}
	same := len(v.sizes) == len(sizes)
	for k, s := range sizes {
		same = same && v.sizes[k] == s
	}
	v.sizes = sizes
	return !same
}

// setAgent replaces what the guest agent said and says whether that differs.
func (m *memory) setAgent(uuid string, byMAC map[string][]string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.vms[uuid]
	if v == nil {
		return false
	}
	differ := !sameAddresses(v.agent, byMAC)
	v.agent = byMAC
	return differ
}

// hasAgent says whether the guest agent has answered.
func (m *memory) hasAgent(uuid string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.vms[uuid]
	return v != nil && v.agent != nil
}

// setLeases replaces the DHCP leases and gives the VMs whose addresses differ.
func (m *memory) setLeases(byMAC map[string][]string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var changed []string
	for uuid, v := range m.vms {
		if slices.ContainsFunc(v.macs, func(mac string) bool { return !slices.Equal(m.leases[mac], byMAC[mac]) }) {
			changed = append(changed, uuid)
		}
	}
	m.leases = byMAC
	return changed
}

func sameAddresses(a, b map[string][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for mac, addresses := range a {
		if !slices.Equal(addresses, b[mac]) {
			return false
		}
	}
	return true
}

// complete adds what is remembered to a VM that was just read, and remembers
// what it needs of it. It says whether a disk has not been measured yet.
func (m *memory) complete(vm *model.VM) (unmeasured bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(vm.UUID)
	v.name, v.vcpus = vm.Name, vm.VCPUs
	if !vm.State.Active() {
		v.ended()
	}
	if vm.StartedAt.IsZero() {
		vm.StartedAt = v.startedAt
	}
	unmeasured = v.addSizes(vm)
	m.addAddresses(v, vm)
	return unmeasured
}

// addSizes fills in the disks' sizes.
func (v *learned) addSizes(vm *model.VM) (unmeasured bool) {
	v.disks = v.disks[:0:0]
	vm.DiskSize = 0
	for _, d := range vm.Disks {
		key := keyOf(d)
		if d.Kind != model.KindDisk || key.source == "" || key.target == "" {
			continue
		}
		v.disks = append(v.disks, key)
		size, known := v.sizes[key]
		d.Unresponsive = slices.Contains(v.silent, key)
		unmeasured = unmeasured || !known && !d.Unresponsive
		d.Capacity, d.Allocation = size.capacity, size.allocation
		vm.DiskSize += size.capacity
	}
	return unmeasured
}

// addAddresses fills in what the guest is reached at: what its agent says, and
// what DHCP leased to it; else what the host's ARP table has, which may be old.
func (m *memory) addAddresses(v *learned, vm *model.VM) {
	v.macs = v.macs[:0:0]
	vm.IPAddresses = nil
	for _, d := range vm.Interfaces {
		v.macs = append(v.macs, d.MAC)
		d.IPAddresses = nil
		if !vm.State.Active() {
			continue
		}
		addresses := slices.Concat(v.agent[d.MAC], m.leases[d.MAC])
		if len(addresses) == 0 {
			addresses = v.neighbours[d.MAC]
		}
		for _, address := range addresses {
			if !slices.Contains(d.IPAddresses, address) {
				d.IPAddresses = append(d.IPAddresses, address)
				vm.IPAddresses = append(vm.IPAddresses, address)
			}
		}
	}
}

// keyOf names a disk's present content.
func keyOf(d *model.Device) diskKey {
	source := d.Source
	if source == "" && d.Volume != "" {
		source = d.Pool + "/" + d.Volume
	}
	return diskKey{d.Target, source}
}
