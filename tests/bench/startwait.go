package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"org.kvmmanager/dbus"
	"org.kvmmanager/tests/bench/rig"
)

// startRounds is how often each way to start the VM is timed.
const startRounds = 25

// startWait compares Start with wait, by busctl and in process, with virsh
// start of the same VM, one after the other in changing order.
func (b *bench) startWait(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	const v = rig.VM(1)
	ways := []func() error{
		func() error {
			_, err := rig.Run(ctx, "virsh", "--quiet", "--connect", "qemu:///system", "start", "--paused", v.Name())
			return err
		},
		func() error {
			_, err := rig.Run(ctx, "busctl", "--system", "call", api.BusName, string(v.Path()), api.VMInterface,
				"Start", "a{sv}", "2", "wait", "b", "true", "paused", "b", "true")
			return err
		},
		func() error { return v.Call(ctx, b.rig.Bus, "Start", rig.Options("wait", true, "paused", true)) },
	}
	took := make([][]float64, len(ways))
	for round := range startRounds {
		for i := range ways {
			way := (round + i) % len(ways)
			start := time.Now()
			if err := ways[way](); err != nil {
				return nil, err
			}
			took[way] = append(took[way], ms(time.Since(start)))
			if err := b.offAgain(ctx, m, v); err != nil {
				return nil, err
			}
		}
	}
	virsh, busctl, call := took[0], took[1], took[2]
	return []result{
		overVirsh("Start with wait, by busctl", busctl, virsh),
		overVirsh("Start with wait, in process", call, virsh),
	}, nil
}

// overVirsh judges by the median of the differences of each pair.
func overVirsh(what string, ours, virsh []float64) result {
	r := figure(what, "ms", ours...).beside("virsh start", virsh...)
	more := make([]float64, len(ours))
	for i := range ours {
		more[i] = ours[i] - virsh[i]
	}
	slices.Sort(more)
	over := figure("", "", more...).Ours.Median
	return r.bar("≤ 10 % or 20 ms more", over <= max(20, 0.1*r.Peer.Median)).
		note("%s ms (%s %%) more than virsh, median of %d pairs", short(over), short(100*over/r.Peer.Median), len(more))
}

// offAgain switches the VM off behind the service's back, and waits until
// everybody knows.
func (b *bench) offAgain(ctx context.Context, m *rig.Mirror, v rig.VM) error {
	if err := m.AwaitState(ctx, v, "paused"); err != nil {
		return err
	}
	if err := b.rig.PowerOff(v); err != nil {
		return fmt.Errorf("cannot power off %s: %w", v.Name(), err)
	}
	return m.AwaitState(ctx, v, "shut-off")
}
