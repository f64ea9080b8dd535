package main

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/dbus"
	"org.kvmmanager/tests/bench/rig"
)

const (
	stuckVMs   = 5
	stuckCalls = 20
	stuckReads = 300
)

// stuck measures reads, and calls to another VM, while twenty calls hang in
// libvirt because the QEMUs that they are about do not answer.
func (b *bench) stuck(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	for _, v := range rig.VMs(stuckVMs) {
		if err := b.rig.StartPaused(v); err != nil {
			return nil, err
		}
		defer func() { _ = b.rig.PowerOff(v) }()
		if err := m.AwaitState(ctx, v, "paused"); err != nil {
			return nil, err
		}
	}
	const free = rig.VM(stuckVMs + 1)
	before, err := b.probe(ctx, m, free)
	if err != nil {
		return nil, err
	}
	pending, resume, err := b.hang(ctx)
	if err != nil {
		return nil, err
	}
	during, err := b.probe(ctx, m, free)
	hanging := countHanging(pending)
	resume()
	if err != nil {
		return nil, err
	}
	bad := b.settled(ctx, m, pending)
	if hanging < stuckCalls {
		bad = append(bad, fmt.Sprintf("only %d of %d calls hung all the time", hanging, stuckCalls))
	}
	reads := figure(fmt.Sprintf("GetAll while %d calls hang", stuckCalls), "ms", during.reads...).beside("before", before.reads...)
	start := figure("Start with wait of another VM meanwhile", "ms", during.starts...).beside("before", before.starts...)
	return []result{
		// A quarter of a millisecond is what the machine itself makes of it.
		reads.bar("unchanged", reads.Ours.Median <= 1.25*reads.Peer.Median+0.25).problems(bad),
		start.bar("goes through", true),
	}, nil
}

// probes are the times of quick calls.
type probes struct{ reads, starts []float64 }

func (b *bench) probe(ctx context.Context, m *rig.Mirror, v rig.VM) (probes, error) {
	var p probes
	for n := range stuckReads {
		start := time.Now()
		if _, err := rig.VM(1+n%some).GetAll(ctx, b.rig.Bus); err != nil {
			return p, err
		}
		p.reads = append(p.reads, ms(time.Since(start)))
	}
	for range 5 {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		start := time.Now()
		err := v.Call(ctx, b.rig.Bus, "Start", rig.Options("wait", true, "paused", true))
		took := time.Since(start)
		if err == nil {
			err = b.offAgain(ctx, m, v)
		}
		cancel()
		if err != nil {
			return p, fmt.Errorf("cannot start another VM: %w", err)
		}
		p.starts = append(p.starts, ms(took))
	}
	return p, nil
}

// hang stops the QEMUs and makes the calls; resume lets them go on.
func (b *bench) hang(ctx context.Context) (pending []*dbus.Call, resume func(), err error) {
	var stopped []rig.Process
	resume = func() {
		for _, p := range stopped {
			_ = p.Kill(unix.SIGCONT)
		}
	}
	for _, v := range rig.VMs(stuckVMs) {
		p, err := v.QEMU()
		if err == nil {
			err = p.Kill(unix.SIGSTOP)
		}
		if err != nil {
			resume()
			return nil, nil, err
		}
		stopped = append(stopped, p)
	}
	for n := range stuckCalls {
		v := rig.VM(1 + n%stuckVMs)
		member, args := stuckCall(n / stuckVMs)
		pending = append(pending, b.rig.Bus.Object(api.BusName, v.Path()).
			GoWithContext(ctx, api.VMInterface+"."+member, 0, make(chan *dbus.Call, 1), args...))
	}
	return pending, resume, nil
}

// stuckCall is one of four calls that need an answer of QEMU.
func stuckCall(n int) (member string, args []any) {
	wait := rig.Options("wait", true)
	switch n {
	case 0:
		return "SetMemory", []any{uint64(48 << 20), rig.Options("apply", "now")}
	case 1:
		return "TakeScreenshot", []any{rig.Options()}
	case 2:
		return "Resume", []any{wait}
	default:
		return "Reset", []any{wait}
	}
}

func countHanging(pending []*dbus.Call) int {
	n := 0
	for _, call := range pending {
		if len(call.Done) == 0 {
			n++
		}
	}
	return n
}

// settled waits until every call has been answered and the picture is right.
func (b *bench) settled(ctx context.Context, m *rig.Mirror, pending []*dbus.Call) []string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, call := range pending {
		select {
		case <-call.Done:
		case <-ctx.Done():
			return []string{"a call is not answered though its VM goes on"}
		}
	}
	if _, err := b.rig.AwaitTruth(ctx, m); err != nil {
		return []string{err.Error()}
	}
	return nil
}
