package client_test

import (
	"context"
	"os"
	"reflect"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/internal/testutil/servicetest"
	"org.kvmmanager/internal/wire"
)

var (
	hostPath = model.HostPath("local")
	webPath  = model.VMPath(fakehv.UUID(1))
	dbPath   = model.VMPath(fakehv.UUID(2))
)

// world is a service, which owns its name, and a client of it.
type world struct {
	*servicetest.World
	t       testing.TB
	ctx     context.Context
	service *servicetest.Service
	client  *client.Client
}

// newWorld has a host with a VM that is off and one that runs, and a client
// that is ready.
func newWorld(t testing.TB, rules ...polkittest.Rule) *world {
	t.Helper()
	w := quietWorld(t, rules...)
	w.HV.Put(fakehv.VM(1, "web"))
	w.HV.Put(running(2, "db"))
	w.serve()
	w.client = w.connect()
	w.ready()
	return w
}

// quietWorld has a machine and polkit, but no service.
func quietWorld(t testing.TB, rules ...polkittest.Rule) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	t.Cleanup(cancel)
	return &world{World: servicetest.New(t, rules), t: t, ctx: ctx}
}

func (w *world) serve() {
	w.t.Helper()
	w.service = w.Serve(w.ctx).WithHost(w.ctx).OwnName()
}

func (w *world) connect() *client.Client {
	w.t.Helper()
	c, err := client.Connect(w.ctx, client.Options{Address: w.Bus.Address})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

func (w *world) ready() {
	w.t.Helper()
	if err := w.client.AwaitReady(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) next(s *client.Subscription) *client.Batch {
	w.t.Helper()
	b, err := s.Next(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// await fetches batches until one is as it should be.
func (w *world) await(s *client.Subscription, what string, as func(*client.Batch) bool) *client.Batch {
	w.t.Helper()
	for {
		b, err := s.Next(w.ctx)
		if err != nil {
			w.t.Fatalf("waiting for %s: %v", what, err)
		}
		if as(b) {
			return b
		}
	}
}

// inState says whether a batch ends in a state.
func inState(state client.State) func(*client.Batch) bool {
	return func(b *client.Batch) bool { return b.Status.State == state }
}

func running(n int, name string) *model.VM {
	vm := fakehv.VM(n, name)
	vm.State, vm.StateReason, vm.ID = model.VMRunning, "booted", int32(n)
	return vm
}

// rich is a VM as large as a real one.
func rich(n int, name string) *model.VM {
	vm := running(n, name)
	vm.Title, vm.OSID, vm.OSName, vm.CPUMode = "Web server "+name, "http://debian.org/debian/13", "Debian 13", "host-passthrough"
	vm.Tags, vm.BootOrder, vm.IPAddresses = []string{"production", "web"}, []string{"disk-vda"}, []string{"192.168.122.77", "fe80::5054:ff:fe12:3456"}
	vm.Disks = []*model.Device{
		{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Bus: "virtio", Target: "vda", Address: "pci:0000:04:00.0", Source: "/var/lib/libvirt/images/" + name + ".qcow2", Format: "qcow2", Capacity: 20 << 30, Allocation: 3 << 30, Cache: "none", Discard: "unmap"},
		{ID: "cdrom-sda", Kind: model.KindCDROM, Type: "file", Bus: "sata", Target: "sda", ReadOnly: true},
	}
	vm.Interfaces = []*model.Device{{ID: "interface-52:54:00:12:34:56", Kind: model.KindInterface, Type: "network", Model: "virtio", Target: "vnet0", MAC: "52:54:00:12:34:56", NetworkName: "default", Bridge: "virbr0", Address: "pci:0000:01:00.0"}}
	for _, kind := range []model.DeviceKind{model.KindVideo, model.KindSound, model.KindRNG, model.KindBalloon, model.KindTPM, model.KindInput, model.KindController, model.KindChannel} {
		vm.Devices = append(vm.Devices, &model.Device{ID: string(kind) + "-0", Kind: kind, Model: "virtio", Bus: "pci", Address: "pci:0000:05:00.0"})
	}
	vm.DiskSize = 20 << 30
	return vm
}

// tree is what the service shows, read without the client's code.
func (w *world) tree(conn *dbus.Conn) map[model.Path]any {
	w.t.Helper()
	var all map[dbus.ObjectPath]map[string]map[string]dbus.Variant
	err := conn.Object(w.service.Name, "/org/kvmmanager").
		CallWithContext(w.ctx, "org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&all)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[model.Path]any{}
	for path, interfaces := range all {
		for iface, values := range interfaces {
			value := map[string]any{
				"org.kvmmanager.Host": &model.Host{}, "org.kvmmanager.VM": &model.VM{}, "org.kvmmanager.Job": &model.Job{},
				"org.kvmmanager.Network": &model.Network{}, "org.kvmmanager.StoragePool": &model.StoragePool{},
				"org.kvmmanager.StorageVolume": &model.StorageVolume{}, "org.kvmmanager.Snapshot": &model.Snapshot{},
			}[iface]
			if err := wire.Decode(values, value); err != nil {
				w.t.Fatal(err)
			}
			out[model.Path(path)] = value
		}
	}
	return out
}

// mirrored is what the client shows, with the job numbers that are no
// property left out.
func mirrored(c *client.Client) map[model.Path]any {
	out := map[model.Path]any{}
	for _, v := range c.Hosts() {
		out[v.Path()] = v
	}
	for _, v := range c.VMs() {
		out[v.Path()] = v
	}
	for _, v := range c.Networks() {
		out[v.Path()] = v
	}
	for _, vm := range c.VMs() {
		for _, v := range c.Snapshots(vm.Path()) {
			out[v.Path()] = v
		}
	}
	for _, p := range c.Pools() {
		out[p.Path()] = p
		for _, v := range c.Volumes(p.Path()) {
			out[v.Path()] = v
		}
	}
	for _, v := range c.Jobs() {
		job := *v
		job.Number = ""
		out[v.Path()] = &job
	}
	return out
}

// compare says how two pictures of the objects differ.
func compare(t testing.TB, what string, got, want map[model.Path]any) {
	t.Helper()
	for path, value := range want {
		if !reflect.DeepEqual(got[path], value) {
			t.Errorf("%s: %s is\n     %+v\nwant %+v", what, path, got[path], value)
		}
	}
	for path := range got {
		if want[path] == nil {
			t.Errorf("%s: %s should not be there", what, path)
		}
	}
}

// replay is what one who takes in batches sees.
type replay map[model.Path]any

func (r replay) take(t testing.TB, b *client.Batch) {
	t.Helper()
	taken(t, r, b.Hosts)
	taken(t, r, b.VMs)
	taken(t, r, b.Networks)
	taken(t, r, b.Pools)
	taken(t, r, b.Volumes)
	taken(t, r, b.Snapshots)
	taken(t, r, b.Jobs)
}

// taken also checks that each change begins where the last one ended.
func taken[T any, P interface {
	*T
	Path() model.Path
}](t testing.TB, r replay, changes []client.Change[T],
) {
	t.Helper()
	for _, c := range changes {
		var path model.Path
		if c.New != nil {
			path = P(c.New).Path()
		} else {
			path = P(c.Old).Path()
		}
		if before, known := r[path]; known != (c.Old != nil) || known && before.(*T) != c.Old {
			t.Errorf("a change of %s does not begin where the last one ended", path)
		}
		if c.New == nil {
			delete(r, path)
		} else {
			r[path] = c.New
		}
	}
}

// openFiles counts this process's descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
