package busfuzz

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process holds.
type Usage struct {
	Descriptors int
	Threads     int
	Goroutines  int    // zero when they cannot be seen
	Bytes       uint64 // of memory
}

func (u Usage) String() string {
	return fmt.Sprintf("%d descriptors, %d threads, %d goroutines, %.1f MiB", u.Descriptors, u.Threads, u.Goroutines, float64(u.Bytes)/(1<<20))
}

// ProcessUsage looks at another process. Its memory is its share of what it
// shares with others (PSS).
func ProcessUsage(pid int) (Usage, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	var u Usage
	for file, count := range map[string]*int{"fd": &u.Descriptors, "task": &u.Threads} {
		entries, err := os.ReadDir(dir + "/" + file)
		if err != nil {
			return u, fmt.Errorf("cannot look at the process: %w", err)
		}
		*count = len(entries)
	}
	var err error
	u.Bytes, err = pss(dir + "/smaps_rollup")
	return u, err
}

func pss(path string) (uint64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("cannot read the memory of the process: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("cannot find the memory of the process in %s", path)
}

// Growth is how much more of each a process may hold afterwards.
type Growth struct {
	Descriptors, Threads, Goroutines int
	Bytes                            uint64
}

// settleInterval is how often a process is looked at until it has settled:
// nothing tells when its garbage is collected.
const settleInterval = 200 * time.Millisecond

// Settle waits until a process holds no more than it did before and may have
// grown by. When ctx ends first, the error says what it holds then.
func Settle(ctx context.Context, before Usage, may Growth, measure func() (Usage, error)) error {
	ticker := time.NewTicker(settleInterval)
	defer ticker.Stop()
	for {
		now, err := measure()
		if err != nil {
			return err
		}
		if now.Descriptors <= before.Descriptors+may.Descriptors && now.Threads <= before.Threads+may.Threads &&
			now.Goroutines <= before.Goroutines+may.Goroutines && now.Bytes <= before.Bytes+may.Bytes {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the process has grown: before %s, now %s", before, now)
		}
	}
}
