package main

import (
	"context"
	"fmt"
	"time"

	"org.kvmmanager/tests/bench/rig"
)

// startCalls is how many Start calls are timed while others are busy, and
// calmCalls how many before, to compare.
const (
	startCalls = 100
	calmCalls  = 100
)

// startReply measures how long Start takes to answer with its job, while ten
// other clients are busy.
func (b *bench) startReply(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	calm, err := b.timeStarts(ctx, m, calmCalls)
	if err != nil {
		return nil, err
	}
	others, err := startBusy(ctx)
	if err != nil {
		return nil, err
	}
	took, err := b.timeStarts(ctx, m, startCalls)
	calls, problem := others.stop()
	if err == nil {
		err = problem
	}
	if err != nil {
		return nil, err
	}
	r := figure("Start, reply with the job", "ms", took...).beside("alone", calm...)
	pass := r.Ours.Median < 10 && r.Ours.Max < 100
	worst := figure("the longest of them, beside the p99 alone", "ms", r.Ours.Max).beside("alone", r.Peer.P99)
	return []result{worst.bar("≤ 5×", r.Ours.Max <= 5*r.Peer.P99), r.bar("median < 10, max < 100", pass).
		note("%d VMs; p99 %s ms; meanwhile %d clients made %d calls", some, short(r.Ours.P99), busyClients, calls)}, nil
}

// timeStarts starts one VM after the other, and switches each off again when
// its job is done.
func (b *bench) timeStarts(ctx context.Context, m *rig.Mirror, calls int) ([]float64, error) {
	var took []float64
	for i := range calls {
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
