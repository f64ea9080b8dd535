package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

const deadline = 10 * time.Second

// recorder is a publisher that keeps the picture that a client would have, and
// checks that every update fits to it.
type recorder struct {
	t       *testing.T
	mu      sync.Mutex
	changed chan struct{}
	host    map[model.Path]model.Host
	vms     map[model.Path]*model.VM
	nets    map[model.Path]*model.Network
	volumes map[model.Path]*model.StorageVolume
	largest int      // volumes in one update
	states  []string // "old>new" per VM state change
	updates int
}

func newRecorder(t *testing.T) *recorder {
	return &recorder{
		t: t, changed: make(chan struct{}), host: map[model.Path]model.Host{},
		vms: map[model.Path]*model.VM{}, nets: map[model.Path]*model.Network{}, volumes: map[model.Path]*model.StorageVolume{},
	}
}

func (r *recorder) Publish(u inventory.Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.updates++
	switch {
	case u.Host.New != nil:
		r.host[u.Host.New.Path()] = *u.Host.New
	case u.Host.Old != nil:
		delete(r.host, u.Host.Old.Path())
	}
	for _, d := range u.VMs {
		follow(r.t, r.vms, d)
		if d.Old != nil && d.New != nil && d.Old.State != d.New.State {
			r.states = append(r.states, string(d.Old.State)+">"+string(d.New.State))
		}
	}
	for _, d := range u.Networks {
		follow(r.t, r.nets, d)
	}
	r.largest = max(r.largest, len(u.Volumes))
	for _, d := range u.Volumes {
		follow(r.t, r.volumes, d)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func follow[T any, P interface {
	*T
	Path() model.Path
}](t *testing.T, have map[model.Path]*T, d inventory.Diff[T]) {
	if d.Old != nil && have[P(d.Old).Path()] != d.Old {
		t.Errorf("an update starts from %v, which was not published", P(d.Old).Path())
	}
	if d.New == nil {
		delete(have, P(d.Old).Path())
		return
	}
	if d.Old == nil && have[P(d.New).Path()] != nil {
		t.Errorf("%v was added twice", P(d.New).Path())
	}
	have[P(d.New).Path()] = d.New
}

// until waits for the picture to be as wanted.
func (r *recorder) until(what string, ok func() bool) {
	r.t.Helper()
	timeout := time.After(deadline)
	for {
		r.mu.Lock()
		done, changed := ok(), r.changed
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			r.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (r *recorder) state(id string) model.ConnectionState { return r.host[model.HostPath(id)].State }

func setUp(t *testing.T) (*fakehv.Hypervisor, *recorder, *inventory.Inventory) {
	t.Helper()
	hv, rec := fakehv.New(), newRecorder(t)
	inv := inventory.New(hv, rec, slog.New(slog.DiscardHandler))
	t.Cleanup(inv.Close)
	return hv, rec, inv
}

func addLocal(t *testing.T, inv *inventory.Inventory, rec *recorder) *inventory.Host {
	t.Helper()
	h, err := inv.Add("local", "fake:///system")
	if err != nil {
		t.Fatal(err)
	}
	rec.until("connected", func() bool { return rec.state("local") == model.Connected })
	return h
}

func TestEverythingIsThereWhenTheHostSaysConnected(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	for i := range 100 {
		hv.Put(fakehv.VM(i, fmt.Sprintf("vm%d", i)))
	}
	h := addLocal(t, inv, rec)
	if len(rec.vms) != 100 || len(h.VMs()) != 100 {
		t.Errorf("connected with %d VMs published and %d known", len(rec.vms), len(h.VMs()))
	}
	if rec.updates > 2 {
		t.Errorf("%d updates: the list came in pieces", rec.updates)
	}
}

func TestAChangeByAnotherToolIsPublished(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	addLocal(t, inv, rec)
	path := model.VMPath(fakehv.UUID(1))

	vm := fakehv.VM(1, "web")
	vm.Autostart = true
	hv.Put(vm)
	rec.until("autostart", func() bool { return rec.vms[path].Autostart })
	hv.Put(fakehv.VM(2, "db"))
	rec.until("a new VM", func() bool { return rec.vms[model.VMPath(fakehv.UUID(2))] != nil })
	hv.Drop(fakehv.UUID(1))
	rec.until("the VM is gone", func() bool { return rec.vms[path] == nil })
}

func TestALostConnectionIsSaidAndRepaired(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	h := addLocal(t, inv, rec)

	hv.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
	rec.until("disconnected", func() bool { return rec.state("local") == model.Disconnected })
	if got := h.Info().StateMessage; got != "libvirt does not answer." {
		t.Errorf("the message is %q", got)
	}
	if _, err := h.Conn(); !errs.Is(err, errs.Disconnected) {
		t.Errorf("a connection while disconnected: %v", err)
	}
	if h.VM(fakehv.UUID(1)) == nil {
		t.Error("the VM disappeared although it runs on")
	}
	if err := h.Refresh(context.Background(), fakehv.UUID(1)); !errs.Is(err, errs.Disconnected) {
		t.Errorf("a refresh while disconnected: %v", err)
	}

	hv.Drop(fakehv.UUID(1))
	hv.Put(fakehv.VM(2, "db"))
	hv.ComeUp()
	rec.until("connected again", func() bool { return rec.state("local") == model.Connected })
	if len(rec.vms) != 1 || rec.vms[model.VMPath(fakehv.UUID(2))] == nil {
		t.Errorf("after the reconnect the picture is %v", rec.vms)
	}
}

// TestReconnectDoesNotWait needs a host that is not tried every second.
func TestReconnectDoesNotWait(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	h, err := inv.Add("far", "fake+ssh://far/system")
	if err != nil {
		t.Fatal(err)
	}
	rec.until("connected", func() bool { return rec.state("far") == model.Connected })
	hv.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
	rec.until("disconnected", func() bool { return rec.state("far") == model.Disconnected })
	tries := func() (n int) {
		for _, call := range hv.Calls() {
			if strings.HasPrefix(call, "open ") {
				n++
			}
		}
		return n
	}
	const until = 4 // the next try is due after four seconds
	for end := time.Now().Add(deadline); tries() < until; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the host is not tried again")
		}
	}
	hv.ComeUp()
	asked := time.Now()
	h.Reconnect()
	rec.until("connected again", func() bool { return rec.state("far") == model.Connected })
	if waited := time.Since(asked); waited > 3*time.Second {
		t.Errorf("it took %v", waited)
	}
}

// TestAnAttemptToConnectIsBounded looks at its context only: the bound is a minute.
func TestAnAttemptToConnectIsBounded(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	bounded := make(chan bool, 1)
	hv.Hook("open", func(ctx context.Context, _ string) error {
		_, ok := ctx.Deadline()
		select {
		case bounded <- ok:
		default:
		}
		return nil
	})
	addLocal(t, inv, rec)
	if !<-bounded {
		t.Error("a host that dies meanwhile is waited for for ever")
	}
}

func TestABurstAboutOneVMIsReadOnce(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	h := addLocal(t, inv, rec)

	reading, goOn := make(chan struct{}, 100), make(chan struct{})
	hv.Hook("read", func(context.Context, string) error { reading <- struct{}{}; <-goOn; return nil })
	hv.Put(fakehv.VM(1, "web"))
	<-reading
	for i := range 50 {
		vm := fakehv.VM(1, "web")
		vm.Title = fmt.Sprint(i)
		hv.Put(vm)
	}
	close(goOn)
	if err := h.Refresh(context.Background(), fakehv.UUID(1)); err != nil {
		t.Fatal(err)
	}
	reads := 0
	for _, c := range hv.Calls() {
		if c == "read "+fakehv.UUID(1) {
			reads++
		}
	}
	if reads > 4 {
		t.Errorf("51 events caused %d reads", reads)
	}
	if got := h.VM(fakehv.UUID(1)).Title; got != "49" {
		t.Errorf("the last value is %q", got)
	}
}

func TestATransitionIsShownUntilItEnds(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	h := addLocal(t, inv, rec)
	uuid := fakehv.UUID(1)

	end := h.SetTransition(uuid, model.VMStarting)
	conn, err := h.Conn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Start(context.Background(), uuid, false); err != nil {
		t.Fatal(err)
	}
	if err := end(context.Background()); err != nil {
		t.Fatal(err)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if want := []string{"shut-off>starting", "starting>running"}; !slices.Equal(rec.states, want) {
		t.Errorf("states %v, want %v", rec.states, want)
	}
}

func TestTheEndOfOneTransitionLeavesAnotherJobsAlone(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	h := addLocal(t, inv, rec)
	uuid := fakehv.UUID(1)

	endFirst := h.SetTransition(uuid, model.VMStarting)
	endSecond := h.SetTransition(uuid, model.VMSaving)
	for _, step := range []struct {
		end  func(context.Context) error
		want model.VMState
	}{{endFirst, model.VMSaving}, {endSecond, model.VMShutOff}} {
		if err := step.end(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := h.VM(uuid).State; got != step.want {
			t.Errorf("the VM is shown as %s, want %s", got, step.want)
		}
	}
}

func TestNetworksAndVMsKnowEachOther(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	vm := fakehv.VM(1, "web")
	vm.Interfaces = []*model.Device{{ID: "interface-0", Kind: model.KindInterface, NetworkName: "default"}}
	hv.Put(vm)
	addLocal(t, inv, rec)
	network := &model.Network{UUID: fakehv.UUID(500), Name: "default"}

	hv.PutNetwork(network)
	rec.until("linked", func() bool {
		n := rec.nets[network.Path()]
		return n != nil && slices.Equal(n.VMs, []model.Path{vm.Path()}) && rec.vms[vm.Path()].Interfaces[0].Network == network.Path()
	})
	hv.DropNetwork(network.UUID)
	rec.until("unlinked", func() bool {
		return rec.nets[network.Path()] == nil && rec.vms[vm.Path()].Interfaces[0].Network == ""
	})
}

func TestAVMThatMovesLeavesItsNetwork(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	old, other := &model.Network{UUID: fakehv.UUID(500), Name: "old"}, &model.Network{UUID: fakehv.UUID(501), Name: "other"}
	hv.PutNetwork(old)
	hv.PutNetwork(other)
	in := func(state model.VMState, names ...string) *model.VM {
		vm := fakehv.VM(1, "web")
		vm.State = state
		for i, name := range names {
			vm.Interfaces = append(vm.Interfaces, &model.Device{ID: fmt.Sprint("interface-", i), Kind: model.KindInterface, NetworkName: name})
		}
		return vm
	}
	hv.Put(in(model.VMShutOff, "old", "other", "old"))
	addLocal(t, inv, rec)
	path := fakehv.VM(1, "web").Path()
	for _, step := range []struct {
		vm         *model.VM
		old, other []model.Path
	}{
		{in(model.VMPaused, "old", "other", "old"), []model.Path{path}, []model.Path{path}},
		{in(model.VMRunning, "other"), nil, []model.Path{path}},
		{in(model.VMShutOff), nil, nil},
	} {
		hv.Put(step.vm)
		rec.until("the networks' VMs are those of the VM that is "+string(step.vm.State), func() bool {
			return rec.vms[path] != nil && rec.vms[path].State == step.vm.State &&
				slices.Equal(rec.nets[old.Path()].VMs, step.old) && slices.Equal(rec.nets[other.Path()].VMs, step.other)
		})
	}
}

// warnings counts what is logged as a warning.
type warnings struct {
	slog.Handler
	n atomic.Int32
}

func (w *warnings) WithAttrs([]slog.Attr) slog.Handler { return w }

func (w *warnings) Enabled(_ context.Context, level slog.Level) bool { return level == slog.LevelWarn }

func (w *warnings) Handle(context.Context, slog.Record) error { w.n.Add(1); return nil }

func TestTwoEntriesForOneHostAreWarnedOfOnce(t *testing.T) {
	t.Parallel()
	hv, rec, warned := fakehv.New(), newRecorder(t), &warnings{}
	inv := inventory.New(hv, rec, slog.New(warned))
	t.Cleanup(inv.Close)
	hv.Put(fakehv.VM(1, "web"))
	hv.PutNetwork(&model.Network{UUID: fakehv.UUID(100), Name: "lan"})
	addLocal(t, inv, rec)
	second, err := inv.Add("second", "fake+ssh://localhost/system")
	if err != nil {
		t.Fatal(err)
	}
	rec.until("both connected", func() bool { return rec.state("second") == model.Connected })
	again := func() {
		for range 3 {
			if err := errors.Join(second.Refresh(t.Context(), fakehv.UUID(1)), second.RefreshNetwork(t.Context(), fakehv.UUID(100))); err != nil {
				t.Error(err)
			}
		}
	}
	again()
	if n := warned.n.Load(); n != 2 {
		t.Errorf("%d warnings of two objects", n)
	}
	hv.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
	rec.until("both lost", func() bool {
		return rec.state("local") == model.Disconnected && rec.state("second") == model.Disconnected
	})
	hv.ComeUp()
	rec.until("both connected again", func() bool {
		return rec.state("local") == model.Connected && rec.state("second") == model.Connected
	})
	again()
	if n := warned.n.Load(); n != 4 { // the lost connections are the others
		t.Errorf("%d warnings after another list of everything", n)
	}
}

func TestTwoHostsWithTheSameUUIDShareItsPath(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "web"))
	addLocal(t, inv, rec)
	second, err := inv.Add("second", "fake:///system")
	if err != nil {
		t.Fatal(err)
	}
	rec.until("both connected", func() bool { return rec.state("second") == model.Connected })
	if len(second.VMs()) != 0 {
		t.Error("the second host shows the first one's VM")
	}
	if err := inv.Remove("local"); err != nil {
		t.Fatal(err)
	}
	rec.until("the second host takes over", func() bool {
		vm := rec.vms[model.VMPath(fakehv.UUID(1))]
		return vm != nil && vm.Host == model.HostPath("second")
	})
}

func TestAVMThatCannotBeReadHoldsUpNothing(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	hv.Put(fakehv.VM(1, "stuck"))
	hv.Put(fakehv.VM(2, "fine"))
	addLocal(t, inv, rec)
	hv.Hook("read", func(ctx context.Context, uuid string) error {
		if uuid == fakehv.UUID(1) {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	hv.Put(fakehv.VM(1, "stuck"))
	vm := fakehv.VM(2, "fine")
	vm.Title = "new"
	hv.Put(vm)
	rec.until("the other VM", func() bool { return rec.vms[vm.Path()].Title == "new" })
}

func TestStatisticsAreRates(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	vm := fakehv.VM(1, "web")
	vm.State, vm.VCPUs = model.VMRunning, 4
	hv.Put(vm)
	h := addLocal(t, inv, rec)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	got := make(chan inventory.Samples)
	go h.Sample(ctx, 20*time.Millisecond, nil, func(s inventory.Samples) {
		select {
		case got <- s:
		case <-ctx.Done():
		}
	})
	first, second := <-got, <-got
	if s := first.VMs[vm.UUID]; s.CPUPercent != 0 || s.MemoryUsed != vm.Memory {
		t.Errorf("the first sample is %+v", s)
	}
	// The fake uses one of four CPUs all the time, and the host a quarter.
	if s := second.VMs[vm.UUID]; s.CPUPercent < 15 || s.CPUPercent > 35 {
		t.Errorf("the VM used %v %%", s.CPUPercent)
	}
	if p := second.Host.CPUPercent; p < 24.9 || p > 25.1 {
		t.Errorf("the host used %v %%", p)
	}
}

// A VM is busy at some of the readings: what is not known then stays as it was,
// and what its disks did meanwhile counts for all of the time.
func TestABusyVMKeepsWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	vm := fakehv.VM(1, "web")
	vm.State = model.VMRunning
	hv.Put(vm)
	h := addLocal(t, inv, rec)
	busy := func(cpu uint64) inventory.Counters {
		return inventory.Counters{CPUTime: cpu, MemoryUnknown: true, DisksUnknown: true}
	}
	known := func(cpu, disk uint64) inventory.Counters {
		return inventory.Counters{CPUTime: cpu, MemoryUsed: cpu, MemoryResident: 2 * cpu, DiskRead: disk, DiskWrite: 2 * disk}
	}
	readings := []inventory.Counters{
		0: busy(1), 1: known(2, 1000), 2: known(3, 3000), 3: busy(4), 4: busy(5), 5: known(6, 7000),
		// A disk is taken away, the VM restarts, and all disks are taken away.
		6: known(7, 4000), 7: known(8, 4000), 8: busy(9), 9: known(1, 100), 10: known(2, 100), 11: {CPUTime: 3},
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	hv.PutCounters(vm.UUID, readings[0])
	var samples []inventory.Samples
	h.Sample(ctx, 5*time.Millisecond, nil, func(s inventory.Samples) {
		samples = append(samples, s)
		if len(samples) == len(readings) {
			cancel()
			return
		}
		hv.PutCounters(vm.UUID, readings[len(samples)])
	})
	if len(samples) != len(readings) {
		t.Fatalf("there are %d samples", len(samples))
	}
	per := func(bytes float64, from, to int) float64 {
		return bytes / samples[to].At.Sub(samples[from].At).Seconds()
	}
	for i, want := range []struct {
		memory, disk uint64
		rate         float64
	}{
		0: {0, 0, 0}, 1: {2, 1000, 0}, 2: {3, 3000, per(2000, 1, 2)},
		3: {3, 3000, per(2000, 1, 2)}, 4: {3, 3000, per(2000, 1, 2)}, 5: {6, 7000, per(4000, 2, 5)},
		6: {7, 4000, 0}, 7: {8, 4000, 0}, 8: {8, 4000, 0}, 9: {1, 100, 0}, 10: {2, 100, 0}, 11: {0, 0, 0},
	} {
		got := samples[i].VMs[vm.UUID]
		if got.MemoryUsed != want.memory || got.MemoryResident != 2*want.memory ||
			got.DiskRead != want.disk || got.DiskWrite != 2*want.disk ||
			got.DiskReadPerSecond != want.rate || got.DiskWritePerSecond != 2*want.rate {
			t.Errorf("sample %d is %+v, want %+v", i, got, want)
		}
	}
}

// What a host said last serves the next sample, with another interval and after
// a time without samples.
func TestOneSampleFollowsTheOther(t *testing.T) {
	t.Parallel()
	_, rec, inv := setUp(t)
	h := addLocal(t, inv, rec)
	var samples []inventory.Samples
	sample := func(interval time.Duration, more ...time.Duration) {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		intervals := make(chan time.Duration, len(more))
		h.Sample(ctx, interval, intervals, func(s inventory.Samples) {
			samples = append(samples, s)
			if len(more) == 0 {
				cancel()
				return
			}
			intervals <- more[0]
			more = more[1:]
		})
	}
	sample(time.Hour, time.Minute, time.Hour)
	sample(time.Hour)
	sample(time.Nanosecond) // rates over a longer time were not asked for
	if len(samples) != 5 {
		t.Fatalf("there are %d samples", len(samples))
	}
	for i, s := range samples {
		if known := s.Host.CPUPercent > 24; known != (i > 0 && i < 4) {
			t.Errorf("in sample %d the host used %v %%", i, s.Host.CPUPercent)
		}
		if i > 0 && s.At.Sub(samples[i-1].At) < inventory.MinSampleInterval/2 {
			t.Errorf("sample %d was taken only %v after the one before", i, s.At.Sub(samples[i-1].At))
		}
	}
}
