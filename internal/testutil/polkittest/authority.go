package polkittest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

const (
	busName       = "org.freedesktop.PolicyKit1"
	objectPath    = dbus.ObjectPath("/org/freedesktop/PolicyKit1/Authority")
	interfaceName = "org.freedesktop.PolicyKit1.Authority"
)

// Authority owns polkit's name on a bus.
type Authority struct {
	t    testing.TB
	conn *dbus.Conn

	mu      sync.Mutex // guards what follows
	rules   []Rule
	checks  []Check
	cancels map[string]cancellation
	pending int           // checks that hang
	changed chan struct{} // closed and replaced when pending changes
}

// cancellation is a cancellation id of one who asked. It may be cancelled
// before the check that it belongs to is looked at, since godbus handles the
// calls at the same time.
type cancellation struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// New starts an authority on the bus at address. Without rules it answers No.
// It stops with the test, or earlier with Stop.
func New(t testing.TB, address string, rules ...Rule) *Authority {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatalf("cannot connect the fake polkit: %v", err)
	}
	a := &Authority{
		t: t, conn: conn, rules: rules,
		cancels: map[string]cancellation{}, changed: make(chan struct{}),
	}
	t.Cleanup(a.Stop)
	if err := conn.Export(methods{a}, objectPath, interfaceName); err != nil {
		t.Fatalf("cannot export the fake polkit: %v", err)
	}
	reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	if err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("cannot own %s: %v (reply %d)", busName, err, reply)
	}
	return a
}

// Stop takes polkit off the bus, as if it had crashed. A new one may be
// started at once.
func (a *Authority) Stop() {
	// The bus has taken the name back when this is answered, so that a new
	// authority can have it. Both fail when it was stopped before.
	_, _ = a.conn.ReleaseName(busName)
	_ = a.conn.Close()
}

// Add puts a rule before all others.
func (a *Authority) Add(rule Rule) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rules = slices.Insert(slices.Clone(a.rules), 0, rule)
}

// EmitChanged sends polkit's signal that rules or sessions changed.
func (a *Authority) EmitChanged() {
	a.t.Helper()
	if err := a.conn.Emit(objectPath, interfaceName+".Changed"); err != nil {
		a.t.Errorf("cannot emit Changed: %v", err)
	}
}

// Checks is what was asked so far, in order, and starts a new record.
func (a *Authority) Checks() []Check {
	a.mu.Lock()
	defer a.mu.Unlock()
	checks := a.checks
	a.checks = nil
	return checks
}

// WaitPending waits until n checks hang, so that a test can cancel them or see
// that they are gone. It fails the test when ctx ends first.
func (a *Authority) WaitPending(ctx context.Context, n int) {
	a.t.Helper()
	for {
		a.mu.Lock()
		got, changed := a.pending, a.changed
		a.mu.Unlock()
		if got == n {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			a.t.Fatalf("%d checks hang, want %d: %v", got, n, ctx.Err())
		}
	}
}

// record notes a check and finds the answer to it.
func (a *Authority) record(c Check) Rule {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checks = append(a.checks, c)
	for _, rule := range a.rules {
		if rule.matches(c) {
			return rule
		}
	}
	return Rule{Answer: No}
}

// hang waits until the id is cancelled or polkit stops.
func (a *Authority) hang(id string) {
	a.addPending(1)
	defer a.addPending(-1)
	<-a.cancellation(id).ctx.Done()
}

func (a *Authority) addPending(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending += n
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *Authority) cancellation(id string) cancellation {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, known := a.cancels[id]
	if !known {
		c.ctx, c.cancel = context.WithCancel(a.conn.Context())
		a.cancels[id] = c
	}
	return c
}
