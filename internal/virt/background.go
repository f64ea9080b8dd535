package virt

import (
	"context"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/service/inventory"
)

// task is something to find out in the background.
type task uint8

const (
	taskSizes      task = iota + 1 // of a VM's disks
	taskAgent                      // which addresses its guest agent knows
	taskLeases                     // of all networks
	taskNeighbours                 // which addresses the host has seen it use
	taskPools                      // whether volumes came or went, and whether pools answer
	taskScratch                    // nothing: end what a killed process left
)

// taskPatience bounds how long the background waits for one answer. A VM that
// hangs costs the others that much, no more: its call keeps its turn.
const taskPatience = 3 * time.Second

// workers is how many tasks are under way at once.
const workers = 2

// chores is the set of tasks to do. A task that is asked for again while it
// waits is done once.
type chores struct {
	mu   sync.Mutex
	set  map[chore]struct{} // guarded by mu
	wake chan struct{}      // capacity 1
}

type chore struct {
	uuid string
	task task
}

// add never blocks.
func (s *chores) add(c chore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set[c] = struct{}{}
	s.signal()
}

func (s *chores) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take removes any task.
func (s *chores) take() (chore, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.set {
		delete(s.set, c)
		if len(s.set) > 0 {
			s.signal() // for the other worker
		}
		return c, true
	}
	return chore{}, false
}

// later asks for a task and never blocks.
func (c *Conn) later(uuid string, t task) { c.chores.add(chore{uuid, t}) }

// agentDelays is when a guest agent is asked after it appeared: it often comes
// up before the guest's network does, and announces nothing later.
var agentDelays = [...]time.Duration{0, 5 * time.Second, 30 * time.Second}

// askAgentSoon has a guest asked for its addresses; it never blocks.
func (c *Conn) askAgentSoon(uuid string) {
	for _, d := range agentDelays {
		c.afterwards(d, chore{uuid, taskAgent})
	}
}

// measureAgain is when disks are measured again that could not be because
// their VM was busy: what it was busy with may end without an event.
const measureAgain = 5 * time.Second

// afterwards asks for a task once a while has passed; it never blocks.
func (c *Conn) afterwards(d time.Duration, job chore) {
	time.AfterFunc(d, func() {
		if c.ctx.Err() == nil {
			c.chores.add(job)
		}
	})
}

// startBackground starts the workers and the watching.
func (c *Conn) startBackground() {
	for range workers {
		c.tasks.Add(1)
		go c.work()
	}
	c.startWatching()
}

// work does tasks until the connection ends.
func (c *Conn) work() {
	defer c.tasks.Done()
	for {
		job, ok := c.chores.take()
		if !ok {
			select {
			case <-c.chores.wake:
				continue
			case <-c.ctx.Done():
				return
			}
		}
		if c.ctx.Err() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(c.ctx, taskPatience)
		c.doChore(ctx, job)
		cancel()
	}
}

// doChore finds something out and announces what differs. What fails is not
// news: the VM may be gone, and a driver may not support it.
func (c *Conn) doChore(ctx context.Context, job chore) {
	var changed []string
	switch job.task {
	case taskSizes:
		differ, err := c.measure(ctx, job.uuid)
		if differ {
			changed = []string{job.uuid}
		}
		if err != nil && !hasCode(err, libvirt.ERR_NO_DOMAIN) {
			c.afterwards(measureAgain, job)
		}
	case taskAgent:
		if byMAC, err := c.agentAddresses(ctx, job.uuid); err == nil && c.memory.setAgent(job.uuid, byMAC) {
			changed = []string{job.uuid}
		}
	case taskNeighbours:
		if byMAC, err := c.neighbours(ctx, job.uuid); err == nil && c.memory.setNeighbours(job.uuid, byMAC) {
			changed = []string{job.uuid}
		}
	case taskScratch:
		c.clearScratch(ctx)
	case taskPools:
		c.lookAtPools(ctx)
	case taskLeases:
		if byMAC, err := c.leases(ctx); err == nil {
			changed = c.memory.setLeases(byMAC)
		}
	}
	for _, uuid := range changed {
		c.queue.push(inventory.Event{Kind: inventory.VMEvent, ID: uuid})
	}
}

// measure asks for the sizes of a VM's disks and reports whether they differ. It
// may wait for QEMU, so it takes a turn like any operation on that VM. libvirt
// opens an image while it holds the VM's lock, which its list of VMs waits for, so
// it is not asked about a disk that does not answer.
func (c *Conn) measure(ctx context.Context, uuid string) (differ bool, err error) {
	disks, silent := c.answeringDisks(ctx, c.memory.disksOf(uuid))
	differ = c.memory.setSilent(uuid, silent)
	if len(disks) == 0 {
		return differ, nil
	}
	sizes, err := operate(ctx, c, work[map[diskKey]diskSize]{uuid: uuid}, func(conn *libvirt.Connect) (map[diskKey]diskSize, error) {
		dom, err := conn.LookupDomainByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		return measureAll(conn, dom, disks)
	})
	return err == nil && c.memory.setSizes(uuid, sizes) || differ, err
}

// answeringDisks splits disks into those that libvirt can be asked about and those
// that do not answer.
func (c *Conn) answeringDisks(ctx context.Context, disks []diskKey) (answering, silent []diskKey) {
	for _, d := range disks {
		if filepath.IsAbs(d.source) && c.refuseSilent(ctx, d.source) != nil {
			silent = append(silent, d)
		} else {
			answering = append(answering, d)
		}
	}
	return answering, silent
}

// measureAll asks for one disk after the other. A disk that cannot be measured
// has size zero; a volume that is not there yet is left out, as its pool tells
// when it comes.
func measureAll(conn *libvirt.Connect, dom *libvirt.Domain, disks []diskKey) (map[diskKey]diskSize, error) {
	sizes := make(map[diskKey]diskSize, len(disks))
	for _, d := range disks {
		info, err := dom.GetBlockInfo(d.target, 0)
		switch {
		case err == nil:
			sizes[d] = diskSize{info.Capacity, info.Allocation}
		case hasCode(err, libvirt.ERR_NO_SUPPORT):
			sizes[d] = diskSize{}
		case hasCode(err, libvirt.ERR_NO_DOMAIN, libvirt.ERR_OPERATION_TIMEOUT):
			return nil, err
		default:
			if size, found := volumeSize(conn, d); found {
				sizes[d] = size
			}
		}
	}
	return sizes, nil
}

// volumeSize asks the storage pool for a disk that is a volume: of a VM that is
// off, libvirt does not know where the volume is. Of any other disk the size is
// zero.
func volumeSize(conn *libvirt.Connect, d diskKey) (size diskSize, found bool) {
	name, volume, isVolume := strings.Cut(d.source, "/")
	if !isVolume || name == "" {
		return diskSize{}, true
	}
	pool, err := conn.LookupStoragePoolByName(name)
	if err != nil {
		return diskSize{}, false
	}
	defer pool.Free()
	vol, err := pool.LookupStorageVolByName(volume)
	if err != nil {
		return diskSize{}, false
	}
	defer vol.Free()
	info, err := vol.GetInfo()
	if err != nil {
		return diskSize{}, false
	}
	return diskSize{info.Capacity, info.Allocation}, true
}

// agentAddresses asks a guest's agent, which must be connected.
func (c *Conn) agentAddresses(ctx context.Context, uuid string) (map[string][]string, error) {
	return askAgent(ctx, c, uuid, func(dom *libvirt.Domain) (map[string][]string, error) {
		interfaces, err := dom.ListAllInterfaceAddresses(libvirt.DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
		if err != nil {
			return nil, err
		}
		return byMAC(interfaces), nil
	})
}

// leases lists the DHCP leases of all networks that run: one call for each
// network, however many VMs there are.
func (c *Conn) leases(ctx context.Context) (map[string][]string, error) {
	return read(ctx, c, func(conn *libvirt.Connect) (map[string][]string, error) {
		networks, err := conn.ListAllNetworks(libvirt.CONNECT_LIST_NETWORKS_ACTIVE)
		if err != nil {
			return nil, err
		}
		byMAC := make(map[string][]string)
		for i := range networks {
			leases, err := networks[i].GetDHCPLeases()
			_ = networks[i].Free()
			if err != nil {
				continue // not every network leases addresses
			}
			for _, l := range leases {
				mac := strings.ToLower(l.Mac)
				byMAC[mac] = append(byMAC[mac], l.IPaddr)
			}
		}
		return byMAC, nil
	})
}

// reachable leaves out addresses that lead nowhere from outside the guest, and
// those with a zone, which may be any text.
func reachable(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && a.Zone() == "" && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified()
}
