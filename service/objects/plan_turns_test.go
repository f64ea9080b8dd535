package objects_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// TestPlansOfOneUserGoOneAfterTheOther since everybody may ask for plans, and for
// each image of one the hypervisor looks at all VMs.
func TestPlansOfOneUserGoOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	const calls = 8
	var now, most atomic.Int32
	w.hv.Hook("inspect-image", func(context.Context, string) error {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
		return nil
	})
	disk := opts("volume", volumePath("base.qcow2"))
	spec := opts("name", "new", "disks", slices.Repeat([]map[string]dbus.Variant{disk}, 64))
	var answers []<-chan *dbus.Call
	for range calls {
		answers = append(answers, w.callWith(w.conn, 0, localHost, "Host.PlanVM", spec, none()))
	}
	for _, answer := range answers {
		if err := (<-answer).Err; err != nil {
			t.Fatal(err)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d plans of one user were made at the same time", most.Load())
	}
	looks := 0
	for _, call := range w.hv.Calls() {
		if strings.HasPrefix(call, "inspect-image") {
			looks++
		}
	}
	if looks != calls {
		t.Errorf("%d images were looked at for %d plans with one image on 64 disks each", looks, calls)
	}
}
