package daemon

import (
	"runtime/metrics"
	"testing"
)

func TestMemoryOfABurstIsGivenBack(t *testing.T) { //nolint:paralleltest // it looks at the whole process
	burst := make([][]byte, 0, 1024)
	for range 1024 {
		burst = append(burst, make([]byte, 64<<10))
	}
	if len(burst) != 1024 {
		t.Fatal("no burst")
	}
	burst = nil
	_ = burst
	giveBackMemory()
	free := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(free)
	if held := free[0].Value.Uint64() + free[1].Value.Uint64(); held > 32<<20 {
		t.Errorf("%d MiB are still held", held>>20)
	}
}
