package daemon

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"org.kvmmanager/internal/virt"
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

// tidier returns memory that a burst left behind. Neither Go nor the allocator of
// libvirt's library does so while an idle service allocates nothing.
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
	if ownMemory() > t.held+growth {
		debug.FreeOSMemory()
		virt.TrimMemory()
		t.held = ownMemory()
	}
}

// ownMemory returns how much memory of its own the process has in use, in bytes;
// zero if the kernel does not say.
func ownMemory() uint64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident, shared uint64
	if _, err := fmt.Sscan(string(statm), &size, &resident, &shared); err != nil || shared > resident {
		return 0
	}
	return (resident - shared) * uint64(os.Getpagesize())
}
