package virt

import (
	"sync"

	"org.kvmmanager/service/inventory"
)

// queueLimit bounds the hints that wait for the inventory. More than that means
// that it is far behind, and listing everything again is cheaper.
const queueLimit = 1024

// queue takes hints from callbacks, which must not block, and hands them out
// in order. A hint that is still waiting is not queued again.
type queue struct {
	out  chan inventory.Event
	wake chan struct{} // capacity 1
	stop chan struct{} // closed by close

	mu      sync.Mutex
	waiting []inventory.Event            // guarded by mu
	known   map[inventory.Event]struct{} // guarded by mu: what is in waiting
	closed  bool                         // guarded by mu
}

// newQueue starts delivering.
func newQueue() *queue {
	q := &queue{
		out:   make(chan inventory.Event),
		wake:  make(chan struct{}, 1),
		stop:  make(chan struct{}),
		known: make(map[inventory.Event]struct{}),
	}
	go q.deliver()
	return q
}

// push adds a hint and never blocks.
func (q *queue) push(e inventory.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if _, ok := q.known[e]; ok {
		return
	}
	if len(q.waiting) >= queueLimit {
		q.waiting = q.waiting[:0]
		clear(q.known)
		e = inventory.Event{Kind: inventory.HostEvent}
	}
	q.waiting = append(q.waiting, e)
	q.known[e] = struct{}{}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close ends the delivery; what waits is dropped. It may be called repeatedly.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.stop)
	}
}

// deliver hands out hints until close.
func (q *queue) deliver() {
	defer close(q.out)
	for {
		e, ok := q.pop()
		if !ok {
			select {
			case <-q.wake:
				continue
			case <-q.stop:
				return
			}
		}
		select {
		case q.out <- e:
		case <-q.stop:
			return
		}
	}
}

// pop takes the oldest hint.
func (q *queue) pop() (inventory.Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting = nil // lets a burst's memory go
		return inventory.Event{}, false
	}
	e := q.waiting[0]
	q.waiting = q.waiting[1:]
	delete(q.known, e)
	return e, true
}
