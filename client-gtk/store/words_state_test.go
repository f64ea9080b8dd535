package store_test

import (
	"testing"
	"time"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestStateOfAVMWithItsReasonAndDuration(t *testing.T) {
	t.Parallel()
	now := time.Now()
	off := func(reason string) *model.VM { return &model.VM{State: model.VMShutOff, StateReason: reason} }
	saved := off("saved")
	saved.HasSavedState = true
	booted := &model.VM{State: model.VMRunning, StartedAt: now.Add(-3 * time.Minute)}
	paused := &model.VM{State: model.VMPaused, StateReason: "user", StartedAt: now.Add(-3 * time.Minute)}
	for _, test := range []struct {
		vm    *model.VM
		since time.Time
		want  string
	}{
		{off("shutdown"), now.Add(-time.Minute), "Off"},
		{off("crashed"), time.Time{}, "Crashed"},
		{off("failed"), time.Time{}, "Failed to start"},
		{saved, time.Time{}, "Saved"},
		{booted, now.Add(-time.Second), "Running for 3 min"},
		{paused, now.Add(-2 * time.Second), "Paused for 2 s"},
		{paused, time.Time{}, "Paused"},
	} {
		if got := (store.Words{}).VMStateFor(test.vm, nil, test.since, now); got != test.want {
			t.Errorf("%s, %s: got %q, want %q", test.vm.State, test.vm.StateReason, got, test.want)
		}
	}
}
