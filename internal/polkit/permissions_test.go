package polkit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/polkittest"
)

func TestPermissionsAnswersForEachAction(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address,
		polkittest.Rule{Action: "a.yes", Details: map[string]string{"vm.name": "x"}, Answer: polkittest.Yes},
		polkittest.Rule{Action: "a.auth", Answer: polkittest.Authenticate},
	)
	authority := New(bus.Connect(t))
	caller := bus.Connect(t).Names()[0]
	want := map[string]Permission{"a.yes": Yes, "a.auth": Auth}
	for i := range 3 * parallelChecks {
		want[fmt.Sprint("a.no", i)] = No
	}
	actions := slices.Collect(maps.Keys(want))

	got, err := authority.Permissions(deadline(t), caller, actions, map[string]string{"vm.name": "x"})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, check := range fake.Checks() {
		if check.Interactive {
			t.Errorf("a question for %s would have opened a dialog", check.Action)
		}
	}
}

func TestPermissionsAreAskedForInParallelButNotAllAtOnce(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address, polkittest.Rule{Answer: polkittest.Hang})
	authority := New(bus.Connect(t))
	caller := bus.Connect(t).Names()[0]
	ctx, giveUp := context.WithCancel(deadline(t))
	done := make(chan error, 1)
	go func() {
		_, err := authority.Permissions(ctx, caller, make([]string, 2*parallelChecks), nil)
		done <- err
	}()
	fake.WaitPending(ctx, parallelChecks)
	giveUp()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	fake.WaitPending(deadline(t), 0)
	if asked := len(fake.Checks()); asked != parallelChecks {
		t.Errorf("polkit was asked %d times, want %d at a time", asked, parallelChecks)
	}
}
