package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/tests/bench/rig"
)

// startCalls is how many Start calls are timed.
const startCalls = 100

// startReply measures how long Start takes to answer with its job, while ten
// other clients are busy.
func (b *bench) startReply(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	busy, err := b.makeBusy(ctx, m)
	if err != nil {
		return nil, err
	}
	took, err := b.timeStarts(ctx, m)
	calls, problem := busy.stop()
	if err == nil {
		err = problem
	}
	if err != nil {
		return nil, err
	}
	r := figure("Start, reply with the job", "ms", took...)
	pass := r.Ours.Median < 10 && r.Ours.Max < 100
	return []result{r.bar("median < 10, max < 100", pass).
		note("%d VMs; p99 %s ms; meanwhile 10 clients made %d calls", some, short(r.Ours.P99), calls)}, nil
}

// timeStarts starts one VM after the other, and switches each off again when
// its job is done.
func (b *bench) timeStarts(ctx context.Context, m *rig.Mirror) ([]float64, error) {
	var took []float64
	for i := range startCalls {
		v := rig.VM(1 + i%(some/2))
		start := time.Now()
		if err := v.Call(ctx, b.rig.Bus, "Start", rig.Options("paused", true)); err != nil {
			return nil, fmt.Errorf("cannot start %s: %w", v.Name(), err)
		}
		took = append(took, ms(time.Since(start)))
		if err := m.AwaitState(ctx, v, "paused"); err != nil {
			return nil, err
		}
		if err := v.Call(ctx, b.rig.Bus, "PowerOff", rig.Options("wait", true)); err != nil {
			return nil, fmt.Errorf("cannot power off %s: %w", v.Name(), err)
		}
	}
	return took, nil
}

// How often the busy clients call. Decoding everything of a hundred VMs is work
// for the client: without a pause they would measure themselves.
const (
	loadEvery = 100 * time.Millisecond
	readEvery = 10 * time.Millisecond
)

// busy is a number of clients that call the service all the time.
type busy struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
	calls  atomic.Int64
	failed atomic.Pointer[error]
}

// makeBusy starts ten clients: four load everything, four one VM after the
// other, and two start and power off a VM of their own without a pause.
func (b *bench) makeBusy(ctx context.Context, m *rig.Mirror) (*busy, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &busy{cancel: cancel}
	for i := range 10 {
		bus, err := rig.Connect()
		if err != nil {
			w.stop()
			return nil, err
		}
		v := rig.VM(some - i)
		every, work := loadEvery, func(int) error { _, err := rig.GetManagedObjects(ctx, bus); return err }
		switch {
		case i >= 8:
			every, work = 0, func(int) error { return startAndStop(ctx, m, bus, v) }
		case i >= 4:
			every, work = readEvery, func(n int) error { _, err := rig.VM(1+n%some).GetAll(ctx, bus); return err }
		}
		w.wait.Add(1)
		go func() {
			defer w.wait.Done()
			defer bus.Close()
			w.loop(ctx, every, work)
		}()
	}
	return w, nil
}

func (w *busy) loop(ctx context.Context, every time.Duration, work func(int) error) {
	for n := 0; pause(ctx, every) == nil; n++ {
		err := work(n)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			err = fmt.Errorf("a busy client failed: %w", err)
			w.failed.CompareAndSwap(nil, &err)
			return
		}
		w.calls.Add(1)
	}
}

// stop ends the clients and says how much they did, and what went wrong.
func (w *busy) stop() (int64, error) {
	w.cancel()
	w.wait.Wait()
	if failed := w.failed.Load(); failed != nil {
		return w.calls.Load(), *failed
	}
	return w.calls.Load(), nil
}

func startAndStop(ctx context.Context, m *rig.Mirror, bus *dbus.Conn, v rig.VM) error {
	if err := v.Call(ctx, bus, "Start", rig.Options("paused", true, "wait", true)); err != nil {
		return err
	}
	if err := v.Call(ctx, bus, "PowerOff", rig.Options("wait", true)); err != nil {
		return err
	}
	return m.AwaitState(ctx, v, "shut-off")
}
