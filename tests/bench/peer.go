package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/tests/bench/rig"
)

// Names of libvirt-dbus's API.
const (
	peerName        = "libvirt-dbus"
	peerConnectPath = dbus.ObjectPath("/org/libvirt/QEMU")
	peerConnect     = "org.libvirt.Connect"
	peerDomain      = "org.libvirt.Domain"
)

// inFlight is how many calls a client may have under way: the bus itself
// refuses more than 128 a connection.
const inFlight = 120

// peerDomains lists libvirt-dbus's objects.
func peerDomains(ctx context.Context, bus *dbus.Conn) ([]dbus.ObjectPath, error) {
	var paths []dbus.ObjectPath
	err := bus.Object(rig.PeerName, peerConnectPath).CallWithContext(ctx, peerConnect+".ListDomains", 0, uint32(0)).Store(&paths)
	if err != nil {
		return nil, fmt.Errorf("cannot list the VMs of libvirt-dbus: %w", err)
	}
	return paths, nil
}

// peerVM is what a UI needs of one VM.
type peerVM struct {
	properties map[string]dbus.Variant
	xml        string
	state      []int32
}

// peerLoad gets everything that a UI needs from libvirt-dbus, in the fastest
// way that it has: a list, and three calls for each VM, sent without waiting
// for answers as far as the bus allows.
func peerLoad(ctx context.Context, bus *dbus.Conn) (map[dbus.ObjectPath]*peerVM, error) {
	paths, err := peerDomains(ctx, bus)
	if err != nil {
		return nil, err
	}
	all := make(map[dbus.ObjectPath]*peerVM, len(paths))
	turns := make(chan struct{}, inFlight)
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	send := func(path dbus.ObjectPath, store func(*dbus.Call) error, method string, args ...any) {
		turns <- struct{}{}
		call := bus.Object(rig.PeerName, path).GoWithContext(ctx, method, 0, make(chan *dbus.Call, 1), args...)
		wait.Add(1)
		go func() {
			defer wait.Done()
			<-call.Done
			<-turns
			if err := store(call); err != nil {
				mu.Lock()
				failed = fmt.Errorf("cannot call %s of libvirt-dbus: %w", method, err)
				mu.Unlock()
			}
		}()
	}
	for _, path := range paths {
		vm := &peerVM{}
		all[path] = vm
		send(path, func(c *dbus.Call) error { return c.Store(&vm.properties) }, "org.freedesktop.DBus.Properties.GetAll", peerDomain)
		send(path, func(c *dbus.Call) error { return c.Store(&vm.xml) }, peerDomain+".GetXMLDesc", uint32(0))
		send(path, func(c *dbus.Call) error {
			var state struct{ State, Reason int32 }
			if err := c.Store(&state); err != nil {
				return err
			}
			vm.state = []int32{state.State, state.Reason}
			return nil
		}, peerDomain+".GetState", uint32(0))
	}
	wait.Wait()
	return all, failed
}
