package busfuzz_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/polkit"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/internal/virt"
	"org.kvmmanager/service/config"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/objects"
	"org.kvmmanager/tests/busfuzz"
)

// The users of the tests: the first of the system's own, since a bus admits
// only users that exist.
const (
	bobUID  = 1 + iota // whom polkit refuses
	caroUID            // who has no program that asks for the password
	daveUID            // who closes the dialog
)

// uri is a host in this very process: all its connections see the same VMs.
const uri = "test:///default"

// limits are so high that it is the service that has to refuse.
const limits = `<limit name="max_replies_per_connection">100000</limit><limit name="max_connections_per_user">10000</limit>`

// world is the service with libvirt's test driver on a private bus.
type world struct {
	t       *testing.T
	ctx     context.Context
	bus     *bustest.Bus
	polkit  *polkittest.Authority
	service *objects.Service
	name    string
	direct  inventory.Conn // a connection of our own to the same host
	log     *log
}

// hosts lets in what the service does, and remembers nothing.
type hosts struct{ service *objects.Service }

func (h hosts) Add(id, uri string) (*inventory.Host, error) {
	if err := config.ValidateID(id); err != nil {
		return nil, err
	}
	if err := config.ValidateURI(uri, true); err != nil {
		return nil, err
	}
	defer h.service.HostsChanged()
	return h.service.Inventory().Add(id, uri)
}

func (h hosts) Remove(id string) error {
	if id == "demo" {
		return errs.New(errs.InvalidState, "The host “demo” comes from the service's configuration, and can be removed only there.")
	}
	defer h.service.HostsChanged()
	return h.service.Inventory().Remove(id)
}

func newWorld(ctx context.Context, t *testing.T) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be several users")
	}
	w := &world{t: t, ctx: ctx, bus: bustest.Start(t, limits), log: &log{}}
	w.polkit = polkittest.New(t, w.bus.Address,
		polkittest.Rule{UIDs: []uint32{0}, Answer: polkittest.Yes},
		polkittest.Rule{Action: "org.kvmmanager.read", Answer: polkittest.Yes},
		polkittest.Rule{UIDs: []uint32{bobUID}, Answer: polkittest.No},
		polkittest.Rule{UIDs: []uint32{caroUID}, Answer: polkittest.NoAgent},
		polkittest.Rule{UIDs: []uint32{daveUID}, Answer: polkittest.Dismiss})
	w.populate()
	w.serve()
	return w
}

// populate gives the host VMs in all sorts of states.
func (w *world) populate() {
	w.t.Helper()
	var err error
	if w.direct, err = virt.New(slog.New(slog.DiscardHandler)).Open(w.ctx, uri); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.direct.Close)
	go func() {
		for range w.direct.Events() { // nobody needs them, and they pile up
		}
	}()
	for _, state := range []string{"off", "running", "paused", "saved"} {
		uuid, err := w.direct.DefineXML(w.ctx, fmt.Sprintf(`<domain type='test'><name>%s</name><memory>65536</memory><vcpu>2</vcpu>
<os><type>hvm</type></os><devices><graphics type='vnc' passwd='secret'/><serial type='pty'/></devices></domain>`, state), "")
		if err != nil {
			w.t.Fatal(err)
		}
		if state != "off" {
			err = w.direct.Start(w.ctx, uuid, false)
		}
		if err == nil && state == "saved" {
			err = w.direct.Save(w.ctx, uuid)
		}
		if err == nil && state == "paused" {
			err = w.direct.Pause(w.ctx, uuid)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// serve puts the service on the bus.
func (w *world) serve() {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(w.log, nil))
	ask, err := bus.New("/", nil, nil, nil, log).Connect(w.bus.Address) // as the daemon does
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = ask.Close() })
	w.service, err = objects.New(objects.Options{
		Version: "1", Hypervisor: virt.New(log), Authority: polkit.New(ask), Watcher: bus.NewWatcher(ask),
		Log: log, KeepJobs: time.Second,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.service.UseHosts(hosts{w.service})
	if err := w.service.WatchPermissions(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	conn, err := w.service.Tree().Connect(w.bus.Address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.service.Close(context.Background()); conn.Close() })
	w.name = conn.Names()[0]
	host, err := w.service.Inventory().Add("demo", uri)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := host.AwaitState(w.ctx, func(s model.ConnectionState) bool { return s == model.Connected }); err != nil {
		w.t.Fatal(err)
	}
}

// fuzz runs the fuzzer, prints what it did, and fails the test for what it
// found.
func (w *world) fuzz(users ...busfuzz.User) {
	w.t.Helper()
	report, err := busfuzz.Run(w.ctx, busfuzz.Options{
		Address: w.bus.Address, Service: w.name, Users: users, Seed: *seed, Duration: *duration / 2,
		Each: []string{"success"},
		Any:  []string{"InvalidArgs", "InvalidArgument", "NotAuthorized", "UnknownMethod", "garbage", "left"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var text strings.Builder
	report.Print(&text)
	w.t.Log(text.String())
	if len(report.Violations) > 0 {
		w.t.Errorf("%d violations with seed %d", len(report.Violations), report.Seed)
	}
}

// state is all that the host has, as far as a caller could change it, in lines.
func (w *world) state() []string {
	w.t.Helper()
	vms, err := w.direct.VMs(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortFunc(vms, func(a, b *model.VM) int { return strings.Compare(a.UUID, b.UUID) })
	var text strings.Builder
	for _, vm := range vms {
		xml, err := w.direct.XML(w.ctx, vm.UUID, true, true)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintln(&text, vm.UUID, vm.ID, vm.State, vm.StateReason, vm.Autostart, vm.HasSavedState, vm.VCPUs, vm.Memory)
		fmt.Fprintln(&text, xml)
	}
	for _, host := range w.service.Inventory().Hosts() {
		fmt.Fprintln(&text, host.ID())
	}
	return strings.Split(text.String(), "\n")
}

// tidy removes the hosts that were added.
func (w *world) tidy() {
	w.t.Helper()
	for _, host := range w.service.Inventory().Hosts() {
		if host.ID() == "demo" {
			continue
		}
		if err := w.service.Inventory().Remove(host.ID()); err != nil {
			w.t.Error(err)
		}
	}
	w.service.HostsChanged()
}

// usage is what this process holds once its garbage is collected.
func (w *world) usage() (busfuzz.Usage, error) {
	w.polkit.Checks() // the record grows otherwise
	u, err := busfuzz.ProcessUsage(os.Getpid())
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	u.Goroutines, u.Bytes, u.Threads = runtime.NumGoroutine(), memory.HeapAlloc, 0 // idle threads stay
	return u, err
}

// shown is the VMs that the service shows, and their state.
func (w *world) shown() map[string]string {
	w.t.Helper()
	conn, err := dbus.Connect(w.bus.Address)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	var objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant
	err = conn.Object(w.name, "/org/kvmmanager").CallWithContext(w.ctx, "org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&objects)
	if err != nil {
		w.t.Fatal(err)
	}
	vms := map[string]string{}
	for path, ifaces := range objects {
		if vm := ifaces["org.kvmmanager.VM"]; vm != nil {
			vms[string(path)] = fmt.Sprint(vm["Name"].Value(), vm["Title"].Value(), vm["State"].Value(), vm["VCPUs"].Value(),
				vm["Autostart"].Value(), vm["HasSavedState"].Value())
		}
		if job := ifaces["org.kvmmanager.Job"]; job != nil {
			vms[string(path)] = "a job"
		}
	}
	return vms
}

// real is the VMs that the host has, in the form of shown.
func (w *world) real() map[string]string {
	w.t.Helper()
	list, err := w.direct.VMs(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	vms := map[string]string{}
	for _, vm := range list {
		vms[string(vm.Path())] = fmt.Sprint(vm.Name, vm.Title, vm.State, vm.VCPUs, vm.Autostart, vm.HasSavedState)
	}
	return vms
}
