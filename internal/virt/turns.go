package virt

import (
	"context"
	"sync"
)

// lane says which turns an operation waits for.
type lane uint8

const (
	laneWork     lane = iota // one at a time on a VM
	laneForce                // ends things: goes past what works or hangs
	laneWatch                // looks at what works: goes past it, too
	laneAgent                // asks guests' agents, which may never answer: libvirt lets other work go on beside
	laneFreeze               // has guests' agents do what may take minutes; on a VM it takes the turn of laneAgent
	laneTransfer             // moves the content of volumes, which may take hours; on a VM it takes the turn of laneWork
	laneVolumes              // reads and changes volumes, which may hang with their pool
	lanePools                // reads storage pools, which waits for whoever holds their locks
	laneCount

	// laneConsole is no lane of operations: whoever opens or ends a console
	// of a VM takes this turn besides.
	laneConsole
)

// How many operations are under way at once, over all VMs. They leave some of the
// twenty workers of libvirtd for reads: what forces needs none of these, and most of
// what is transferred none at all while it flows.
const (
	workAtOnce     = 6
	forceAtOnce    = 2
	watchAtOnce    = 3 // Statistics may hold two for long
	agentAtOnce    = 2
	freezeAtOnce   = 3
	transferAtOnce = 4
	volumesAtOnce  = 4
	poolsAtOnce    = 3

	// perPool is how many calls about the volumes of one pool are under way at
	// once: a pool that hangs takes half of the places.
	perPool = 2
)

// turns makes the operations on one VM go one at a time in each lane, and
// bounds how many there are over all VMs. A VM whose QEMU hangs thus holds one
// place, however many operations on it are asked for.
type turns struct {
	places [laneCount]chan struct{}

	mu  sync.Mutex
	vms map[turnKey]*turn // guarded by mu
}

type turnKey struct {
	uuid string
	lane lane
}

// atOnce is how many may have a turn of one object.
func (l lane) atOnce() int {
	if l == laneVolumes {
		return perPool
	}
	return 1
}

// turn is a lock that a context can stop waiting for.
type turn struct {
	held  chan struct{}
	users int // guarded by turns.mu
}

func newTurns() *turns {
	return &turns{
		places: [laneCount]chan struct{}{
			laneWork:     make(chan struct{}, workAtOnce),
			laneForce:    make(chan struct{}, forceAtOnce),
			laneWatch:    make(chan struct{}, watchAtOnce),
			laneAgent:    make(chan struct{}, agentAtOnce),
			laneFreeze:   make(chan struct{}, freezeAtOnce),
			laneTransfer: make(chan struct{}, transferAtOnce),
			laneVolumes:  make(chan struct{}, volumesAtOnce),
			lanePools:    make(chan struct{}, poolsAtOnce),
		},
		vms: make(map[turnKey]*turn),
	}
}

// take waits for a turn and returns what gives it back. Without a UUID the
// operation is about no VM in particular, and only the bound over all holds.
func (t *turns) take(ctx context.Context, uuid string, l lane) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err // a select might still take a free place
	}
	unlock := func() {}
	if uuid != "" {
		key := turnKey{uuid, l}
		switch l {
		case laneTransfer:
			key.lane = laneWork
		case laneFreeze:
			key.lane = laneAgent
		}
		var err error
		if unlock, err = t.lock(ctx, key); err != nil {
			return nil, err
		}
	}
	select {
	case t.places[l] <- struct{}{}:
		return func() { <-t.places[l]; unlock() }, nil
	case <-ctx.Done():
		unlock()
		return nil, ctx.Err()
	}
}

// lock waits for this turn.
func (t *turns) lock(ctx context.Context, key turnKey) (func(), error) {
	t.mu.Lock()
	v := t.vms[key]
	if v == nil {
		v = &turn{held: make(chan struct{}, key.lane.atOnce())}
		t.vms[key] = v
	}
	v.users++
	t.mu.Unlock()

	select {
	case v.held <- struct{}{}:
		return func() { <-v.held; t.forget(key, v) }, nil
	case <-ctx.Done():
		t.forget(key, v)
		return nil, ctx.Err()
	}
}

// forget drops a turn that nobody has or waits for.
func (t *turns) forget(key turnKey, v *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v.users--; v.users == 0 {
		delete(t.vms, key)
	}
}
