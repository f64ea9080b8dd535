package virt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
)

// hang runs an operation that ends when the test says so.
func hang(t *testing.T, c *Conn, ctx context.Context, uuid string, l lane) (release func(), result <-chan error) {
	t.Helper()
	inside, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- c.do(ctx, uuid, l, func(*libvirt.Domain) error {
			close(inside)
			<-free
			return nil
		})
	}()
	select {
	case <-inside:
	case <-time.After(patience):
		t.Fatal("the operation did not start")
	}
	var once sync.Once
	release = func() { once.Do(func() { close(free) }) }
	t.Cleanup(release)
	return release, done
}

func TestACallReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	ctx, cancel := context.WithCancel(t.Context())
	_, result := hang(t, c, ctx, uuid, laneWork)
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Its turn is still taken, so the next one waits as long as it is let.
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Pause(short, uuid); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second operation: %v", err)
	}
}

func TestAnEndedContextStartsNothing(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	uuid := only(t, c).UUID
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.VM(ctx, uuid); !errors.Is(err, context.Canceled) {
		t.Errorf("a read: %v", err)
	}
	if err := c.PowerOff(ctx, uuid); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation: %v", err)
	}
	if vm := only(t, c); !vm.State.Active() {
		t.Error("the VM was switched off")
	}
}

func TestAHangingVMHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 2))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hanging, other := vms[0].UUID, vms[1].UUID
	release, result := hang(t, c, t.Context(), hanging, laneWork)
	waiting := make(chan error, 30)
	for range cap(waiting) {
		go func() { waiting <- c.Resume(t.Context(), hanging) }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Pause(ctx, other); err != nil {
		t.Errorf("another VM: %v", err)
	}
	if _, err := c.VM(ctx, hanging); err != nil {
		t.Errorf("a read: %v", err)
	}
	if _, err := c.JobProgress(ctx, hanging); err != nil && !errs.Is(err, errs.NotSupported) {
		t.Errorf("its progress: %v", err)
	}
	if err := c.PowerOff(ctx, hanging); err != nil {
		t.Errorf("power off: %v", err)
	}
	release()
	if err := <-result; err != nil {
		t.Error(err)
	}
	for range cap(waiting) {
		if err := <-waiting; !errs.Is(err, errs.InvalidState) {
			t.Errorf("resuming what is off by now: %v", err)
		}
	}
}

// TestAGuestsAgentHoldsUpNothingElse goes by the turns: no driver of the tests has
// an agent. Whatever an agent is asked gets to the driver while every other place
// is taken, and the other way round.
func TestAGuestsAgentHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, workAtOnce))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	uuid := vms[0].UUID
	soon := func(what string, call func(context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := call(ctx); errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s waits", what)
		}
	}
	var free []func()
	for _, vm := range vms {
		release, _ := hang(t, c, t.Context(), vm.UUID, laneWork)
		free = append(free, release)
	}
	soon("a freeze", func(ctx context.Context) error { return c.FreezeFilesystems(ctx, uuid) })
	soon("a thaw", func(ctx context.Context) error { return c.ThawFilesystems(ctx, uuid) })
	soon("a trim", func(ctx context.Context) error { return c.TrimFilesystems(ctx, uuid) })
	soon("what a guest says", func(ctx context.Context) error { _, err := c.GuestInfo(ctx, uuid); return err })
	soon("its addresses", func(ctx context.Context) error { _, err := c.agentAddresses(ctx, uuid); return err })
	for _, release := range free {
		release()
	}
	for n := range agentAtOnce {
		hang(t, c, t.Context(), vms[n].UUID, laneAgent)
	}
	soon("a pause", func(ctx context.Context) error { return c.Pause(ctx, uuid) })
}

func TestCallsEndWhenTheConnectionIsClosed(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	release, result := hang(t, c, t.Context(), only(t, c).UUID, laneWork)
	closed := make(chan struct{})
	go func() { c.Close(); close(closed) }()
	if err := <-result; !errs.Is(err, errs.Disconnected) {
		t.Error(err)
	}
	release()
	<-closed
	<-c.main.closed
}

func TestALateValueIsNotLost(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	ctx, cancel := context.WithCancel(t.Context())
	free, dropped := make(chan struct{}), make(chan *os.File, 1)
	go cancel()
	_, err := await(ctx, c, func() (*os.File, error) {
		<-free
		return os.Open(os.DevNull)
	}, func(f *os.File) { dropped <- f })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(free)
	select {
	case f := <-dropped:
		_ = f.Close()
	case <-time.After(patience):
		t.Fatal("the file is open for ever")
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 10))
	vms, err := c.VMs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for n := range 100 {
		uuid := vms[n%len(vms)].UUID
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := c.VM(t.Context(), uuid); err != nil {
				t.Error(err)
			}
			if err := c.SetDescription(t.Context(), uuid, fmt.Sprint(n)); err != nil {
				t.Error(err)
			}
			if _, err := c.VMs(t.Context()); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
}

func TestTurnsAreForgotten(t *testing.T) {
	t.Parallel()
	turns := newTurns()
	done, err := turns.take(t.Context(), "a", laneWork)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := turns.take(ctx, "a", laneWork); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	done()
	if len(turns.vms) != 0 || len(turns.places[laneWork]) != 0 {
		t.Errorf("%d turns and %d places are left", len(turns.vms), len(turns.places[laneWork]))
	}
}
