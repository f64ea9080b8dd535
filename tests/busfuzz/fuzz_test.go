package busfuzz_test

import (
	"bytes"
	"context"
	"flag"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"org.kvmmanager/tests/busfuzz"
)

var (
	seed     = flag.Uint64("seed", busfuzz.NewSeed(), "seed of the bus fuzzer")
	duration = flag.Duration("duration", 10*time.Second, "how long the bus fuzzer runs")
)

// settled is how long the service may take to be as before.
const settled = 30 * time.Second

// TestHostileCallers has everything called that the service offers: first by
// users without rights, who must not change anything, then by root as well,
// who may change everything but not break the service.
func TestHostileCallers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), *duration+8*settled)
	defer cancel()
	w := newWorld(ctx, t)
	before, err := w.usage()
	if err != nil {
		t.Fatal(err)
	}
	bob := busfuzz.User{Name: "bob", UID: bobUID, Connections: 3}
	caro := busfuzz.User{Name: "caro", UID: caroUID, Connections: 1}
	dave := busfuzz.User{Name: "dave", UID: daveUID, Connections: 1}
	root := busfuzz.User{Name: "root", UID: 0, Privileged: true, Connections: 4}

	state := w.state()
	w.fuzz(bob, caro, dave)
	if now := w.state(); !slices.Equal(now, state) {
		same := func(line string) bool { return slices.Contains(now, line) && slices.Contains(state, line) }
		t.Errorf("users without rights changed something:\n%q\nbefore:\n%q", slices.DeleteFunc(now, same), slices.DeleteFunc(state, same))
	}
	w.fuzz(root, bob)
	w.tidy()
	w.checkTruth()
	w.checkSettled(before)
	w.checkLog()
}

// checkTruth waits until the tree shows what the host has, and no job.
func (w *world) checkTruth() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, settled)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		shown, real := w.shown(), w.real()
		if reflect.DeepEqual(shown, real) {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			w.t.Errorf("the tree shows %q, the host has %q", shown, real)
			return
		}
	}
}

// checkSettled checks that nothing was left behind.
func (w *world) checkSettled(before busfuzz.Usage) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, settled)
	defer cancel()
	may := busfuzz.Growth{Descriptors: 3, Goroutines: 12, Bytes: 16 << 20}
	if err := busfuzz.Settle(ctx, before, may, w.usage); err != nil {
		w.t.Error(err)
	}
}

// checkLog looks for what was contained: panics, and mistakes.
func (w *world) checkLog() {
	w.t.Helper()
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, "level=ERROR") {
			w.t.Errorf("the log says: %s", line)
		}
	}
}

// log keeps what is worse than a warning.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(b, []byte("level=ERROR")) {
		l.text.Write(b)
	}
	return len(b), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
