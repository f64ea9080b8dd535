package main

import (
	"context"
	"fmt"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/tests/bench/rig"
)

// changes is how many changes of each kind are made.
const changes = 200

// change measures how much later than libvirt's own event, at a client of
// libvirt in this process, a D-Bus client in this process learns of a change.
func (b *bench) change(ctx context.Context) ([]result, error) {
	m, err := b.need(ctx, some)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	const v, off = rig.VM(1), rig.VM(2)
	if err := b.rig.StartPaused(v); err != nil {
		return nil, err
	}
	defer func() { _ = b.rig.PowerOff(v) }()
	if err := m.AwaitState(ctx, v, "paused"); err != nil {
		return nil, err
	}
	w, err := b.witness(ctx, v, off)
	if err != nil {
		return nil, err
	}
	defer w.close()
	states, err := w.watch(ctx, func(n int) error { return b.resumeOrPause(v, n) })
	if err != nil {
		return nil, err
	}
	titles, err := w.watch(ctx, func(n int) error { return b.title(off, n) })
	if err != nil {
		return nil, err
	}
	return []result{
		latency("pause and resume → PropertiesChanged", states),
		latency("new title of a VM that is off → PropertiesChanged", titles),
	}, nil
}

// latency judges how late the signals were after libvirt's event.
func latency(what string, seen []sighting) result {
	var ours, theirs, fromReturn []float64
	for _, s := range seen {
		ours = append(ours, ms(s.ours.Sub(s.libvirt)))
		theirs = append(theirs, ms(s.peer.Sub(s.libvirt)))
		fromReturn = append(fromReturn, ms(s.ours.Sub(s.returned)))
	}
	r := figure(what, "ms", ours...).beside(peerName, theirs...)
	back := figure("", "", fromReturn...).Ours
	return r.bar("median < 3, p99 < 15", r.Ours.Median < 3 && r.Ours.P99 < 15).
		note("after libvirt's event; p99 %s ms, of libvirt-dbus %s ms; after the return of the call that made the change: median %s, p99 %s ms",
			short(r.Ours.P99), short(r.Peer.P99), short(back.Median), short(back.P99))
}

// resumeOrPause resumes in even rounds and pauses in odd ones.
func (b *bench) resumeOrPause(v rig.VM, n int) error {
	return b.rig.With(v, func(d *libvirt.Domain) error {
		if n%2 == 0 {
			return d.Resume()
		}
		return d.Suspend()
	})
}

func (b *bench) title(v rig.VM, n int) error {
	return b.rig.With(v, func(d *libvirt.Domain) error {
		return d.SetMetadata(libvirt.DOMAIN_METADATA_TITLE, fmt.Sprintf("Title %d", n), "", "", libvirt.DOMAIN_AFFECT_CONFIG)
	})
}

// sighting is when who learned of one change.
type sighting struct{ returned, libvirt, ours, peer time.Time }

// watch makes changes, each after everybody has seen the one before.
func (w *witness) watch(ctx context.Context, make func(n int) error) ([]sighting, error) {
	var seen []sighting
	for n := range changes {
		w.forget()
		if err := make(n); err != nil {
			return nil, fmt.Errorf("cannot make a change: %w", err)
		}
		s := sighting{returned: time.Now()}
		for _, look := range []struct {
			who string
			at  *time.Time
			by  <-chan time.Time
		}{{"libvirt", &s.libvirt, w.libvirt}, {"the service", &s.ours, w.ours}, {peerName, &s.peer, w.peer}} {
			select {
			case *look.at = <-look.by:
			case <-time.After(10 * time.Second):
				return nil, fmt.Errorf("%s did not announce change %d", look.who, n)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		seen = append(seen, s)
	}
	return seen, nil
}
