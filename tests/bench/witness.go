package main

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"
	"libvirt.org/go/libvirt"

	"org.kvmmanager/dbus"
	"org.kvmmanager/tests/bench/rig"
)

// witness notes when an event of certain VMs arrives by three ways: libvirt's
// own, the service's and libvirt-dbus's. Each channel holds the first arrival.
type witness struct {
	libvirt, ours, peer chan time.Time
	undo                []func()
}

func note(at chan<- time.Time) {
	select {
	case at <- time.Now():
	default: // one change may be several signals; the first counts
	}
}

// forget makes room for the next change.
func (w *witness) forget() {
	for _, c := range []chan time.Time{w.libvirt, w.ours, w.peer} {
		select {
		case <-c:
		default:
		}
	}
}

// close takes the registrations back.
func (w *witness) close() {
	for _, undo := range w.undo {
		undo()
	}
}

// witness starts to listen to events of these VMs.
func (b *bench) witness(ctx context.Context, vms ...rig.VM) (*witness, error) {
	w := &witness{libvirt: make(chan time.Time, 1), ours: make(chan time.Time, 1), peer: make(chan time.Time, 1)}
	for _, listen := range []func(context.Context, []rig.VM) error{
		func(_ context.Context, vms []rig.VM) error { return w.listenToLibvirt(b.rig, vms) },
		w.listenToService, w.listenToPeer,
	} {
		if err := listen(ctx, vms); err != nil {
			w.close()
			return nil, err
		}
	}
	return w, nil
}

func (w *witness) listenToLibvirt(r *rig.Rig, vms []rig.VM) error {
	raw, err := r.Libvirt()
	if err != nil {
		return err
	}
	for _, v := range vms {
		domain, err := raw.LookupDomainByUUIDString(v.UUID())
		if err != nil {
			return err
		}
		defer domain.Free()
		lifecycle, err := raw.DomainEventLifecycleRegister(domain, func(*libvirt.Connect, *libvirt.Domain, *libvirt.DomainEventLifecycle) {
			note(w.libvirt)
		})
		if err != nil {
			return fmt.Errorf("cannot listen to libvirt: %w", err)
		}
		metadata, err := raw.DomainEventMetadataChangeRegister(domain, func(*libvirt.Connect, *libvirt.Domain, *libvirt.DomainEventMetadataChange) {
			note(w.libvirt)
		})
		if err != nil {
			return fmt.Errorf("cannot listen to libvirt: %w", err)
		}
		w.undo = append(w.undo, func() {
			_ = raw.DomainEventDeregister(lifecycle)
			_ = raw.DomainEventDeregister(metadata)
		})
	}
	return nil
}

// listenToService waits for the property that the change is about.
func (w *witness) listenToService(ctx context.Context, vms []rig.VM) error {
	return w.listen(ctx, api.BusName, func(s *dbus.Signal) {
		if s.Name != "org.freedesktop.DBus.Properties.PropertiesChanged" || len(s.Body) != 3 || !isOneOf(s.Path, vms) {
			return
		}
		values, _ := s.Body[1].(map[string]dbus.Variant)
		_, state := values["State"]
		_, title := values["Title"]
		if state || title {
			note(w.ours)
		}
	})
}

func isOneOf(path dbus.ObjectPath, vms []rig.VM) bool {
	for _, v := range vms {
		if v.Path() == path {
			return true
		}
	}
	return false
}

// listenToPeer starts libvirt-dbus and waits for its events. Nothing else
// changes meanwhile, so that its paths need no reading.
func (w *witness) listenToPeer(ctx context.Context, _ []rig.VM) error {
	err := w.listen(ctx, rig.PeerName, func(s *dbus.Signal) {
		if s.Name == peerConnect+".DomainEvent" || s.Name == peerDomain+".MetadataChange" {
			note(w.peer)
		}
	})
	if err != nil {
		return err
	}
	bus, err := rig.Connect()
	if err != nil {
		return err
	}
	defer bus.Close()
	_, err = peerDomains(ctx, bus)
	return err
}

// listen passes on the signals of one sender, from a connection of its own.
func (w *witness) listen(ctx context.Context, sender string, to func(*dbus.Signal)) error {
	bus, err := rig.Connect()
	if err != nil {
		return err
	}
	w.undo = append(w.undo, func() { bus.Close() })
	signals := make(chan *dbus.Signal, 64)
	bus.Signal(signals)
	if err := bus.AddMatchSignalContext(ctx, dbus.WithMatchSender(sender)); err != nil {
		return fmt.Errorf("cannot listen to %s: %w", sender, err)
	}
	go func() {
		for s := range signals {
			to(s)
		}
	}()
	return nil
}
