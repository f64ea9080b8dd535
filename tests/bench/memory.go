package main

import (
	"context"
	"fmt"
	"time"

	"org.kvmmanager/tests/bench/rig"
)

// memory measures the service with some and with many VMs: each time a fresh
// one that has been loaded from.
func (b *bench) memory(ctx context.Context) ([]result, error) {
	var rows []result
	for _, c := range []struct {
		vms int
		bar float64
	}{{some, 20}, {b.vms, 50}} {
		ours, err := b.memoryOfService(ctx, c.vms)
		if err != nil {
			return rows, err
		}
		theirs, err := b.memoryOfPeer(ctx)
		if err != nil {
			return rows, err
		}
		r := figure(fmt.Sprintf("memory (PSS) with %d VMs", c.vms), "MB", megabytes(ours.settled)).beside(peerName, megabytes(theirs.settled))
		rows = append(rows, r.bar(fmt.Sprintf("< %s", short(c.bar)), r.Ours.Median < c.bar).
			note("right after %d loads %s, then settled; %s of it not backed by files, of libvirt-dbus %s",
				loadRuns, short(megabytes(ours.first)), short(megabytes(ours.anonymous)), short(megabytes(theirs.anonymous))))
	}
	return rows, nil
}

// footprint is a process's PSS in bytes.
type footprint struct{ first, settled, anonymous uint64 }

func (b *bench) memoryOfService(ctx context.Context, vms int) (footprint, error) {
	if err := b.rig.NeedVMs(vms); err != nil {
		return footprint{}, err
	}
	if _, err := rig.Run(ctx, "systemctl", "restart", rig.ServiceUnit); err != nil {
		return footprint{}, err
	}
	m, err := b.need(ctx, vms)
	if err != nil {
		return footprint{}, err
	}
	defer m.Close()
	for range loadRuns {
		if _, err := rig.GetManagedObjects(ctx, b.rig.Bus); err != nil {
			return footprint{}, err
		}
	}
	p, err := b.rig.PID(ctx, rig.BusName)
	if err != nil {
		return footprint{}, err
	}
	return settle(ctx, p)
}

func (b *bench) memoryOfPeer(ctx context.Context) (footprint, error) {
	if _, err := peerLoad(ctx, b.rig.Bus); err != nil {
		return footprint{}, err
	}
	p, err := b.rig.PID(ctx, rig.PeerName)
	if err != nil {
		return footprint{}, err
	}
	return settle(ctx, p)
}

// How long memory must not have shrunk to count as settled, and how long that
// may take, in seconds. A process gives memory back some time after it was busy.
const (
	settledFor = 20
	settledBy  = 60
)

// settle follows a process until its memory does not shrink any more.
func settle(ctx context.Context, p rig.Process) (footprint, error) {
	var f footprint
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for still, seconds := 0, 0; still < settledFor && seconds < settledBy; seconds++ {
		pss, anonymous, err := p.Memory()
		if err != nil {
			return f, err
		}
		if f.first == 0 {
			f.first = pss
		}
		still++
		if f.settled == 0 || pss+pss/100 < f.settled {
			still = 0
		}
		f.settled, f.anonymous = pss, anonymous
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return f, ctx.Err()
		}
	}
	return f, nil
}
