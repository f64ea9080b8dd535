package main

import (
	"context"
	"fmt"

	"org.kvmmanager/tests/bench/ordeal"
)

// restartRounds is how often libvirtd goes and comes back.
const restartRounds = 20

// growth that is only noise.
const (
	fewDescriptors = 2
	littleMemory   = 4 << 20
)

// restart shows how the service takes restarts of libvirtd.
func (b *bench) restart(ctx context.Context) ([]result, error) {
	report, err := ordeal.Restart(ctx, b.rig, restartRounds)
	if err != nil {
		return nil, err
	}
	down := figure("libvirtd gone → the host says so", "ms", inMS(report.SaidDown)...)
	right := figure("libvirtd back → connected, all VMs right", "ms", inMS(report.Right)...)
	d, pss := report.Descriptors, report.PSS
	bad := report.Problems
	if d[1] > d[0]+fewDescriptors {
		bad = append(bad, fmt.Sprintf("descriptors went from %d to %d", d[0], d[1]))
	}
	grown := float64(pss[1]) - float64(pss[0])
	return []result{
		down.bar("max < 1000", down.Ours.Max < 1000),
		right.bar("max < 2000", right.Ours.Max < 2000).problems(bad).note("stopped, killed and restarted in turn; %d VMs ran on", 3),
		figure(fmt.Sprintf("growth of memory (PSS) over %d rounds", restartRounds), "MB", grown/1e6).bar("none", grown < littleMemory).
			note("from %s to %s MB, descriptors from %d to %d", short(megabytes(pss[0])), short(megabytes(pss[1])), d[0], d[1]),
	}, nil
}
