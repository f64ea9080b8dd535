package inventory

import (
	"context"
	"log/slog"
	"sort"
	"sync"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Publisher learns of every change, in order per host. Publish returns when
// the change is visible and announced.
type Publisher interface {
	Publish(Update)
}

// Diff is one object before and after a change: Old is nil for a new object,
// New for one that is gone.
type Diff[T any] struct{ Old, New *T }

// Update is a set of changes that belong together.
type Update struct {
	Host     Diff[model.Host]
	VMs      []Diff[model.VM]
	Networks []Diff[model.Network]
	Pools    []Diff[model.StoragePool]
	Volumes  []Diff[model.StorageVolume]

	volumeAt map[*model.StorageVolume]int // where a new value is in Volumes
	relink   bool                         // paths of volumes and disks are known better
}

func (u *Update) empty() bool {
	return u.Host == Diff[model.Host]{} && len(u.VMs) == 0 && len(u.Networks) == 0 && len(u.Pools) == 0 && len(u.Volumes) == 0
}

// Inventory is the set of hosts.
type Inventory struct {
	hypervisor Hypervisor
	publisher  Publisher
	log        *slog.Logger

	mu     sync.Mutex
	hosts  map[string]*Host
	owners map[model.Path]*Host // which host an object's path belongs to
}

// New makes an inventory without hosts.
func New(hypervisor Hypervisor, publisher Publisher, log *slog.Logger) *Inventory {
	return &Inventory{
		hypervisor: hypervisor, publisher: publisher, log: log,
		hosts: map[string]*Host{}, owners: map[model.Path]*Host{},
	}
}

// Add starts to connect to a host and returns at once. The id must be new.
func (inv *Inventory) Add(id, uri string) (*Host, error) {
	inv.mu.Lock()
	if inv.hosts[id] != nil {
		inv.mu.Unlock()
		return nil, errs.New(errs.AlreadyExists, "There is already a host called “%s”.", id)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := newHost(inv, id, uri, cancel)
	inv.hosts[id] = h
	inv.mu.Unlock()
	h.apply(func(u *Update) { u.Host.New = h.info })
	go h.supervise(ctx)
	return h, nil
}

// Remove disconnects from a host and withdraws everything below it. It
// returns when that has been announced.
func (inv *Inventory) Remove(id string) error {
	inv.mu.Lock()
	h := inv.hosts[id]
	delete(inv.hosts, id)
	inv.mu.Unlock()
	if h == nil {
		return errs.New(errs.NotFound, "There is no host called “%s”.", id)
	}
	h.stop()
	h.withdraw()
	return nil
}

// Close disconnects from every host. Objects stay published: the process is
// about to end.
func (inv *Inventory) Close() {
	var wg sync.WaitGroup
	for _, h := range inv.Hosts() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			h.stop()
		}()
	}
	wg.Wait()
}

// Hosts lists the hosts by id.
func (inv *Inventory) Hosts() []*Host {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	hosts := make([]*Host, 0, len(inv.hosts))
	for _, h := range inv.hosts {
		hosts = append(hosts, h)
	}
	sort.Slice(hosts, func(i, j int) bool { return hosts[i].id < hosts[j].id })
	return hosts
}

// Host finds a host by its object path; nil when there is none.
func (inv *Inventory) Host(path model.Path) *Host {
	for _, h := range inv.Hosts() {
		if model.HostPath(h.id) == path {
			return h
		}
	}
	return nil
}

// VM finds a VM and its host by the VM's object path; nil when there is none.
func (inv *Inventory) VM(path model.Path) (*Host, *model.VM) {
	inv.mu.Lock()
	h := inv.owners[path]
	inv.mu.Unlock()
	if h == nil {
		return nil, nil
	}
	if vm := h.vmAt(path); vm != nil {
		return h, vm
	}
	return nil, nil
}

// Network finds a network and its host by the network's object path; nil when
// there is none.
func (inv *Inventory) Network(path model.Path) (*Host, *model.Network) {
	return below(inv, path, (*Host).Networks)
}

// Pool finds a storage pool and its host by the pool's object path; nil when
// there is none.
func (inv *Inventory) Pool(path model.Path) (*Host, *model.StoragePool) {
	return below(inv, path, (*Host).Pools)
}

// Volume finds a storage volume, its pool and its host by the volume's object
// path; nil when there is none.
func (inv *Inventory) Volume(path model.Path) (*Host, *model.StoragePool, *model.StorageVolume) {
	owner, name, ok := model.SplitVolumePath(path)
	if !ok {
		return nil, nil, nil
	}
	h, pool := inv.Pool(owner)
	if pool == nil {
		return nil, nil, nil
	}
	v := h.Volume(pool.UUID, name)
	if v == nil {
		return nil, nil, nil
	}
	return h, pool, v
}

// below finds one of the few objects of a kind that a host has.
func below[T any, P interface {
	*T
	Path() model.Path
}](inv *Inventory, path model.Path, all func(*Host) []*T) (*Host, *T) {
	inv.mu.Lock()
	h := inv.owners[path]
	inv.mu.Unlock()
	if h == nil {
		return nil, nil
	}
	for _, v := range all(h) {
		if P(v).Path() == path {
			return h, v
		}
	}
	return nil, nil
}

// claim makes h the owner of a path, unless there is one, and gives the owner. Two
// hosts may show the same UUID (a copy, a migration under way): the first keeps the
// path, and the other one's object is left out until it is free.
func (inv *Inventory) claim(path model.Path, h *Host) (owner *Host) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.owners[path] == nil {
		inv.owners[path] = h
	}
	return inv.owners[path]
}

// release gives a path up; the other hosts look again, in case they have it.
func (inv *Inventory) release(path model.Path, h *Host) {
	inv.mu.Lock()
	if inv.owners[path] == h {
		delete(inv.owners, path)
	}
	inv.mu.Unlock()
	for _, other := range inv.Hosts() {
		if other != h && other.wants(path) {
			other.queue.add(key{kind: HostEvent}, nil)
		}
	}
}
