package main

import (
	"context"

	"org.kvmmanager/tests/bench/ordeal"
)

// killRounds is how many operations the service is killed in.
const killRounds = 50

// kill shows how the service takes being killed while it works.
func (b *bench) kill(ctx context.Context) ([]result, error) {
	report, err := ordeal.Kill(ctx, b.rig, killRounds)
	if err != nil {
		return nil, err
	}
	right := figure("killed → everything right", "ms", inMS(report.Right)...)
	return []result{
		figure("killed → back on the bus", "ms", inMS(report.Back)...),
		right.bar("nothing harmed or half-made", true).problems(report.Problems).
			note("%d operations, %d of them had been answered when the kill came", killRounds, report.Answered),
	}, nil
}
