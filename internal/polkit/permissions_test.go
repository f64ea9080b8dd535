package polkit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

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
	caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
	want := map[string]Permission{"a.yes": Yes, "a.auth": Auth}
	for i := range 3 * maxQuickPerUser {
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
	caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
	ctx, giveUp := context.WithCancel(deadline(t))
	done := make(chan error, 1)
	go func() {
		_, err := authority.Permissions(ctx, caller, make([]string, 2*maxQuickPerUser), nil)
		done <- err
	}()
	fake.WaitPending(ctx, maxQuickPerUser)
	giveUp()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	fake.WaitPending(deadline(t), 0)
	if asked := len(fake.Checks()); asked != maxQuickPerUser {
		t.Errorf("polkit was asked %d times, want %d at a time", asked, maxQuickPerUser)
	}
}

// TestTheSameQuestionIsAskedOnce counts what polkit is asked.
func TestTheSameQuestionIsAskedOnce(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address, polkittest.Rule{Action: "slow", Answer: polkittest.Hang}, polkittest.Rule{Answer: polkittest.Yes})
	authority := New(bus.Connect(t))
	if err := authority.Watch(deadline(t), func() {}); err != nil {
		t.Fatal(err)
	}
	caller, other := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}, Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
	ask := func(caller Caller, action, name string, more int) {
		t.Helper()
		_, err := authority.Permissions(deadline(t), caller, []string{action}, map[string]string{"vm.name": name})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(fake.Checks()); n != more {
			t.Fatalf("polkit was asked %d times, want %d", n, more)
		}
	}
	ask(caller, "a", "x", 1)
	ask(caller, "a", "x", 0)
	ask(caller, "b", "x", 1)
	ask(caller, "a", "y", 1)
	ask(other, "a", "x", 1)
	// What a call is allowed to do is always asked.
	if _, err := authority.Check(deadline(t), caller, "a", map[string]string{"vm.name": "x"}, false); err != nil {
		t.Fatal(err)
	}
	if n := len(fake.Checks()); n != 1 {
		t.Fatalf("polkit was asked %d times about a call", n)
	}
	ask(caller, "a", "x", 0)
	fake.EmitChanged()
	for ctx := deadline(t); ctx.Err() == nil; {
		authority.permissions.mu.Lock()
		dropped := len(authority.permissions.set) == 0
		authority.permissions.mu.Unlock()
		if dropped {
			break
		}
		time.Sleep(time.Millisecond)
	}
	ask(caller, "a", "x", 1)
	for _, answer := range authority.permissions.set {
		answer.asked = answer.asked.Add(-permissionsHold)
	}
	ask(caller, "a", "x", 1)

	// Many who ask at the same time get one answer, and an error is not kept.
	ctx, giveUp := context.WithCancel(deadline(t))
	done := make(chan error, 100)
	for range cap(done) {
		go func() {
			_, err := authority.Permissions(ctx, caller, []string{"slow"}, nil)
			done <- err
		}()
	}
	fake.WaitPending(ctx, 1)
	giveUp()
	for range cap(done) {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n := len(fake.Checks()); n != 1 {
		t.Errorf("polkit was asked %d times, want once", n)
	}
	authority.permissions.mu.Lock()
	defer authority.permissions.mu.Unlock()
	if n := len(authority.permissions.set); n != 1 {
		t.Errorf("%d answers are kept", n)
	}
}
