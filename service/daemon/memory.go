package daemon

import (
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// tidyAfter is how long after a change the process looks whether it has
	// grown: the changes that come with it are over by then.
	tidyAfter = 10 * time.Second
	// growth is how much more memory is worth a collection.
	growth = 1 << 20
	// gcPercent trades a little work after changes, which are few, for a
	// smaller heap all the time: what is garbage when many VMs are read at once
	// leaves holes among them that no collection closes.
	gcPercent = 25
)

// useLittleMemory sets how the heap may grow.
func useLittleMemory() { debug.SetGCPercent(gcPercent) }

// tidier returns memory that a burst left behind. Go itself gives it back only
// when it allocates again, which an idle service does not.
//
// It works after changes only, so that nothing wakes up while nothing happens.
type tidier struct {
	armed atomic.Bool // tidy will run
	held  uint64      // after the last time; tidy's own
}

// soon has it done in a while.
func (t *tidier) soon() {
	if t.armed.CompareAndSwap(false, true) {
		time.AfterFunc(tidyAfter, t.tidy)
	}
}

func (t *tidier) tidy() {
	defer t.armed.Store(false)
	if heldMemory() > t.held+growth {
		debug.FreeOSMemory()
		t.held = heldMemory()
	}
}

// heldMemory is the heap's memory that is in use or could be given back.
func heldMemory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() + sample[1].Value.Uint64()
}
