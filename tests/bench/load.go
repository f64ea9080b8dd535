package main

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/tests/bench/rig"
)

// loadRuns is how often each side loads everything.
const loadRuns = 7

// load compares how long a client needs for everything that a UI shows of many
// VMs, with its own decoding.
func (b *bench) load(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, b.vms)
	if err != nil {
		return nil, err
	}
	m.Close()
	bus, err := rig.Connect()
	if err != nil {
		return nil, err
	}
	defer bus.Close()
	if _, err := peerDomains(ctx, bus); err != nil { // starts it
		return nil, err
	}
	var ours, theirs, one []float64
	for range loadRuns {
		took, err := b.loadOurs(ctx, bus)
		if err != nil {
			return nil, err
		}
		ours = append(ours, took)
		start := time.Now()
		all, err := peerLoad(ctx, bus)
		if err != nil {
			return nil, err
		}
		theirs = append(theirs, ms(time.Since(start)))
		if len(all) < b.vms {
			return nil, fmt.Errorf("libvirt-dbus shows %d VMs of %d", len(all), b.vms)
		}
		start = time.Now()
		if _, err := rig.VM(1).GetAll(ctx, bus); err != nil {
			return nil, err
		}
		one = append(one, ms(time.Since(start)))
	}
	r := figure(fmt.Sprintf("everything of %d VMs", b.vms), "ms", ours...).beside(peerName, theirs...)
	return []result{
		r.bar("≥ 10×", r.ratio() >= 10).note("1 call; libvirt-dbus %d calls, %d of them at once", 3*b.vms+1, inFlight),
		figure("everything of one of them", "ms", one...),
	}, nil
}

// loadOurs takes the time of one load, and checks that it was a whole one.
func (b *bench) loadOurs(ctx context.Context, bus *dbus.Conn) (float64, error) {
	start := time.Now()
	all, err := rig.GetManagedObjects(ctx, bus)
	took := ms(time.Since(start))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, ifaces := range all {
		if ifaces[api.VMInterface] != nil {
			n++
		}
	}
	if n < b.vms {
		return 0, fmt.Errorf("the service shows %d VMs of %d", n, b.vms)
	}
	return took, nil
}
