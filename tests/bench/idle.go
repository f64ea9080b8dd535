package main

import (
	"context"
	"fmt"
	"time"

	"org.kvmmanager/tests/bench/rig"
)

const (
	idleTime = time.Minute
	// calmTime is for what the start of the service leaves to do: disks to
	// measure, memory to give back, agents to ask.
	calmTime = 45 * time.Second
	// idleRunning is how many of the VMs run meanwhile.
	idleRunning = 5
)

// idle measures the CPU time of a service that nobody uses, and of libvirtd
// because of it: libvirtd's with the service and without it.
func (b *bench) idle(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	for _, v := range rig.VMs(idleRunning) {
		if err := b.rig.StartPaused(v); err != nil {
			return nil, err
		}
		defer func() { _ = b.rig.PowerOff(v) }()
		if err := m.AwaitState(ctx, v, "paused"); err != nil {
			return nil, err
		}
	}
	m.Close()
	libvirtd, err := rig.MainPID(ctx, rig.LibvirtdUnit)
	if err != nil {
		return nil, err
	}
	service, err := b.rig.PID(ctx, rig.BusName)
	if err != nil {
		return nil, err
	}
	// Connected as well in both minutes, so that what it costs libvirtd is not
	// taken for ours.
	if _, err := peerDomains(ctx, b.rig.Bus); err != nil {
		return nil, err
	}
	peer, err := b.rig.PID(ctx, rig.PeerName)
	if err != nil {
		return nil, err
	}
	b.say("idle: with the service")
	with, err := idleCPU(ctx, service, libvirtd)
	if err != nil {
		return nil, err
	}
	// Without the service libvirtd stays up for this program's connection.
	if _, err := rig.Run(ctx, "systemctl", "stop", rig.ServiceUnit); err != nil {
		return nil, err
	}
	b.say("idle: without it")
	without, err := idleCPU(ctx, libvirtd, peer)
	if err != nil {
		return nil, err
	}
	caused := max(0, with[1]-without[0])
	total := with[0] + caused
	return []result{
		figure("CPU while nobody looks, a minute", "ms", ms(total)).beside(peerName, ms(without[1])).bar("< 10", ms(total) < 10).
			note("%s of it in the service, the rest in libvirtd because of it; of libvirt-dbus only its own process; libvirtd %s with and %s without it; %d VMs, %d of them running",
				short(ms(with[0])), short(ms(with[1])), short(ms(without[0])), some, idleRunning),
	}, b.rig.Activate(ctx, rig.BusName)
}

// idleCPU is the CPU time of processes over a minute, after they have calmed
// down.
func idleCPU(ctx context.Context, processes ...rig.Process) ([]time.Duration, error) {
	if err := pause(ctx, calmTime); err != nil {
		return nil, err
	}
	used := make([]time.Duration, len(processes))
	for i, p := range processes {
		cpu, err := p.CPU()
		if err != nil {
			return nil, err
		}
		used[i] = -cpu
	}
	if err := pause(ctx, idleTime); err != nil {
		return nil, err
	}
	for i, p := range processes {
		cpu, err := p.CPU()
		if err != nil {
			return nil, fmt.Errorf("a process ended while it was idle: %w", err)
		}
		used[i] += cpu
	}
	return used, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
