package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/bustest"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/inventory"
)

func TestTheMirrorIsCompleteWhenReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	compare(t, "at first", mirrored(w.client), w.tree(w.Bus.Connect(t)))
	if m := w.client.Manager(); m == nil || m.Version != "1.2.3" || !reflect.DeepEqual(m.Hosts, []model.Path{hostPath}) {
		t.Errorf("the manager is %+v", m)
	}
	if vm := w.client.VM(dbPath); vm == nil || vm.Name != "db" || vm.State != model.VMRunning {
		t.Errorf("the VM is %+v", vm)
	}
	if w.client.Host(hostPath).State != model.Connected || len(w.client.VMs()) != 2 {
		t.Error("the host or its VMs are missing")
	}
}

// storm changes things at random, as other tools and this API do.
func (w *world) storm(random *rand.Rand, steps int) {
	ctx := w.ctx
	for range steps {
		n := 1 + random.IntN(12)
		path := model.VMPath(fakehv.UUID(n))
		switch random.IntN(11) {
		case 0, 1:
			vm := rich(n, fmt.Sprintf("vm%d", n))
			vm.Title, vm.VCPUs = fmt.Sprint("title ", random.IntN(1000)), uint32(random.IntN(8))
			vm.Disks[0].Source = fmt.Sprintf("/fake/%s/image%d", fakehv.UUID(1+random.IntN(12)), random.IntN(5))
			w.HV.Put(vm)
		case 2:
			w.HV.Put(fakehv.VM(n, fmt.Sprintf("vm%d", n)))
		case 3:
			w.HV.Drop(fakehv.UUID(n))
		case 4:
			w.HV.PutNetwork(&model.Network{UUID: fakehv.UUID(n), Name: fmt.Sprint("net", n), Active: random.IntN(2) == 0})
		case 5:
			w.HV.DropNetwork(fakehv.UUID(n))
		case 6:
			w.HV.PutPool(&model.StoragePool{UUID: fakehv.UUID(n), Name: fmt.Sprint("pool", n), Capacity: random.Uint64(), Active: random.IntN(4) > 0})
		case 7: // it may be gone, or in another state
			_, _ = w.client.Start(ctx, path, client.Wait())
		case 8:
			w.HV.PutVolume(fakehv.UUID(n), inventory.VolumeInfo{Name: fmt.Sprint("image", random.IntN(5)), Capacity: random.Uint64()}, nil)
			w.HV.RefreshPool(fakehv.UUID(n))
		case 9:
			w.HV.DropVolume(fakehv.UUID(n), fmt.Sprint("image", random.IntN(5)))
			w.HV.RefreshPool(fakehv.UUID(n))
		case 10:
			_ = w.client.SetTags(ctx, path, []string{fmt.Sprint("tag", random.IntN(100))})
		}
	}
}

// settle makes a last change and waits until the mirror shows it: the one
// goroutine of the host has then handled everything before it. The volumes of
// pools have another one.
func (w *world) settle(mark string) {
	w.t.Helper()
	w.pass(mark + " and volumes")
	for _, h := range w.service.Inventory().Hosts() {
		for _, p := range h.Pools() {
			if err := h.RefreshVolumes(w.ctx, p.UUID); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	w.pass(mark)
}

// pass makes a change and waits until the mirror shows it.
func (w *world) pass(mark string) {
	w.t.Helper()
	w.HV.Put(fakehv.VM(999, mark))
	s := w.client.Subscribe()
	defer s.Close()
	w.await(s, mark, func(b *client.Batch) bool {
		for _, c := range b.VMs {
			if c.New != nil && c.New.Name == mark {
				return true
			}
		}
		return false
	})
}

func TestTheMirrorEqualsTheTreeAfterAnyChanges(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := quietWorld(t)
	w.serve()
	conn := w.Bus.Connect(t)
	// Some changes come while the client reads everything.
	storm := make(chan struct{})
	go func() {
		defer close(storm)
		for i := range 300 {
			w.HV.Put(rich(100+i%40, fmt.Sprintf("early%d-%d", i%40, i)))
		}
	}()
	w.client = w.connect()
	w.ready()
	<-storm
	fast, slow := w.client.Subscribe(), w.client.Subscribe()
	seen, late := replay{}, replay{}
	for round := range 5 {
		w.storm(random, 150)
		mark := fmt.Sprint("mark", round)
		w.settle(mark)
		if round == 2 {
			w.service.Stop()
			w.storm(random, 40)
			w.serve()
			// The new service's list has everything that was done before.
			w.await(fast, "the new service", func(b *client.Batch) bool {
				seen.take(t, b)
				return b.Status.State == client.Ready && len(w.client.Jobs()) == 0
			})
			w.settle(mark + "b")
		}
		compare(t, fmt.Sprint("round ", round), mirrored(w.client), w.tree(conn))
		seen.take(t, w.poke(fast))
	}
	late.take(t, w.next(slow))
	late.take(t, w.poke(slow)) // what has gone since its end
	compareReplay(t, "every batch", seen, w.client)
	compareReplay(t, "one late batch", late, w.client)
}

// poke makes sure that there is a batch, and fetches it.
func (w *world) poke(s *client.Subscription) *client.Batch {
	w.Polkit.EmitChanged()
	return w.next(s)
}

func compareReplay(t *testing.T, what string, r replay, c *client.Client) {
	t.Helper()
	got := map[model.Path]any{}
	for path, value := range r {
		if job, ok := value.(*model.Job); ok {
			copied := *job
			copied.Number = ""
			value = &copied
		}
		got[path] = value
	}
	compare(t, what, got, mirrored(c))
}

func TestARestartIsADifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.Subscribe()
	w.next(s)
	before := w.client.VM(webPath)
	if _, err := w.client.Start(w.ctx, dbPath); err == nil {
		t.Error("a running VM was started")
	}
	job, err := w.client.PowerOff(w.ctx, dbPath, client.Wait())
	if err != nil {
		t.Fatal(err)
	}
	w.service.Stop()
	b := w.await(s, "gone", inState(client.Gone))
	if w.client.Job(job) != nil {
		t.Error("a job outlived its service")
	}
	if w.client.VM(webPath) != before {
		t.Error("what was known of a VM was forgotten")
	}
	w.HV.Drop(fakehv.UUID(2))
	w.HV.Put(fakehv.VM(3, "new"))
	w.serve()
	for b.Status.State != client.Ready {
		b = w.next(s)
	}
	if w.client.VM(webPath) != before {
		t.Error("a VM that is as it was is another value")
	}
	if len(b.VMs) != 2 || b.VMs[0].New != nil || b.VMs[0].Old.Name != "db" || b.VMs[1].Old != nil || b.VMs[1].New.Name != "new" {
		t.Errorf("the changes are %+v", b.VMs)
	}
}

func TestASlowSubscriberGetsOneChangeForEachObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.Subscribe()
	first := w.next(s)
	if first.Status.State != client.Ready || len(first.Hosts) != 1 || len(first.VMs) != 2 || first.VMs[0].Old != nil {
		t.Errorf("the first batch is %+v", first)
	}
	before := w.client.VM(webPath)
	for i := range 50 {
		if err := w.client.SetTitle(w.ctx, webPath, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	w.HV.Put(fakehv.VM(3, "short-lived"))
	w.HV.Drop(fakehv.UUID(3))
	w.settle("mark")
	b := w.next(s)
	if len(b.VMs) != 2 || b.VMs[0].Old != before || b.VMs[0].New.Title != "49" || b.VMs[1].New.Name != "mark" {
		t.Errorf("the changes are %+v", b.VMs)
	}
	ctx, cancel := context.WithCancelCause(w.ctx)
	cancel(errs.New(errs.Cancelled, "enough"))
	if b, err := s.Next(ctx); !errs.Is(err, errs.Cancelled) {
		t.Errorf("without a change there is %+v, %v", b, err)
	}
}

func TestAMethodReturnsAfterItsChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job, err := w.client.Start(w.ctx, webPath, client.Wait())
	if err != nil {
		t.Fatal(err)
	}
	if vm := w.client.VM(webPath); vm.State != model.VMRunning {
		t.Errorf("the VM is %s", vm.State)
	}
	if j := w.client.Job(job); j == nil || j.State != model.JobDone || j.Operation != "start" || j.Path() != job {
		t.Errorf("the job is %+v", j)
	}
}

func TestASignalOfAStrangerChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger := w.Bus.Connect(t)
	mine := w.clientName(stranger)
	read, write := pipe(t)
	for _, body := range [][]any{
		{"org.kvmmanager.VM", map[string]dbus.Variant{"Name": dbus.MakeVariant("forged")}, []string{}},
		{[]dbus.UnixFD{dbus.UnixFD(write.Fd())}}, // which ends godbus
	} {
		err := stranger.Send(&dbus.Message{Type: dbus.TypeSignal, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(mine), dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath(webPath)),
			dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.DBus.Properties"), dbus.FieldMember: dbus.MakeVariant("PropertiesChanged"),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...)),
		}}, nil).Err
		if err != nil {
			t.Fatal(err)
		}
	}
	// A call passes the signals on the way; it is answered, too.
	err := stranger.Object(mine, "/").CallWithContext(w.ctx, "org.freedesktop.DBus.Peer.Ping", 0).Err
	if e, ok := err.(dbus.Error); !ok || e.Name != "org.freedesktop.DBus.Error.UnknownObject" { //nolint:errorlint // as it came
		t.Errorf("a call to the client: %v", err)
	}
	if name := w.client.VM(webPath).Name; name != "web" {
		t.Errorf("the VM is called %q", name)
	}
	// Only when the client has closed its copy does the pipe end.
	_ = write.Close()
	if n, err := read.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the client keeps a descriptor that nobody asked for: %d, %v", n, err)
	}
}

func TestAPropertyThatIsOnlyNamedIsRead(t *testing.T) {
	t.Parallel()
	address, _, tree := recorderWith(t, func(xml string) string {
		const title = `<property name="Title" type="s" access="read">
      <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="`
		if !strings.Contains(xml, title+"true") && strings.Contains(xml, `"org.kvmmanager.VM"`) {
			t.Error("the title is declared in another way")
		}
		return strings.Replace(xml, title+"true", title+"invalidates", 1)
	}, nil)
	ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
	defer cancel()
	c := connected(ctx, t, address)
	s := c.Subscribe()
	tree.Apply(bus.Put("/org/kvmmanager/vms/web", api.VMInterface, wire.PropsOf(&model.VM{Name: "changed", Title: "expensive"})))
	for vm := c.VM("/org/kvmmanager/vms/web"); vm.Title != "expensive" || vm.Name != "changed"; vm = c.VM("/org/kvmmanager/vms/web") {
		if _, err := s.Next(ctx); err != nil {
			t.Fatalf("the VM is %+v: %v", vm, err)
		}
	}
}

// clientName is the client's unique name: the last on the bus but the other's.
func (w *world) clientName(other *dbus.Conn) string {
	w.t.Helper()
	var names []string
	if err := other.BusObject().CallWithContext(w.ctx, "org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		w.t.Fatal(err)
	}
	newest := ""
	for _, name := range names {
		if name[0] == ':' && name != other.Names()[0] && (len(name) > len(newest) || len(name) == len(newest) && name > newest) {
			newest = name
		}
	}
	return newest
}

func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	return read, write
}
