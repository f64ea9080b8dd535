package inventory

import (
	"context"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Host is the picture of one hypervisor. One goroutine of its own connects,
// reads and publishes; everybody else looks things up.
type Host struct {
	inv    *Inventory
	id     string
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
	queue  *queue
	// volumeQueue is the pools whose volumes are to be read.
	volumeQueue *queue
	poolQueue   *queue
	retry       chan struct{} // has an element when somebody asks to connect now
	// crashes is which VMs an event has called crashed and that have not been
	// read since. It belongs to the goroutine.
	crashes map[string]bool

	// publishing orders what is published; it is taken before mu and held
	// while the publisher works, so that no two updates change places.
	publishing sync.Mutex

	sampling sync.Mutex // held by Sample: one at a time
	samples  sampling

	mu          sync.RWMutex
	info        *model.Host
	conn        Conn // nil while disconnected
	vms         map[string]*model.VM
	networks    map[string]*model.Network
	pools       map[string]*model.StoragePool
	volumes     volumeSet
	paths       *paths
	tooMany     bool                       // some volumes are not shown
	readingNow  map[string]map[string]bool // by pool that is read: the volumes that were read for themselves since
	singles     map[string]chan struct{}   // by pool, see singleOf
	poolReads   map[string]uint64          // how often a pool was read for itself, see relistPools
	lastRead    map[string]time.Time       // when the last reading of a pool's volumes began
	transitions map[string][]*transition   // what jobs are about to do, by UUID
	refused     map[model.Path]bool        // paths that another host owns
	changed     chan struct{}              // closed and replaced after each published update
}

func newHost(inv *Inventory, id, uri string, cancel context.CancelFunc) *Host {
	known := newPaths()
	return &Host{
		inv: inv, id: id, log: inv.log.With("host", id), cancel: cancel,
		done: make(chan struct{}), queue: newQueue(), volumeQueue: newQueue(), poolQueue: newQueue(), singles: map[string]chan struct{}{}, poolReads: map[string]uint64{}, retry: make(chan struct{}, 1), crashes: map[string]bool{},
		info:        &model.Host{ID: id, URI: uri, State: model.Connecting},
		vms:         map[string]*model.VM{},
		networks:    map[string]*model.Network{},
		pools:       map[string]*model.StoragePool{},
		volumes:     newVolumeSet(known),
		paths:       known,
		readingNow:  map[string]map[string]bool{},
		lastRead:    map[string]time.Time{},
		transitions: map[string][]*transition{},
		refused:     map[model.Path]bool{},
		changed:     make(chan struct{}),
	}
}

// Reconnect has a host that is not connected tried soon. What comes of it is
// published.
func (h *Host) Reconnect() {
	select {
	case h.retry <- struct{}{}:
	default:
	}
}

// ID is the host's id.
func (h *Host) ID() string { return h.id }

// Info is what is known of the host itself.
func (h *Host) Info() *model.Host {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.info
}

// Conn is the open connection, or a Disconnected error with the reason.
func (h *Host) Conn() (Conn, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.conn != nil && h.info.State == model.Connected {
		return h.conn, nil
	}
	message := h.info.StateMessage
	if message == "" {
		message = "The host is not connected yet. Try again in a moment."
	}
	return nil, errs.New(errs.Disconnected, "%s", message)
}

// VM is the VM with this UUID; nil when there is none.
func (h *Host) VM(uuid string) *model.VM {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.vms[uuid]
}

// FindVM is the VM with this name, or else this UUID; nil when there is none.
func (h *Host) FindVM(nameOrUUID string) *model.VM {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, vm := range h.vms {
		if vm.Name == nameOrUUID {
			return vm
		}
	}
	return h.vms[strings.ToLower(nameOrUUID)]
}

// VMs lists the VMs by name.
func (h *Host) VMs() []*model.VM {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return sorted(h.vms, func(v *model.VM) string { return v.Name + "\x00" + v.UUID })
}

// Networks lists the networks by name.
func (h *Host) Networks() []*model.Network {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return sorted(h.networks, func(n *model.Network) string { return n.Name + "\x00" + n.UUID })
}

// Pools lists the storage pools by name.
func (h *Host) Pools() []*model.StoragePool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return sorted(h.pools, func(p *model.StoragePool) string { return p.Name + "\x00" + p.UUID })
}

// Refresh reads a VM again and returns when what changed has been announced. A VM
// that is gone is no error. When the read fails nothing has changed, and it is tried
// again later; a host that is not connected is Disconnected.
func (h *Host) Refresh(ctx context.Context, uuid string) error {
	return h.refresh(ctx, key{VMEvent, uuid})
}

// RefreshNetwork does the same for a network.
func (h *Host) RefreshNetwork(ctx context.Context, uuid string) error {
	return h.refresh(ctx, key{NetworkEvent, uuid})
}

// RefreshPool does the same for a storage pool itself, without its volumes.
func (h *Host) RefreshPool(ctx context.Context, uuid string) error {
	return h.wait(ctx, h.poolQueue, key{poolOnly, uuid})
}

func (h *Host) refresh(ctx context.Context, k key) error { return h.wait(ctx, h.queue, k) }

// removed is what those get who wait for a host that is gone.
func removed() error { return errs.New(errs.Disconnected, "The host was removed meanwhile.") }

// wait has something read again and waits until that has been announced.
func (h *Host) wait(ctx context.Context, q *queue, k key) error {
	done := make(chan error, 1)
	q.add(k, done)
	// Only now: what is queued after the connection was lost is not dropped.
	if _, err := h.Conn(); err != nil {
		return err
	}
	select {
	case err := <-done:
		if errs.Is(err, errs.Cancelled) { // by the end of the connection, not by the caller
			return errs.Wrap(errs.Disconnected, err, "The connection to the host ended meanwhile.")
		}
		return err
	case <-h.done:
		return removed()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WaitFor returns when the VM (nil once it is gone) is as the caller wants it,
// or when ctx ends.
func (h *Host) WaitFor(ctx context.Context, uuid string, ready func(*model.VM) bool) error {
	return h.await(ctx, func() bool { return ready(h.vms[uuid]) })
}

// AwaitState returns when the host is in a state that the caller wants, or
// when ctx ends.
func (h *Host) AwaitState(ctx context.Context, ready func(model.ConnectionState) bool) error {
	return h.await(ctx, func() bool { return ready(h.info.State) })
}

// await waits for a picture that is ready, which it asks with mu held. It
// looks only at what has been published: whoever is told sees the same.
func (h *Host) await(ctx context.Context, ready func() bool) error {
	for {
		h.publishing.Lock()
		h.mu.RLock()
		now, changed := ready(), h.changed
		h.mu.RUnlock()
		h.publishing.Unlock()
		if now {
			return nil
		}
		select {
		case <-changed:
		case <-h.done:
			return removed()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// transition is a state that a job is about to bring about.
type transition struct {
	state  model.VMState
	ending bool // it ends with the next read
}

// SetTransition shows a VM in a state that a job is about to bring about, until
// end is called. It returns when that has been announced. Of several jobs, the
// one that came last is shown.
//
// end shows what is true, and returns when that has been announced.
func (h *Host) SetTransition(uuid string, state model.VMState) (end func(context.Context) error) {
	t := &transition{state: state}
	h.apply(func(u *Update) {
		h.transitions[uuid] = append(h.transitions[uuid], t)
		if old := h.vms[uuid]; old != nil && old.State != state {
			next := *old
			next.State, next.StateReason = state, ""
			h.putVM(u, &next)
		}
	})
	return func(ctx context.Context) error {
		h.mu.Lock()
		t.ending = true
		h.mu.Unlock()
		err := h.Refresh(ctx, uuid)
		h.endTransitions(uuid) // without a connection nobody has read
		return err
	}
}

// endTransitions forgets the transitions that are to end. It comes right before
// a read, so that no earlier one, which saw the VM on its way, is shown.
func (h *Host) endTransitions(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := slices.DeleteFunc(h.transitions[uuid], func(t *transition) bool { return t.ending })
	if len(left) == 0 {
		delete(h.transitions, uuid)
		return
	}
	h.transitions[uuid] = left
}

func (h *Host) vmAt(path model.Path) *model.VM {
	h.mu.RLock()
	defer h.mu.RUnlock()
	uuid := strings.ReplaceAll(strings.TrimPrefix(string(path), string(model.Root)+"/vms/"), "_", "-")
	return h.vms[uuid]
}

func (h *Host) wants(path model.Path) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.refused[path]
}

// stop ends the goroutine and the connection.
func (h *Host) stop() {
	h.cancel()
	<-h.done
}

func sorted[T any](m map[string]*T, by func(*T) string) []*T {
	list := make([]*T, 0, len(m))
	for _, v := range m {
		list = append(list, v)
	}
	sort.Slice(list, func(i, j int) bool { return by(list[i]) < by(list[j]) })
	return list
}
