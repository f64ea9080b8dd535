package inventory_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/journal"
)

// logged keeps the text of a log.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func TestACrashIsLoggedOnce(t *testing.T) {
	t.Parallel()
	running := func() *model.VM {
		vm := fakehv.VM(1, "web")
		vm.State, vm.StateReason = model.VMRunning, "booted"
		return vm
	}
	off := running()
	off.State, off.StateReason = model.VMShutOff, "crashed"
	again := *off
	again.Title = "another change"
	for name, happens := range map[string]func(*fakehv.Hypervisor){
		"an event says so, and it runs again":    func(hv *fakehv.Hypervisor) { hv.Crash(fakehv.UUID(1)) },
		"it looks so, without such an event":     func(hv *fakehv.Hypervisor) { hv.Put(off) },
		"it looks so, and then an event says so": func(hv *fakehv.Hypervisor) { hv.Put(off); hv.Crash(fakehv.UUID(1)) },
		"it looks so, and still does when read":  func(hv *fakehv.Hypervisor) { hv.Put(off); hv.Put(&again) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hv, rec, out := fakehv.New(), newRecorder(t), &logged{}
			inv := inventory.New(hv, rec, slog.New(slog.NewTextHandler(out, nil)))
			t.Cleanup(inv.Close)
			hv.Put(running())
			host := addLocal(t, inv, rec)
			happens(hv)
			// Two reads that begin after this have seen all of it.
			for range 2 {
				if err := host.Refresh(t.Context(), fakehv.UUID(1)); err != nil {
					t.Fatal(err)
				}
			}
			if n := out.count(string(journal.VMCrashed)); n != 1 {
				t.Errorf("logged %d times", n)
			}
		})
	}
}
