package rig

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
)

// Units of systemd that the measurements are about.
const (
	ServiceUnit  = "kvmmanagerd.service"
	LibvirtdUnit = "libvirtd.service"
)

// Names on the system bus.
const (
	busDaemon = "org.freedesktop.DBus"
	PeerName  = "org.libvirt"
	BusName   = api.BusName
)

// LocalHost is the path of the host that the rig's VMs are on.
var LocalHost = dbus.ObjectPath(model.HostPath("local"))

// Path is the VM's object.
func (v VM) Path() dbus.ObjectPath { return dbus.ObjectPath(model.VMPath(v.UUID())) }

// Options are a method's options, in pairs of key and value.
func Options(pairs ...any) map[string]dbus.Variant {
	options := map[string]dbus.Variant{}
	for i := 0; i+1 < len(pairs); i += 2 {
		options[pairs[i].(string)] = dbus.MakeVariant(pairs[i+1])
	}
	return options
}

// Call calls a method of a VM and waits for the answer.
func (v VM) Call(ctx context.Context, bus *dbus.Conn, member string, args ...any) error {
	return bus.Object(api.BusName, v.Path()).CallWithContext(ctx, api.VMInterface+"."+member, 0, args...).Err
}

// Managed is all objects of the service as one call gives them.
type Managed map[dbus.ObjectPath]map[string]map[string]dbus.Variant

// GetManagedObjects asks for everything.
func GetManagedObjects(ctx context.Context, bus *dbus.Conn) (Managed, error) {
	var all Managed
	err := bus.Object(api.BusName, api.RootPath).
		CallWithContext(ctx, "org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&all)
	return all, err
}

// GetAll asks for all properties of a VM.
func (v VM) GetAll(ctx context.Context, bus *dbus.Conn) (map[string]dbus.Variant, error) {
	var all map[string]dbus.Variant
	err := bus.Object(api.BusName, v.Path()).
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", 0, api.VMInterface).Store(&all)
	return all, err
}

// Activate makes sure that the owner of a name runs.
func (r *Rig) Activate(ctx context.Context, name string) error {
	return r.Bus.BusObject().CallWithContext(ctx, busDaemon+".StartServiceByName", 0, name, uint32(0)).Err
}

// PID is the process that owns a name, which it must.
func (r *Rig) PID(ctx context.Context, name string) (Process, error) {
	var pid uint32
	err := r.Bus.BusObject().CallWithContext(ctx, busDaemon+".GetConnectionUnixProcessID", 0, name).Store(&pid)
	if err != nil {
		return 0, fmt.Errorf("cannot tell who owns %s: %w", name, err)
	}
	return Process(pid), nil
}

// MainPID is the main process of a unit.
func MainPID(ctx context.Context, unit string) (Process, error) {
	out, err := Run(ctx, "systemctl", "show", "--property=MainPID", "--value", unit)
	if err != nil {
		return 0, err
	}
	var pid int
	if _, err := fmt.Sscan(out, &pid); err != nil || pid == 0 {
		return 0, fmt.Errorf("%s does not run", unit)
	}
	return Process(pid), nil
}

// Run runs a command and returns what it printed.
func Run(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot run %s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
