package polkit

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/polkittest"
)

const action = "org.kvmmanager.vm.control"

func TestCheck(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address)
	authority := New(bus.Connect(t))
	tests := map[string]struct {
		answer      polkittest.Answer
		interactive bool
		want        Result
		permission  Permission
	}{
		"yes is authorized":                            {polkittest.Yes, false, Result{Authorized: true}, Yes},
		"no is nothing":                                {polkittest.No, false, Result{}, No},
		"no stays no with a person there":              {polkittest.No, true, Result{}, No},
		"a password may not be asked for: challenge":   {polkittest.Authenticate, false, Result{Challenge: true}, Auth},
		"the right password is authorized":             {polkittest.Authenticate, true, Result{Authorized: true}, Yes},
		"a wrong password is nothing":                  {polkittest.Reject, true, Result{}, No},
		"a closed dialog is told from a no":            {polkittest.Dismiss, true, Result{Dismissed: true}, No},
		"nobody to ask for the password: challenge":    {polkittest.NoAgent, true, Result{Challenge: true}, Auth},
		"a dialog that was not opened is no dismissal": {polkittest.Dismiss, false, Result{Challenge: true}, Auth},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
			fake.Add(polkittest.Rule{Sender: caller.Sender, Answer: test.answer})
			got, err := authority.Check(deadline(t), caller, action, nil, test.interactive)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || got.Permission() != test.permission {
				t.Errorf("got %+v (%s), want %+v (%s)", got, got.Permission(), test.want, test.permission)
			}
		})
	}
}

func TestCheckTellsPolkitEverything(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	details := map[string]string{"vm.name": "dev-1", "verb": "start"}
	fake := polkittest.New(t, bus.Address, polkittest.Rule{
		Action: action, Details: map[string]string{"vm.name": "dev-1"}, Answer: polkittest.Yes,
	})
	authority := New(bus.Connect(t))
	caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}

	result, err := authority.Check(deadline(t), caller, action, details, true)
	if err != nil || !result.Authorized {
		t.Fatalf("got %+v, %v, want authorized", result, err)
	}
	checks := fake.Checks()
	if len(checks) != 1 {
		t.Fatalf("polkit was asked %d times, want once", len(checks))
	}
	if c := checks[0]; c.Sender != caller.Sender || c.Action != action || !c.Interactive || !maps.Equal(c.Details, details) {
		t.Errorf("polkit was asked %+v", c)
	}
}

func TestAbsentOrFailingPolkitDenies(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, bus *bustest.Bus){
		"polkit is not there": func(*testing.T, *bustest.Bus) {},
		"polkit fails": func(t *testing.T, bus *bustest.Bus) {
			polkittest.New(t, bus.Address, polkittest.Rule{Answer: polkittest.Fail})
		},
		"polkit does not answer": func(t *testing.T, bus *bustest.Bus) {
			polkittest.New(t, bus.Address, polkittest.Rule{Answer: polkittest.Hang})
		},
	}
	for name, start := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := bustest.Start(t)
			start(t, bus)
			authority := New(bus.Connect(t))
			authority.patience = 100 * time.Millisecond
			caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
			result, err := authority.Check(deadline(t), caller, action, nil, false)
			if result != (Result{}) || !errs.Is(err, errs.Timeout) {
				t.Errorf("got %+v, %v, want Timeout", result, err)
			}
			permissions, err := authority.Permissions(deadline(t), caller, []string{action}, nil)
			if permissions != nil || !errs.Is(err, errs.Timeout) {
				t.Errorf("got %v, %v, want Timeout", permissions, err)
			}
		})
	}
}

func TestPolkitThatDiesDuringADialogDenies(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address, polkittest.Rule{Answer: polkittest.Hang})
	authority := New(bus.Connect(t))
	caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
	ctx := deadline(t)
	failed := make(chan error, 1)
	go func() {
		_, err := authority.Check(ctx, caller, action, nil, true)
		failed <- err
	}()
	fake.WaitPending(ctx, 1)
	fake.Stop()
	if err := <-failed; !errs.Is(err, errs.Timeout) {
		t.Errorf("got %v, want Timeout", err)
	}
}

func TestGivingUpClosesOnlyItsOwnDialog(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address, polkittest.Rule{Answer: polkittest.Hang})
	authority := New(bus.Connect(t))
	caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
	// A person may take longer than polkit itself: patience is not for them.
	authority.patience = time.Nanosecond

	check := func(ctx context.Context, done chan<- error) {
		_, err := authority.Check(ctx, caller, action, nil, true)
		done <- err
	}
	first, giveUpFirst := context.WithCancel(deadline(t))
	second, giveUpSecond := context.WithCancel(deadline(t))
	firstDone, secondDone := make(chan error, 1), make(chan error, 1)
	go check(first, firstDone)
	go check(second, secondDone)
	fake.WaitPending(deadline(t), 2)

	giveUpFirst()
	if err := <-firstDone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	fake.WaitPending(deadline(t), 1)
	select {
	case err := <-secondDone:
		t.Errorf("the other check ended too: %v", err)
	default:
	}
	giveUpSecond()
	<-secondDone
	fake.WaitPending(deadline(t), 0)
}

func TestACallThatIsOverAsksNothing(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address, polkittest.Rule{Answer: polkittest.Yes})
	authority := New(bus.Connect(t))
	caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	result, err := authority.Check(over, caller, action, nil, true)
	if result.Authorized || !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v, %v, want %v", result, err, context.Canceled)
	}
	if _, err := authority.Check(deadline(t), caller, action, nil, true); err != nil {
		t.Fatal(err)
	}
	if checks := fake.Checks(); len(checks) != 1 {
		t.Errorf("polkit was asked %d times, want only for the call that was not over", len(checks))
	}
}

// TestChecksLeaveTheBusRoom fills the room for each kind of checks.
func TestChecksLeaveTheBusRoom(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address, polkittest.Rule{Action: "free", Answer: polkittest.Yes}, polkittest.Rule{Answer: polkittest.Hang})
	authority := New(bus.Connect(t))
	caller := Caller{Sender: bus.Connect(t).Names()[0], UID: 1000}
	ctx, giveUp := context.WithCancel(deadline(t))
	defer giveUp()
	done := make(chan error, maxDialogs+2*maxQuick)
	for range maxDialogs {
		go func() {
			_, err := authority.Check(ctx, caller, action, nil, true)
			done <- err
		}()
	}
	fake.WaitPending(ctx, maxDialogs)
	if _, err := authority.Check(ctx, caller, action, nil, true); !errs.Is(err, errs.Busy) {
		t.Errorf("one dialog more: %v", err)
	}
	if result, err := authority.Check(ctx, caller, "free", nil, false); err != nil || !result.Authorized {
		t.Errorf("who needs no dialog: %+v, %v", result, err)
	}
	for i := range 2 * maxQuick {
		user := Caller{caller.Sender, uint32(i)}
		go func() {
			_, err := authority.Check(ctx, user, action, nil, false)
			done <- err
		}()
	}
	fake.WaitPending(ctx, maxDialogs+maxQuick)
	giveUp()
	for range maxDialogs + 2*maxQuick {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	fake.WaitPending(deadline(t), 0)
	if result, err := authority.Check(deadline(t), caller, "free", nil, true); err != nil || !result.Authorized {
		t.Errorf("after that: %+v, %v", result, err)
	}
}

// TestWhoeverAsksMuchWaitsForHimselfOnly has one user ask so much that his
// questions are never over.
func TestWhoeverAsksMuchWaitsForHimselfOnly(t *testing.T) {
	t.Parallel()
	bus := bustest.Start(t)
	fake := polkittest.New(t, bus.Address, polkittest.Rule{Action: "free", Answer: polkittest.Yes}, polkittest.Rule{Answer: polkittest.Hang})
	authority := New(bus.Connect(t))
	sender := bus.Connect(t).Names()[0]
	ctx, giveUp := context.WithCancel(deadline(t))
	defer giveUp()
	done := make(chan error, 1000)
	for range cap(done) {
		go func() {
			_, err := authority.Check(ctx, Caller{sender, 1001}, action, nil, false)
			done <- err
		}()
	}
	fake.WaitPending(ctx, maxQuickPerUser)
	for range 10 {
		result, err := authority.Check(ctx, Caller{sender, 1000}, "free", nil, false)
		if err != nil || !result.Authorized {
			t.Fatalf("the other user: %+v, %v", result, err)
		}
	}
	fake.WaitPending(ctx, maxQuickPerUser)
	giveUp()
	for range cap(done) {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	if authority.quick.taken != 0 || len(authority.quick.turns) != 0 {
		t.Errorf("%d questions of %d users remain", authority.quick.taken, len(authority.quick.turns))
	}
}

func TestTheLongestQueueAsksOneAtATime(t *testing.T) {
	t.Parallel()
	q := newQueue(maxQuick, maxQuickPerUser)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	turns := make(chan uint32, 1000)
	ask := func(uid uint32, times int) {
		for range times {
			go func() {
				if _, err := q.take(ctx, uid); err == nil {
					turns <- uid
				}
			}()
		}
	}
	state := func() (taken map[uint32]int, all int) {
		q.mu.Lock()
		defer q.mu.Unlock()
		taken = map[uint32]int{}
		for uid, l := range q.users {
			taken[uid] = l.taken
			all += l.taken + len(l.waiting)
		}
		return taken, all
	}
	await := func(want int) map[uint32]int {
		t.Helper()
		for limit := deadline(t); limit.Err() == nil; time.Sleep(time.Millisecond) {
			if taken, all := state(); all == want {
				return taken
			}
		}
		t.Fatalf("there are not %d questions", want)
		return nil
	}
	ask(1, 100)
	if taken := await(100); taken[1] != maxQuickPerUser {
		t.Errorf("a user alone asks %d questions at a time", taken[1])
	}
	ask(2, 10)
	if taken := await(110); taken[2] != maxQuickPerUser {
		t.Errorf("another user asks %d questions at a time", taken[2])
	}
	for i := range 3 {
		q.done(q.users[1])
		if taken := await(109 - i); taken[1] != maxQuickPerUser-1-i {
			t.Errorf("after %d answers the first user asks %d questions at a time", i+1, taken[1])
		}
	}
	q.done(q.users[1])
	if taken := await(106); taken[1] != 1 {
		t.Errorf("beside another one a user asks %d questions at a time", taken[1])
	}
	for range 10 {
		q.done(q.users[2])
	}
	if taken := await(96); taken[1] != 1 {
		t.Errorf("beside one who has just asked a user asks %d questions at a time", taken[1])
	}
	q.mu.Lock()
	q.users[2].last = q.users[2].last.Add(-2 * remembered)
	q.mu.Unlock()
	ask(1, 1)
	q.done(q.users[1])
	if taken := await(96); taken[1] != maxQuickPerUser {
		t.Errorf("alone again, a user asks %d questions at a time", taken[1])
	}
}
