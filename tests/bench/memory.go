package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
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
	used, err := b.memoryAfterActions(ctx)
	if err != nil {
		return rows, err
	}
	const bar = 30
	return append(rows, figure(fmt.Sprintf("memory (PSS) after %d actions", actions), "MB", megabytes(used.settled)).
		bar(fmt.Sprintf("< %s", short(bar)), megabytes(used.settled) < bar).
		note("with %d VMs, %d clients at once; right after the last %s, %s of it not backed by files",
			some, actionClients, short(megabytes(used.first)), short(megabytes(used.anonymous)))), nil
}

// What people and programs do with a service in some days: actions, by so many
// clients at once.
const (
	actions       = 5000
	actionClients = 8
)

// memoryAfterActions measures a service that has been used, not only loaded from:
// libvirt's library and the C library keep what their threads have needed once.
func (b *bench) memoryAfterActions(ctx context.Context) (footprint, error) {
	p, m, err := b.restarted(ctx, some)
	if err != nil {
		return footprint{}, err
	}
	defer m.Close()
	b.say("memory: %d actions", actions)
	ended := make(chan error, actionClients)
	for client := range actionClients {
		go func() { ended <- useVMs(ctx, client) }()
	}
	var failed error
	for range actionClients {
		failed = errors.Join(failed, <-ended)
	}
	if failed != nil {
		return footprint{}, failed
	}
	return settle(ctx, p)
}

// useVMs does one client's share of the actions, with VMs of its own, so that none
// waits for another.
func useVMs(ctx context.Context, client int) error {
	bus, err := rig.Connect()
	if err != nil {
		return err
	}
	defer bus.Close()
	for n := range actions / actionClients {
		v := rig.VM(1 + client + n%(some/actionClients)*actionClients)
		if err := ordinaryAction(ctx, bus, v, n); err != nil {
			return fmt.Errorf("action %d of client %d: %w", n, client, err)
		}
	}
	return nil
}

// ordinaryAction does the nth of what a client does with a VM: reading, changes of
// its description and hardware, and now and then a start.
func ordinaryAction(ctx context.Context, bus *dbus.Conn, v rig.VM, n int) error {
	const startEvery = 40 // a start under emulation takes as long as all others together
	options := rig.Options()
	if n%startEvery == startEvery-1 {
		if err := v.Call(ctx, bus, "Start", rig.Options("paused", true, "wait", true)); err != nil {
			return err
		}
		return v.Call(ctx, bus, "PowerOff", rig.Options("wait", true))
	}
	switch n % 10 {
	case 0:
		return v.Call(ctx, bus, "SetTitle", fmt.Sprintf("Title %d", n), options)
	case 1:
		return v.Call(ctx, bus, "SetDescription", fmt.Sprintf("Description %d", n), options)
	case 2:
		return v.Call(ctx, bus, "SetTags", []string{fmt.Sprintf("tag-%d", n)}, options)
	case 3, 4:
		return v.Call(ctx, bus, "GetXML", options)
	case 5:
		return v.Call(ctx, bus, "CheckStart", options)
	case 6:
		return v.Call(ctx, bus, "SetVCPUs", uint32(1+n/10%2), options)
	case 7:
		return v.Call(ctx, bus, "SetAutostart", n/10%2 == 0, options)
	case 8:
		_, err := v.GetAll(ctx, bus)
		return err
	default:
		var id string
		var applied map[string]dbus.Variant
		device := rig.Options("kind", "rng")
		err := bus.Object(api.BusName, v.Path()).CallWithContext(ctx, api.VMInterface+".AddDevice", 0, device, options).Store(&id, &applied)
		if err != nil {
			return err
		}
		return v.Call(ctx, bus, "RemoveDevice", id, options)
	}
}

// restarted restarts the service, waits until it shows all VMs, and returns its
// process.
func (b *bench) restarted(ctx context.Context, vms int) (rig.Process, *rig.Mirror, error) {
	if err := b.rig.NeedVMs(vms); err != nil {
		return 0, nil, err
	}
	if _, err := rig.Run(ctx, "systemctl", "restart", rig.ServiceUnit); err != nil {
		return 0, nil, err
	}
	m, err := b.need(ctx, vms)
	if err != nil {
		return 0, nil, err
	}
	p, err := b.rig.PID(ctx, rig.BusName)
	if err != nil {
		m.Close()
		return 0, nil, err
	}
	return p, m, nil
}

// footprint is a process's PSS in bytes.
type footprint struct{ first, settled, anonymous uint64 }

func (b *bench) memoryOfService(ctx context.Context, vms int) (footprint, error) {
	p, m, err := b.restarted(ctx, vms)
	if err != nil {
		return footprint{}, err
	}
	defer m.Close()
	for range loadRuns {
		if _, err := rig.GetManagedObjects(ctx, b.rig.Bus); err != nil {
			return footprint{}, err
		}
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
