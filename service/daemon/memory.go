package daemon

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// tidyEvery is how often the process looks whether it holds memory that it
	// does not need. The look costs microseconds.
	tidyEvery = 15 * time.Second
	// idleMemory is how much unused memory is worth giving back.
	idleMemory = 4 << 20
	// gcPercent trades a little work after changes, which are few, for a
	// smaller heap all the time.
	gcPercent = 50
)

// useLittleMemory sets how the heap may grow.
func useLittleMemory() { debug.SetGCPercent(gcPercent) }

// giveBackMemory returns memory that a burst left behind. Go itself gives it
// back only when it allocates again, which an idle service does not.
func giveBackMemory() {
	sample := []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(sample)
	free, objects, live := sample[0].Value.Uint64(), sample[1].Value.Uint64(), sample[2].Value.Uint64()
	garbage := objects - min(live, objects) // what was made since the last collection, at most
	if free+garbage > idleMemory {
		debug.FreeOSMemory()
	}
}
