package main

import (
	"context"
	"fmt"
	"os/exec"
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
// because of it: libvirtd's with the service and without it. Beside it is what a
// client of libvirt's costs that does nothing but wait for events: libvirtd
// sends a keepalive to each of its clients every five seconds.
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
	without, err := idleCPU(ctx, libvirtd)
	if err != nil {
		return nil, err
	}
	b.say("idle: with a client that waits")
	waiting, err := waiter(ctx, libvirtd)
	if err != nil {
		return nil, err
	}
	total := with[0] + max(0, with[1]-without[0])
	least := waiting[0] + max(0, waiting[1]-without[0])
	return []result{
		figure("CPU while nobody looks, a minute", "ms", ms(total)).beside("virsh event", ms(least)).bar("< 10", ms(total) < 10).
			note("%s of it in the service, the rest in libvirtd because of it; of virsh %s; libvirtd %s with the service, %s with virsh and %s without either; %d VMs, %d of them running",
				short(ms(with[0])), short(ms(waiting[0])), short(ms(with[1])), short(ms(waiting[1])), short(ms(without[0])), some, idleRunning),
	}, b.rig.Activate(ctx, rig.BusName)
}

// waiter measures a client that waits for events, and libvirtd meanwhile.
func waiter(ctx context.Context, libvirtd rig.Process) ([]time.Duration, error) {
	virsh := exec.CommandContext(ctx, "virsh", "-q", "event", "--all", "--loop")
	if err := virsh.Start(); err != nil {
		return nil, fmt.Errorf("cannot start virsh: %w", err)
	}
	defer func() {
		_ = virsh.Process.Kill()
		_ = virsh.Wait()
	}()
	return idleCPU(ctx, rig.Process(virsh.Process.Pid), libvirtd)
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
