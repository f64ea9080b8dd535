package inventory

import (
	"context"
	"sync"
	"time"
)

const (
	// readsAtOnce is how many storage pools, or how many pools' volumes, are read
	// at once. What hangs is bounded by the hypervisor's connection.
	readsAtOnce = 8
	// longestRetry is how long what cannot be read is left alone at most.
	longestRetry = time.Minute
)

// parallel reads what a queue names, several objects at once, so that one which
// does not answer holds up no other. Each object is read once at a time.
type parallel struct {
	queue *queue
	read  func(ctx context.Context, k key, asked bool) error // asked: a caller waits for it
	// failed is told that a read failed, and how often in a row.
	failed func(k key, times int, err error)
}

// queued is an object to read and those who wait for it.
type queued struct {
	key     key
	waiters []chan error
}

// serve reads until ctx ends, and returns when no read is under way.
func (p *parallel) serve(ctx context.Context) {
	var (
		group    sync.WaitGroup
		ended    = make(chan key)
		busy     = map[string]bool{} // by the object's id
		parked   []queued            // objects that are being read already
		failures = map[key]int{}
		mu       sync.Mutex // guards failures
	)
	defer group.Wait()
	stopped, stop := context.WithCancel(ctx)
	defer stop()
	start := func(q queued) {
		busy[q.key.id] = true
		group.Add(1)
		go func() {
			defer group.Done()
			err := p.read(ctx, q.key, len(q.waiters) > 0)
			mu.Lock()
			times := 0
			if err != nil && ctx.Err() == nil {
				failures[q.key]++
				times = failures[q.key]
			} else {
				delete(failures, q.key)
			}
			mu.Unlock()
			if times > 0 {
				p.failed(q.key, times, err)
			}
			tell(q.waiters, err)
			select {
			case ended <- q.key:
			case <-stopped.Done():
			}
		}()
	}
	for {
		wake := p.queue.wake
		if len(busy) >= readsAtOnce {
			wake = nil
		}
		select {
		case <-ctx.Done():
			for _, q := range parked {
				tell(q.waiters, ctx.Err())
			}
			return
		case k := <-ended:
			delete(busy, k.id)
			if i := firstOf(parked, k.id); i >= 0 {
				next := parked[i]
				parked = append(parked[:i:i], parked[i+1:]...)
				start(next)
			}
		case <-wake:
			k, waiters, ok := p.queue.take()
			switch {
			case !ok:
			case busy[k.id]:
				parked = park(parked, queued{k, waiters})
			default:
				start(queued{k, waiters})
			}
		}
	}
}

// park adds an object, or those who wait for it to one that is there.
func park(parked []queued, q queued) []queued {
	for i := range parked {
		if parked[i].key == q.key {
			parked[i].waiters = append(parked[i].waiters, q.waiters...)
			return parked
		}
	}
	return append(parked, q)
}

func firstOf(parked []queued, id string) int {
	for i := range parked {
		if parked[i].key.id == id {
			return i
		}
	}
	return -1
}

// retryAfter is when something is tried again that has failed some times in a row.
func retryAfter(times int) time.Duration {
	return min(retryDelay<<min(times-1, 10), longestRetry)
}
