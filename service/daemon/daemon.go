// Package daemon puts the service together, and takes it down again: the bus,
// the hosts of the configuration, signals, and what systemd wants to know.
//
// Start: read the configuration, connect to the bus, connect to the hosts, and
// own the name last, so that the call that activated the service finds
// everything in place. End: give the name up, let jobs stop, disconnect.
package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/polkit"
	"org.kvmmanager/internal/virt"
	"org.kvmmanager/service/jobs"
	"org.kvmmanager/service/journal"
	"org.kvmmanager/service/objects"
	"org.kvmmanager/service/unfinished"
)

const (
	// firstLook is how long the name waits for the first answer of hosts elsewhere,
	// which may be out of reach, and firstLookHere of those on this machine, whose
	// libvirt may only now be started. Who activated the service waits as long, and
	// gives up after 25 s.
	firstLook     = 5 * time.Second
	firstLookHere = 15 * time.Second
	// privateName is owned by the connection that asks polkit and the bus.
	privateName = api.BusName + ".Private"
	// goodbye is how long jobs may take to stop.
	goodbye = 10 * time.Second
)

// Options is what the command line says.
type Options struct {
	Session    bool
	ConfigFile string // empty: the usual places
	Version    string
}

// daemon is a running service.
type daemon struct {
	options Options
	log     *slog.Logger
	level   *slog.LevelVar
	service *objects.Service
	hosts   *hosts
	memory  tidier
	ask     *dbus.Conn // asks the bus and polkit
	serve   *dbus.Conn // owns the name
}

// Run serves until ctx ends or a signal says so, or the bus is gone, which is
// an error.
func Run(ctx context.Context, options Options) error {
	d := &daemon{options: options, level: new(slog.LevelVar)}
	useLittleMemory()
	d.log = slog.New(journal.NewHandler(d.level))
	signals := listen()
	defer signals.stop()

	if err := d.connect(ctx); err != nil {
		return err
	}
	defer d.ask.Close()
	defer d.serve.Close()
	d.hosts.load()
	d.awaitHosts(ctx)
	if err := d.ownName(); err != nil {
		d.close()
		return err
	}
	clearing, stop := context.WithCancel(ctx)
	defer stop()
	go d.service.ClearUp(clearing)
	d.log.Info("the service is ready", journal.MessageID(journal.ServiceStarted), "version", options.Version)
	err := d.loop(ctx, signals)
	d.close()
	return err
}

// connect makes the service and puts it on the bus, without its name.
func (d *daemon) connect(ctx context.Context) error {
	address := bus.SystemAddress()
	if d.options.Session {
		address = bus.SessionAddress()
	}
	var err error
	// An empty tree, since godbus alone can be made to panic by messages that
	// anybody may send.
	if d.ask, err = bus.New("/", nil, nil, nil, d.log).Connect(address); err != nil {
		return err
	}
	// The bus's policy keeps away from this name what others would send. Without
	// it the connection reads over that.
	if _, err := d.ask.RequestName(privateName, dbus.NameFlagDoNotQueue); err != nil {
		d.log.Warn("cannot own the name "+privateName, "error", err)
	}
	d.service, err = objects.New(objects.Options{
		Version: d.options.Version, Hypervisor: virt.New(d.log), Authority: d.authority(),
		Watcher: bus.NewWatcher(d.ask), Log: d.log, KeepJobs: jobs.Keep,
		Changed: d.memory.soon, Unfinished: unfinished.Open(d.paths().StateFolder("unfinished"), d.log),
		Pictures: d.paths().StateFolder("pictures"),
	})
	if err != nil {
		return err
	}
	d.hosts = newHosts(d)
	d.service.UseHosts(d.hosts)
	if err := d.service.WatchPermissions(ctx); err != nil {
		// polkit may start later; its checks fail until then.
		d.log.Warn("cannot follow changes of permissions", "error", err)
	}
	d.serve, err = d.service.Tree().Connect(address)
	return err
}

func (d *daemon) authority() polkit.Checker {
	if d.options.Session {
		return polkit.NewSameUID()
	}
	return polkit.New(d.ask)
}

// awaitHosts waits until every host has answered, or failed to.
func (d *daemon) awaitHosts(ctx context.Context) {
	elsewhere, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	here, cancel := context.WithTimeout(ctx, firstLookHere)
	defer cancel()
	for _, host := range d.service.Inventory().Hosts() {
		ctx := elsewhere
		if virt.IsHere(host.Info().URI) {
			ctx = here
		}
		if err := host.AwaitState(ctx, func(s model.ConnectionState) bool { return s != model.Connecting }); err != nil {
			d.log.Info("a host has not answered yet", "host", host.ID())
		}
	}
}

func (d *daemon) ownName() error {
	reply, err := d.serve.RequestName(api.BusName, dbus.NameFlagDoNotQueue)
	switch {
	case err != nil:
		return fmt.Errorf("cannot own the name %s: %w", api.BusName, err)
	case reply != dbus.RequestNameReplyPrimaryOwner:
		return fmt.Errorf("cannot own the name %s: another program has it", api.BusName)
	}
	return nil
}

// close takes everything down in the opposite order.
func (d *daemon) close() {
	notify(stopping)
	_, _ = d.serve.ReleaseName(api.BusName)
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	d.service.Close(ctx)
}
