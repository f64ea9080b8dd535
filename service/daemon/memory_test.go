package daemon

import (
	"runtime"
	"testing"
)

// heap returns the memory that Go holds, in bytes.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapSys - stats.HeapReleased
}

func TestMemoryOfABurstIsGivenBack(t *testing.T) { //nolint:paralleltest // it looks at the whole process
	func() {
		burst := make([][]byte, 0, 1024)
		for range 1024 {
			burst = append(burst, make([]byte, 64<<10))
		}
		if len(burst) != 1024 || heap() < 64<<20 {
			t.Fatal("no burst")
		}
	}()
	var tidy tidier
	tidy.tidy()
	if held := heap(); held > 32<<20 {
		t.Errorf("%d MiB are still held", held>>20)
	}
	if tidy.held == 0 {
		t.Error("the memory of the process is not known")
	}
}
