// Package ordeal puts the service through what goes wrong on real machines:
// libvirtd goes away, and the service itself is killed. The measurements do so
// often, the system tests a few times.
package ordeal

import (
	"context"
	"fmt"
	"time"

	"org.kvmmanager/tests/bench/rig"
)

// patience is how long anything may take before it counts as never.
const patience = 30 * time.Second

// ordeal is what both have in common.
type ordeal struct {
	rig        *rig.Rig
	mirror     *rig.Mirror
	bystanders []rig.VM
	before     map[rig.VM]identity
	problems   []string
}

// identity tells whether a VM's process is still the same one.
type identity struct {
	pid     rig.Process
	started string
}

// prepare makes n VMs, of which the first few run, and a service that shows
// them.
func prepare(ctx context.Context, r *rig.Rig, n, running int) (*ordeal, error) {
	if err := r.NeedVMs(n); err != nil {
		return nil, err
	}
	if err := r.Activate(ctx, rig.BusName); err != nil {
		return nil, fmt.Errorf("cannot start the service: %w", err)
	}
	mirror, err := rig.Follow(ctx, nil)
	if err != nil {
		return nil, err
	}
	o := &ordeal{rig: r, mirror: mirror, bystanders: rig.VMs(running), before: map[rig.VM]identity{}}
	if err := o.startBystanders(ctx); err != nil {
		o.end()
		return nil, err
	}
	return o, nil
}

func (o *ordeal) startBystanders(ctx context.Context) error {
	for _, v := range o.bystanders {
		if err := o.rig.StartPaused(v); err != nil {
			return err
		}
		id, err := identify(v)
		if err != nil {
			return err
		}
		o.before[v] = id
	}
	return o.settled(ctx)
}

func (o *ordeal) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := o.rig.AwaitTruth(ctx, o.mirror)
	return err
}

// end switches the bystanders off.
func (o *ordeal) end() {
	o.mirror.Close()
	for _, v := range o.bystanders {
		_ = o.rig.PowerOff(v)
	}
}

func identify(v rig.VM) (identity, error) {
	pid, err := v.QEMU()
	if err != nil {
		return identity{}, err
	}
	started, err := pid.Started()
	return identity{pid, started}, err
}

// problem notes what must not be.
func (o *ordeal) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// checkBystanders notes VMs that are not the same processes any more.
func (o *ordeal) checkBystanders(when string) {
	for _, v := range o.bystanders {
		if now, err := identify(v); err != nil || now != o.before[v] {
			o.problem("%s: %s was touched: %v became %v, %v", when, v.Name(), o.before[v], now, err)
		}
	}
}

// size is what a process must not grow in.
type size struct {
	descriptors int
	pss         uint64
}

func sizeOf(p rig.Process) (s size, err error) {
	if s.descriptors, err = p.Descriptors(); err != nil {
		return s, err
	}
	s.pss, _, err = p.Memory()
	return s, err
}
