// Package rig is what a program needs that measures the service in the
// reference system: clients of the service and of libvirt, VMs in any number,
// and a look at processes from outside. It needs root and the running system.
package rig

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"libvirt.org/go/libvirt"
)

// uri is the hypervisor that everything happens on, LocalHost its object.
const uri = "qemu:///system"

// Rig is a connection to the system bus and one to libvirt, both of the
// caller's own, so that what is measured is somebody else's.
type Rig struct {
	Bus *dbus.Conn

	mu  sync.Mutex
	raw *libvirt.Connect
}

// startLoop runs libvirt's event loop, which lives as long as the process.
var startLoop = sync.OnceValue(func() error {
	if err := libvirt.EventRegisterDefaultImpl(); err != nil {
		return err
	}
	go func() {
		for libvirt.EventRunDefaultImpl() == nil {
		}
	}()
	return nil
})

// Open connects to both.
func Open() (*Rig, error) {
	if err := startLoop(); err != nil {
		return nil, fmt.Errorf("cannot run libvirt's event loop: %w", err)
	}
	bus, err := Connect()
	if err != nil {
		return nil, err
	}
	r := &Rig{Bus: bus}
	if _, err := r.Libvirt(); err != nil {
		bus.Close()
		return nil, err
	}
	return r, nil
}

// Connect makes one more client of the system bus.
func Connect() (*dbus.Conn, error) {
	bus, err := dbus.ConnectSystemBus(dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		return nil, fmt.Errorf("cannot connect to the system bus: %w", err)
	}
	return bus, nil
}

// Close ends both connections. The VMs stay.
func (r *Rig) Close() {
	r.Bus.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.raw != nil {
		_, _ = r.raw.Close()
	}
}

// Libvirt is the connection to libvirt, a new one if libvirtd was restarted.
func (r *Rig) Libvirt() (*libvirt.Connect, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.raw != nil {
		if alive, err := r.raw.IsAlive(); err == nil && alive {
			return r.raw, nil
		}
		_, _ = r.raw.Close()
		r.raw = nil
	}
	raw, err := libvirt.NewConnect(uri)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to libvirt: %w", err)
	}
	r.raw = raw
	return raw, nil
}

// AwaitLibvirt connects as soon as libvirtd takes connections.
func (r *Rig) AwaitLibvirt(ctx context.Context) error {
	return Poll(ctx, func() error {
		raw, err := r.Libvirt()
		if err != nil {
			return err
		}
		_, err = raw.GetLibVersion()
		return err
	})
}

// Poll calls ready until it returns nil, or ctx ends: then its last error is
// returned. For what announces nothing by itself.
func Poll(ctx context.Context, ready func() error) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-ticker.C:
		}
	}
}
