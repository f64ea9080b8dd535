package rig

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
)

const (
	propertiesChanged = "org.freedesktop.DBus.Properties.PropertiesChanged"
	interfacesAdded   = "org.freedesktop.DBus.ObjectManager.InterfacesAdded"
	interfacesRemoved = "org.freedesktop.DBus.ObjectManager.InterfacesRemoved"
	nameOwnerChanged  = busDaemon + ".NameOwnerChanged"
)

// Mirror follows all objects of the service by its signals, as a client does.
// When the service comes back, it reads everything anew.
type Mirror struct {
	bus  *dbus.Conn
	seen func(*dbus.Signal) // called for each signal before it is applied; may be nil

	mu      sync.Mutex
	owner   string // the service's unique name, empty while there is none
	objects Managed
	changed chan struct{} // closed and replaced after each change
}

// Follow starts a mirror on a connection of its own. seen, if not nil, is
// called for every signal of the service as it comes.
func Follow(ctx context.Context, seen func(*dbus.Signal)) (*Mirror, error) {
	bus, err := Connect()
	if err != nil {
		return nil, err
	}
	m := &Mirror{bus: bus, seen: seen, objects: Managed{}, changed: make(chan struct{})}
	signals := make(chan *dbus.Signal, 64)
	bus.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(api.BusName)},
		{dbus.WithMatchSender(busDaemon), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, api.BusName)},
	} {
		if err := bus.AddMatchSignalContext(ctx, match...); err != nil {
			bus.Close()
			return nil, fmt.Errorf("cannot follow signals: %w", err)
		}
	}
	if err := m.read(ctx); err != nil {
		bus.Close()
		return nil, err
	}
	go m.follow(signals)
	return m, nil
}

// Close ends the mirror.
func (m *Mirror) Close() { m.bus.Close() }

// read takes everything from the service as it is now.
func (m *Mirror) read(ctx context.Context) error {
	all, err := GetManagedObjects(ctx, m.bus)
	if err != nil {
		return err
	}
	var owner string
	if err := m.bus.BusObject().CallWithContext(ctx, busDaemon+".GetNameOwner", 0, api.BusName).Store(&owner); err != nil {
		return err
	}
	m.change(func() { m.owner, m.objects = owner, all })
	return nil
}

func (m *Mirror) follow(signals <-chan *dbus.Signal) {
	for s := range signals {
		if s.Name == nameOwnerChanged {
			m.moved(s)
			continue
		}
		if m.seen != nil {
			m.seen(s)
		}
		m.change(func() { m.objects.apply(s) })
	}
}

// moved empties the mirror when the service is gone, and reads everything when
// it is back.
func (m *Mirror) moved(s *dbus.Signal) {
	if len(s.Body) != 3 || s.Body[0] != api.BusName {
		return
	}
	m.change(func() { m.owner, m.objects = "", Managed{} })
	if s.Body[2] != "" {
		_ = m.read(context.Background()) // fails if it is gone again; then a signal says so
	}
}

func (m *Mirror) change(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
	close(m.changed)
	m.changed = make(chan struct{})
}

// apply makes one signal's change.
func (all Managed) apply(s *dbus.Signal) {
	switch s.Name {
	case interfacesAdded:
		var path dbus.ObjectPath
		var ifaces map[string]map[string]dbus.Variant
		if dbus.Store(s.Body, &path, &ifaces) == nil {
			if all[path] == nil {
				all[path] = map[string]map[string]dbus.Variant{}
			}
			maps.Copy(all[path], ifaces)
		}
	case interfacesRemoved:
		var path dbus.ObjectPath
		var ifaces []string
		if dbus.Store(s.Body, &path, &ifaces) == nil {
			for _, iface := range ifaces {
				delete(all[path], iface)
			}
			if len(all[path]) == 0 {
				delete(all, path)
			}
		}
	case propertiesChanged:
		var iface string
		var values map[string]dbus.Variant
		var invalidated []string
		if dbus.Store(s.Body, &iface, &values, &invalidated) == nil && all[s.Path][iface] != nil {
			maps.Copy(all[s.Path][iface], values)
		}
	}
}

// Look calls f with all objects, which it must not keep. Owner is the service's
// unique name, empty while it is away.
func (m *Mirror) Look(f func(owner string, all Managed)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.owner, m.objects)
}

// Await waits until the objects are as ready says.
func (m *Mirror) Await(ctx context.Context, what string, ready func(owner string, all Managed) bool) error {
	for {
		m.mu.Lock()
		now, changed := ready(m.owner, m.objects), m.changed
		m.mu.Unlock()
		if now {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot see %s: %w", what, ctx.Err())
		case <-changed:
		}
	}
}

// AwaitState waits until a VM is in a state.
func (m *Mirror) AwaitState(ctx context.Context, v VM, state string) error {
	return m.Await(ctx, v.Name()+" "+state, func(_ string, all Managed) bool { return all.Text(v.Path(), api.VMInterface, "State") == state })
}

// AwaitHost waits until the local host is in a state.
func (m *Mirror) AwaitHost(ctx context.Context, ready func(state string) bool) error {
	return m.Await(ctx, "the host's state", func(_ string, all Managed) bool { return ready(all.Text(LocalHost, api.HostInterface, "State")) })
}

// Text is a string property, empty when there is none.
func (all Managed) Text(path dbus.ObjectPath, iface, name string) string {
	text, _ := all[path][iface][name].Value().(string)
	return text
}
