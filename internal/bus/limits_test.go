package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/testutil/bustest"
)

// blocker is a handler that holds every call until it is told otherwise.
type blocker struct {
	entered chan string   // a sender, for each call that came in
	release chan struct{} // closed: let all go
}

func newBlocker() *blocker {
	return &blocker{entered: make(chan string, 10000), release: make(chan struct{})}
}

func (b *blocker) handle(_ context.Context, c *Call) ([]any, error) {
	b.entered <- c.Sender
	<-b.release
	return c.Args, nil
}

func TestCallsOfOneUserAreLimited(t *testing.T) {
	t.Parallel()
	b := newBlocker()
	r := newRig(t, b.handle)
	first, second, other := r.client, r.bus.Connect(t), r.bus.Connect(t)
	r.users.Store(other.Names()[0], uint32(1001))
	echo := func(conn *dbus.Conn) dbus.BusObject { return conn.Object(r.server.Names()[0], "/test/things/a") }
	answers := make(chan *dbus.Call, maxCallsPerUser)
	for i := range maxCallsPerUser {
		echo([]*dbus.Conn{first, second}[i%2]).Go("test.Thing.Echo", 0, answers, "x")
	}
	for range maxCallsPerUser {
		wait(t, b.entered, "the calls to come in")
	}
	for _, conn := range []*dbus.Conn{first, second, r.bus.Connect(t)} {
		wantError(t, echo(conn).Call("test.Thing.Echo", 0, "x"), errorPrefix+"LimitsExceeded")
	}
	// Reads go on, and other users are served.
	if err := r.call("/test/things/a", propertiesName+".Get", "test.Thing", "Name").Err; err != nil {
		t.Errorf("a read beside stuck calls: %v", err)
	}
	call := echo(other).Go("test.Thing.Echo", 0, nil, "y")
	if sender := wait(t, b.entered, "the other's call"); sender != other.Names()[0] {
		t.Errorf("the call came from %s", sender)
	}
	close(b.release)
	if err := wait(t, call.Done, "the other's answer").Err; err != nil {
		t.Error(err)
	}
	for range maxCallsPerUser {
		if err := wait(t, answers, "the answers").Err; err != nil {
			t.Error(err)
		}
	}
	// An answer is written before its call has ended; so ask as often as it takes.
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	for errorName(r.object("/test/things/a").CallWithContext(ctx, "test.Thing.Echo", 0, "x").Err) == errorPrefix+"LimitsExceeded" {
		if ctx.Err() != nil {
			t.Fatal("ended calls still count")
		}
	}
}

func TestCallsOfAllUsersTogetherAreLimited(t *testing.T) {
	t.Parallel()
	b := newBlocker()
	r := newRig(t, b.handle)
	r.tree.limits.mu.Lock()
	r.tree.limits.perUser, r.tree.limits.total = 2, 3
	r.tree.limits.mu.Unlock()
	var clients []dbus.BusObject
	for i := range 2 {
		conn := r.bus.Connect(t)
		r.users.Store(conn.Names()[0], uint32(1000+i))
		clients = append(clients, conn.Object(r.server.Names()[0], "/test/things/a"))
	}
	for i := range 3 {
		clients[i%2].Go("test.Thing.Echo", 0, nil, "x")
		wait(t, b.entered, "the call to come in")
	}
	wantError(t, clients[1].Call("test.Thing.Echo", 0, "x"), errorPrefix+"LimitsExceeded")
	close(b.release)
}

func TestACallerWhoIsUnknownIsNotServed(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	r.users.Store(r.client.Names()[0], errors.New("gone"))
	wantError(t, r.call("/test/things/a", "test.Thing.Echo", "x"), errs.Timeout.DBusName())
}

func TestStuckCallsDoNotKeepReadsWaiting(t *testing.T) {
	t.Parallel()
	b := newBlocker()
	r := newRig(t, b.handle, `<limit name="max_replies_per_connection">100000</limit>`)
	r.tree.limits.mu.Lock()
	r.tree.limits.perUser, r.tree.limits.total = 2*maxCallsPerUser, 4*maxCallsPerUser
	r.tree.limits.mu.Unlock()
	for range 2 * maxCallsPerUser {
		r.object("/test/things/a").Go("test.Thing.Echo", 0, nil, "x")
	}
	for range 2 * maxCallsPerUser {
		wait(t, b.entered, "the calls to come in")
	}
	r.alive(t)
	close(b.release)
}

func TestLimitsForgetWhoLeft(t *testing.T) {
	t.Parallel()
	l := newLimits(2, 6)
	for _, step := range []struct {
		uid  uint32
		want bool
	}{{7, true}, {7, true}, {7, false}, {0, true}, {0, true}, {0, true}, {0, false}, {8, true}, {8, false}, {9, false}} {
		if got := l.enter(step.uid); got != step.want {
			t.Errorf("%d may enter: %v, want %v", step.uid, got, step.want)
		}
	}
	for _, uid := range []uint32{7, 7, 0, 0, 0, 8} {
		l.leave(uid)
	}
	if l.underWay != 0 || len(l.users) != 0 {
		t.Errorf("%d calls of %v remain", l.underWay, l.users)
	}
}

func TestAFloodOfCallsIsAnswered(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo, `<limit name="max_replies_per_connection">100000</limit>`)
	const calls = 1000
	answers := make(chan *dbus.Call, calls)
	for i := range calls {
		if i%2 == 0 {
			r.object("/test").Go(objectManagerName+".GetManagedObjects", 0, answers)
		} else {
			r.object("/test/things/a").Go("test.Thing.Nope", 0, answers)
		}
	}
	failed := 0
	for range calls {
		if call := wait(t, answers, "an answer"); call.Err != nil {
			failed++
			wantError(t, call, errorPrefix+"UnknownMethod")
		}
	}
	if failed != calls/2 {
		t.Errorf("%d calls failed, want %d", failed, calls/2)
	}
}

// TestAUsersAnswersGoOneAfterTheOther also when they come from the handler, so that
// those of others have to wait for one at most.
func TestAUsersAnswersGoOneAfterTheOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	other := r.bus.Connect(t)
	r.users.Store(other.Names()[0], uint32(1001))
	done := r.tree.answers.turn(1000) // a long one that is being sent
	waits := r.object("/test/things/a").Go("test.Thing.Echo", 0, make(chan *dbus.Call, 1), "x").Done
	if err := other.Object(r.server.Names()[0], "/test/things/a").Call("test.Thing.Echo", 0, "y").Err; err != nil {
		t.Errorf("another user: %v", err)
	}
	select {
	case <-waits:
		t.Error("a second answer of the user did not wait")
	case <-time.After(100 * time.Millisecond):
	}
	done()
	if err := wait(t, waits, "the second answer").Err; err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(bustest.Timeout); ; time.Sleep(time.Millisecond) {
		r.tree.answers.mu.Lock()
		left := len(r.tree.answers.users)
		r.tree.answers.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d users are remembered", left)
		}
	}
}
