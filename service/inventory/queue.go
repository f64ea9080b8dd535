package inventory

import "sync"

// key names an object to read again.
type key struct {
	kind EventKind
	id   string
}

// queue holds what must be read again, each object once however many events
// came for it.
type queue struct {
	mu      sync.Mutex
	order   []key
	waiters map[key][]chan error
	wake    chan struct{} // holds a token while the queue may be non-empty
}

func newQueue() *queue {
	return &queue{waiters: map[key][]chan error{}, wake: make(chan struct{}, 1)}
}

// add queues an object. If done is not nil, it gets the outcome of a read that
// began later than this call, or why there is none. It has room for that.
func (q *queue) add(k key, done chan error) {
	q.mu.Lock()
	waiters, queued := q.waiters[k]
	if !queued {
		q.order = append(q.order, k)
	}
	if done != nil {
		waiters = append(waiters, done)
	}
	q.waiters[k] = waiters
	q.mu.Unlock()
	q.poke()
}

// take removes the oldest object and those who wait for it.
func (q *queue) take() (k key, waiters []chan error, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return key{}, nil, false
	}
	k, q.order = q.order[0], q.order[1:]
	waiters = q.waiters[k]
	delete(q.waiters, k)
	if len(q.order) > 0 {
		q.poke()
	}
	return k, waiters, true
}

// drop empties the queue and tells everybody why.
func (q *queue) drop(why error) {
	for {
		_, waiters, ok := q.take()
		if !ok {
			return
		}
		tell(waiters, why)
	}
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// tell lets those who wait for a read know what came of it.
func tell(waiters []chan error, err error) {
	for _, w := range waiters {
		w <- err
	}
}
