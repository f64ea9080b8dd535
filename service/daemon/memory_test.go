package daemon

import "testing"

func TestMemoryOfABurstIsGivenBack(t *testing.T) { //nolint:paralleltest // it looks at the whole process
	func() {
		burst := make([][]byte, 0, 1024)
		for range 1024 {
			burst = append(burst, make([]byte, 64<<10))
		}
		if len(burst) != 1024 || heldMemory() < 64<<20 {
			t.Fatal("no burst")
		}
	}()
	var tidy tidier
	tidy.tidy()
	if held := heldMemory(); held > 32<<20 {
		t.Errorf("%d MiB are still held", held>>20)
	}
}
