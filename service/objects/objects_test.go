package objects_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

func TestStartWithWaitAnswersWhenTheVMRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.Start", opts("wait", true)).Store(&job); err != nil {
		t.Fatal(err)
	}
	if got := w.property(vmPath, vmIface, "State"); got != "running" {
		t.Errorf("the VM is %v when the reply comes", got)
	}
	if got := w.property(model.Path(job), api.JobInterface, "State"); got != "done" {
		t.Errorf("the job is %v when the reply comes", got)
	}
}

func TestSignalsComeInTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	signals := make(chan *dbus.Signal, 64)
	w.conn.Signal(signals)
	if err := w.conn.AddMatchSignal(dbus.WithMatchSender(w.name)); err != nil {
		t.Fatal(err)
	}
	if err := w.call(vmPath, "VM.Start", opts("wait", true)).Err; err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) == 0 || got[len(got)-1] != "Completed" {
		s := <-signals
		if s.Sender != w.name {
			continue
		}
		word := s.Name[strings.LastIndexByte(s.Name, '.')+1:]
		if word == "PropertiesChanged" {
			changed := s.Body[1].(map[string]dbus.Variant)
			state, ok := changed["State"]
			if !ok {
				continue
			}
			word += " " + state.Value().(string)
		}
		got = append(got, word)
	}
	want := []string{
		"InterfacesAdded", "JobStarted", "PropertiesChanged starting", "VMStateChanged",
		"PropertiesChanged running", "VMStateChanged", "PropertiesChanged done", "Completed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAFailedJobFailsTheCallThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	w.hv.Hook("start", func(context.Context, string) error {
		return errs.New(errs.NoSpace, "There is no space left for “web”.")
	})
	err := w.call(vmPath, "VM.Start", opts("wait", true)).Err
	if errorName(err) != errs.NoSpace.DBusName() || err.Error() != "There is no space left for “web”." {
		t.Errorf("got %v %v", errorName(err), err)
	}
	if got := w.property(vmPath, vmIface, "State"); got != "shut-off" {
		t.Errorf("the VM is %v", got)
	}
}

func TestEveryErrorKindReachesTheCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	for _, kind := range errs.Kinds() {
		w.hv.Hook("set-title", func(context.Context, string) error { return errs.New(kind, "Because.") })
		if got := errorName(w.call(vmPath, "VM.SetTitle", "x", none()).Err); got != kind.DBusName() {
			t.Errorf("%s arrives as %s", kind, got)
		}
	}
}

func TestWrongInputIsRefusedByName(t *testing.T) {
	t.Parallel()
	const invalid, wrongArgs = "org.kvmmanager.Error.InvalidArgument", "org.freedesktop.DBus.Error.InvalidArgs"
	w := newWorld(t).withHost(fakehv.VM(1, "web"), running(2, "db"))
	host, db := model.HostPath("local"), model.VMPath(fakehv.UUID(2))
	long := strings.Repeat("x", 64<<10)
	for _, test := range []struct {
		what string
		path model.Path
		call string
		args []any
		want string
	}{
		{"an unknown option", vmPath, "VM.Start", []any{opts("fast", true)}, invalid},
		{"an option of another type", vmPath, "VM.Start", []any{opts("wait", "yes")}, invalid},
		{"an argument too few", vmPath, "VM.Rename", []any{"new"}, wrongArgs},
		{"another type", vmPath, "VM.SetVCPUs", []any{int32(-1), none()}, wrongArgs},
		{"no name", vmPath, "VM.Rename", []any{"", none()}, invalid},
		{"a name with a slash", vmPath, "VM.Rename", []any{"../x", none()}, invalid},
		{"a name that is too long", vmPath, "VM.Rename", []any{long, none()}, invalid},
		{"a control character", vmPath, "VM.SetTitle", []any{"a\x01b", none()}, invalid},
		{"two lines in a title", vmPath, "VM.SetTitle", []any{"a\nb", none()}, invalid},
		{"a tag twice", vmPath, "VM.SetTags", []any{[]string{"a", "a"}, none()}, invalid},
		{"no processors", vmPath, "VM.SetVCPUs", []any{uint32(0), none()}, invalid},
		{"an unknown time to apply", vmPath, "VM.SetMemory", []any{uint64(1 << 30), opts("apply", "later")}, invalid},
		{"no keys", db, "VM.SendKeys", []any{[]string{}, none()}, invalid},
		{"an unknown key", db, "VM.SendKeys", []any{[]string{"ANY"}, none()}, invalid},
		{"an unknown console", db, "VM.OpenConsole", []any{"serial-7", none()}, "org.kvmmanager.Error.NotFound"},
		{"a display too many", db, "VM.OpenDisplay", []any{uint32(1 << 31), none()}, "org.kvmmanager.Error.NotFound"},
		{"a display of a VM that is off", vmPath, "VM.OpenDisplay", []any{uint32(0), none()}, "org.kvmmanager.Error.InvalidState"},
		{"starting twice", db, "VM.Start", []any{none()}, "org.kvmmanager.Error.InvalidState"},
		{"deleting a running VM", db, "VM.Delete", []any{none()}, "org.kvmmanager.Error.InvalidState"},
		{"a name that is taken", vmPath, "VM.Rename", []any{"db", none()}, "org.kvmmanager.Error.AlreadyExists"},
		{"a VM that nobody has", host, "Host.FindVM", []any{"nobody", none()}, "org.kvmmanager.Error.NotFound"},
		{"an object that does not exist", model.VMPath("f"), "VM.Start", []any{none()}, "org.freedesktop.DBus.Error.UnknownObject"},
		{"permissions of nothing", model.Root, "Manager.GetPermissions", []any{dbus.ObjectPath("/x"), none()}, "org.kvmmanager.Error.NotFound"},
		{"a host that does not exist", model.Root, "Manager.RemoveHost", []any{dbus.ObjectPath("/x"), none()}, "org.kvmmanager.Error.NotFound"},
	} {
		if got := errorName(w.call(test.path, test.call, test.args...).Err); got != test.want {
			t.Errorf("%s: got %q, want %q", test.what, got, test.want)
		}
	}
	for _, call := range w.hv.Calls() {
		for _, prefix := range []string{"set-", "rename", "start", "delete", "send-keys", "display", "console"} {
			if strings.HasPrefix(call, prefix) {
				t.Errorf("a refused call reached the hypervisor: %s", call)
			}
		}
	}
}

func TestOfALostHostOnlyWhatWasKnownIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	w.hv.GoDown(errs.New(errs.Disconnected, "The cable is out."))
	host := w.service.Inventory().Hosts()[0]
	if err := host.AwaitState(w.ctx, func(s model.ConnectionState) bool { return s != model.Connected }); err != nil {
		t.Fatal(err)
	}
	path := model.HostPath("local")
	if err := w.call(path, "Host.FindVM", "web", none()).Err; err != nil {
		t.Errorf("a VM that was known: %v", err)
	}
	if got := errorName(w.call(path, "Host.FindVM", "nobody", none()).Err); got != "org.kvmmanager.Error.Disconnected" {
		t.Errorf("another one: %q", got)
	}
}

func TestAnExpectedVersionGuardsAgainstLostUpdates(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	seen := w.property(vmPath, vmIface, "ConfigVersion").(uint64)
	// Another tool changes the VM, and its event has not come yet.
	changed := fakehv.VM(1, "web")
	changed.ConfigVersion = seen + 7
	w.hv.Put(changed)

	err := w.call(vmPath, "VM.SetTitle", "mine", opts("expected-version", seen)).Err
	if errorName(err) != errs.VersionMismatch.DBusName() {
		t.Errorf("got %v", err)
	}
	if got := w.property(vmPath, vmIface, "Title"); got != "" {
		t.Errorf("the title is %q", got)
	}
	if err := w.call(vmPath, "VM.SetTitle", "mine", opts("expected-version", seen+7)).Err; err != nil {
		t.Error(err)
	}
	if got := w.property(vmPath, vmIface, "Title"); got != "mine" {
		t.Errorf("the title is %q when the reply comes", got)
	}
}

func TestADisplayIsAnOpenDescriptor(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	var fd dbus.UnixFD
	var info map[string]dbus.Variant
	if err := w.call(vmPath, "VM.OpenDisplay", uint32(0), none()).Store(&fd, &info); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "display")
	defer file.Close()
	if info["type"].Value() != "vnc" {
		t.Errorf("info is %v", info)
	}
	if _, err := file.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := file.Read(got); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAScreenshotIsASealedFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	var fd dbus.UnixFD
	var mime string
	if err := w.call(vmPath, "VM.TakeScreenshot", none()).Store(&fd, &mime); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "screenshot")
	defer file.Close()
	got := make([]byte, 64)
	n, err := file.Read(got)
	if err != nil || string(got[:n]) != fakehv.Screen || mime != "image/png" {
		t.Errorf("got %q %s, %v", got[:n], mime, err)
	}
	if _, err := file.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the image can be written to")
	}
}

func TestACallOnAVMThatVanishesMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	w.hv.Hook("set-title", func(context.Context, string) error { w.hv.Drop(fakehv.UUID(1)); return nil })
	if got := errorName(w.call(vmPath, "VM.SetTitle", "x", none()).Err); got != errs.NotFound.DBusName() {
		t.Errorf("got %v", got)
	}
	if got := errorName(w.call(vmPath, "VM.SetTitle", "x", none()).Err); got != "org.freedesktop.DBus.Error.UnknownObject" {
		t.Errorf("afterwards: %v", got)
	}
}

func TestStuckCallsDoNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	stuck := fakehv.VM(1, "stuck")
	w := newWorld(t).withHost(stuck, fakehv.VM(2, "fine"))
	entered, goOn := make(chan struct{}, 64), make(chan struct{})
	defer close(goOn)
	w.hv.Hook("set-title", func(_ context.Context, uuid string) error {
		if uuid == stuck.UUID {
			entered <- struct{}{}
			<-goOn
		}
		return nil
	})
	for range 20 {
		w.object(w.conn, vmPath).Go("org.kvmmanager.VM.SetTitle", 0, nil, "x", none())
	}
	<-entered
	fine := model.VMPath(fakehv.UUID(2))
	if err := w.call(fine, "VM.Start", opts("wait", true)).Err; err != nil {
		t.Error(err)
	}
	if got := w.property(vmPath, vmIface, "Name"); got != "stuck" {
		t.Errorf("got %v", got)
	}
}

func TestStatisticsComeWhileSomebodySubscribes(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	signals, overheard := make(chan *dbus.Signal, 64), make(chan *dbus.Signal, 64)
	w.conn.Signal(overheard)
	if err := w.conn.AddMatchSignal(dbus.WithMatchSender(w.name)); err != nil {
		t.Fatal(err)
	}
	other := w.bus.Connect(t)
	other.Signal(signals)
	if err := w.object(other, model.Root).Call("org.kvmmanager.Manager.SubscribeStatistics", 0, uint32(1), none()).Err; err != nil {
		t.Fatal(err)
	}
	s := <-signals
	for s.Name != api.HostInterface+".StatisticsSampled" { // the bus has greeted it
		s = <-signals
	}
	samples := s.Body[1].(map[dbus.ObjectPath]map[string]dbus.Variant)
	if _, ok := samples[dbus.ObjectPath(vmPath)]["memory-used"]; !ok {
		t.Errorf("the sample is %v", samples)
	}
	if _, ok := samples[dbus.ObjectPath(model.HostPath("local"))]["memory-used"]; !ok {
		t.Errorf("the host's sample is %v", samples)
	}
	w.property(vmPath, vmIface, "Name") // comes after what was sent to everybody before
	for len(overheard) > 0 {
		if s := <-overheard; s.Name == api.HostInterface+".StatisticsSampled" {
			t.Error("who has not subscribed gets samples")
		}
	}
	// The subscriber leaves without a word: no more calls to the hypervisor.
	other.Close()
	asked := make(chan struct{}, 64)
	w.hv.Hook("statistics", func(context.Context, string) error { asked <- struct{}{}; return nil })
	timer := time.After(2200 * time.Millisecond) // four ticks
	for n := 0; ; n++ {
		select {
		case <-asked:
			if n == 2 { // one under way, and one before the bus noticed
				t.Fatal("samples are taken although nobody subscribes")
			}
			continue
		case <-timer:
		}
		break
	}
}

// sampleAfter returns the first sample of the VM that was measured after another one,
// and when that was.
func (w *world) sampleAfter(last uint64) (at uint64, sample map[string]dbus.Variant) {
	w.t.Helper()
	for {
		var samples map[dbus.ObjectPath]map[string]dbus.Variant
		if err := w.call(model.HostPath("local"), "Host.GetStatistics", none()).Store(&at, &samples); err != nil {
			w.t.Fatal(err)
		}
		if at > last {
			return at, samples[dbus.ObjectPath(vmPath)]
		}
	}
}

// TestASampleTellsZeroFromUnknown takes samples whose values are known and zero, known
// and not zero, and unknown.
func TestASampleTellsZeroFromUnknown(t *testing.T) {
	t.Parallel()
	always := []string{"cpu-time"}
	rates := []string{
		"cpu-percent", "disk-read-bytes-per-second", "disk-write-bytes-per-second", "net-rx-bytes-per-second", "net-tx-bytes-per-second",
	}
	memory, disk := []string{"memory-used", "memory-resident"}, []string{"disk-read-bytes", "disk-write-bytes", "disks"}
	network := []string{"net-rx-bytes", "net-tx-bytes", "interfaces"}
	for name, test := range map[string]struct {
		counters inventory.Counters
		first    [][]string // the keys of the first sample, and of the next
		next     [][]string
	}{
		"all known, all zero": {
			inventory.Counters{CPUTime: 0, VCPUs: 1, MemoryUnknown: true},
			[][]string{always, disk, network},
			[][]string{always, disk, network, rates},
		},
		"all known": {
			inventory.Counters{CPUTime: 5, VCPUs: 1, MemoryUsed: 1, MemoryResident: 2, DiskRead: 3, NetTrans: 4},
			[][]string{always, memory, disk, network},
			[][]string{always, memory, disk, network, rates},
		},
		"nothing known but time": {
			inventory.Counters{MemoryUnknown: true, DisksUnknown: true, NetworkUnknown: true},
			[][]string{always},
			[][]string{always},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).withHost(running(1, "web"))
			w.hv.PutCounters(fakehv.UUID(1), test.counters)
			var last uint64
			for _, want := range [][][]string{test.first, test.next} {
				keys := slices.Concat(want...)
				slices.Sort(keys)
				at, sample := w.sampleAfter(last)
				if got := slices.Sorted(maps.Keys(sample)); !slices.Equal(got, keys) {
					t.Errorf("there is %q, want %q", got, keys)
				}
				last = at
			}
		})
	}
}

func TestASampleNamesTheDevices(t *testing.T) {
	t.Parallel()
	vm := running(1, "web")
	vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Target: "vda"}}
	vm.Interfaces = []*model.Device{{ID: "interface-52:54:00:00:00:01", Kind: model.KindInterface, Target: "vnet0"}}
	w := newWorld(t).withHost(vm)
	w.hv.PutCounters(vm.UUID, inventory.Counters{
		Disks:      []model.DiskSample{{Target: "vda", Read: 1, Write: 2, ReadRequests: 3}, {Target: "vdb"}},
		Interfaces: []model.InterfaceSample{{Target: "vnet0", RX: 5, TX: 6}},
	})
	_, sample := w.sampleAfter(0)
	want := "[map[id:\"disk-vda\" read-bytes:@t 1 read-requests:@t 3 target:\"vda\" write-bytes:@t 2 write-requests:@t 0] " +
		"map[read-bytes:@t 0 read-requests:@t 0 target:\"vdb\" write-bytes:@t 0 write-requests:@t 0]]"
	if got := fmt.Sprint(sample["disks"].Value()); got != want {
		t.Errorf("the disks are %s, want %s", got, want)
	}
	want = "[map[id:\"interface-52:54:00:00:00:01\" rx-bytes:@t 5 rx-packets:@t 0 target:\"vnet0\" tx-bytes:@t 6 tx-packets:@t 0]]"
	if got := fmt.Sprint(sample["interfaces"].Value()); got != want {
		t.Errorf("the interfaces are %s, want %s", got, want)
	}
}

// TestMeasuringOnceCostsAtMostTwoCallsASecond whoever asks.
func TestMeasuringOnceCostsAtMostTwoCallsASecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	var asked atomic.Int32
	w.hv.Hook("statistics", func(context.Context, string) error { asked.Add(1); return nil })
	start := time.Now()
	var calls sync.WaitGroup
	for range 10 {
		calls.Add(1)
		go func() {
			defer calls.Done()
			for range 10 {
				if err := w.call(model.HostPath("local"), "Host.GetStatistics", none()).Err; err != nil {
					t.Error(err)
				}
			}
		}()
	}
	calls.Wait()
	if most := 1 + int(time.Since(start)/inventory.MinSampleInterval); int(asked.Load()) > most {
		t.Errorf("the hypervisor was asked %d times in %v", asked.Load(), time.Since(start))
	}
}

func TestNobodyGetsMoreSamplesByComingAndGoing(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	reads := make(chan time.Time, 1000)
	w.hv.Hook("statistics", func(context.Context, string) error { reads <- time.Now(); return nil })
	signals := make(chan *dbus.Signal, 1000)
	w.conn.Signal(signals)
	if err := w.conn.AddMatchSignal(dbus.WithMatchMember("StatisticsSampled")); err != nil {
		t.Fatal(err)
	}
	stays, restless := w.object(w.conn, model.Root), w.object(w.bus.Connect(t), model.Root)
	call := func(object dbus.BusObject, method string, args ...any) {
		t.Helper()
		if err := object.CallWithContext(w.ctx, "org.kvmmanager.Manager."+method, 0, append(args, none())...).Err; err != nil {
			t.Fatal(err)
		}
	}
	var last time.Time
	see := func(n int, interval func(i int) uint32) {
		t.Helper()
		for i := 0; n > 0; i++ {
			call(restless, "SubscribeStatistics", interval(i))
			if i%2 == 1 {
				call(restless, "UnsubscribeStatistics")
			}
			select {
			case read := <-reads:
				if gap := read.Sub(last); gap < inventory.MinSampleInterval/2 {
					t.Fatalf("the hypervisor is asked again after %v", gap)
				}
				last = read
				n--
			default:
			}
		}
	}
	call(stays, "SubscribeStatistics", uint32(3_600_000))
	see(4, func(i int) uint32 { return uint32(500 + i%100) })
	call(stays, "UnsubscribeStatistics")
	see(2, func(int) uint32 { return 60_000 })
	call(restless, "UnsubscribeStatistics")
	<-signals // the first one has no rates
	for len(signals) > 0 {
		samples := (<-signals).Body[1].(map[dbus.ObjectPath]map[string]dbus.Variant)
		if samples[dbus.ObjectPath(model.HostPath("local"))]["cpu-percent"].Value() == nil {
			t.Errorf("these samples have no rates: %v", samples)
		}
	}
}

func TestHostsComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost()
	var host dbus.ObjectPath
	if err := w.call(model.Root, "Manager.AddHost", "second", "fake:///2", none()).Store(&host); err != nil {
		t.Fatal(err)
	}
	want := []dbus.ObjectPath{"/org/kvmmanager/hosts/local", "/org/kvmmanager/hosts/second"}
	if got := w.property(model.Root, api.ManagerInterface, "Hosts").([]dbus.ObjectPath); !slices.Equal(got, want) {
		t.Errorf("hosts are %v", got)
	}
	if err := w.call(model.Root, "Manager.RemoveHost", host, none()).Err; err != nil {
		t.Fatal(err)
	}
	if got := w.property(model.Root, api.ManagerInterface, "Hosts").([]dbus.ObjectPath); !slices.Equal(got, want[:1]) {
		t.Errorf("hosts are %v", got)
	}
}

func TestShutdownWaitsForTheGuest(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	w.hv.Hook("shutdown", func(_ context.Context, uuid string) error {
		return errs.New(errs.GuestAgentUnavailable, "asked")
	})
	if got := errorName(w.call(vmPath, "VM.Shutdown", opts("wait", true)).Err); got != errs.GuestAgentUnavailable.DBusName() {
		t.Errorf("got %v", got)
	}
	w.hv.Hook("shutdown", nil)
	if err := w.call(vmPath, "VM.Shutdown", opts("wait", true)).Err; err != nil {
		t.Fatal(err)
	}
	if got := w.property(vmPath, vmIface, "State"); got != "shut-off" {
		t.Errorf("the VM is %v", got)
	}
}

func TestSaveCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	w.blockSave()
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.Save", none()).Store(&job); err != nil {
		t.Fatal(err)
	}
	if err := w.call(model.Path(job), "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	if err := w.service.Inventory().Hosts()[0].WaitFor(w.ctx, fakehv.UUID(1), func(vm *model.VM) bool { return vm.State == model.VMRunning }); err != nil {
		t.Error(err)
	}
}

// TestASaveIsAbortedUntilItHasEnded although the hypervisor said that it did what it
// was asked: what it ended may have been something else.
func TestASaveIsAbortedUntilItHasEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	ended := make(chan struct{})
	w.hv.Hook("save", func(context.Context, string) error {
		<-ended
		return errs.New(errs.Cancelled, "aborted")
	})
	var aborts atomic.Int32
	w.hv.Hook("abort-save", func(context.Context, string) error {
		switch aborts.Add(1) {
		case 1:
			return errs.New(errs.InvalidState, "not yet")
		case 3:
			close(ended)
		}
		return nil
	})
	job := w.job(vmPath, "VM.Save", none())
	if err := w.call(job, "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	w.awaitJob(job, model.JobCancelled)
}

func TestAJobBoundToItsCallerEndsWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	aborted := w.blockSave()
	caller := w.bus.Connect(t)
	if err := w.object(caller, vmPath).Call("org.kvmmanager.VM.Save", 0, opts("bind-lifetime", true)).Err; err != nil {
		t.Fatal(err)
	}
	caller.Close()
	select {
	case <-aborted:
	case <-w.ctx.Done():
		t.Error("the job goes on without its caller")
	}
}

func TestAVMWithoutAStoredConfigurationHasNoXMLOfIt(t *testing.T) {
	t.Parallel()
	vm := running(1, "transient")
	vm.Persistent = false
	w := newWorld(t).withHost(vm)
	if got := errorName(w.call(vmPath, "VM.GetXML", opts("inactive", true)).Err); got != errs.InvalidState.DBusName() {
		t.Errorf("got %v", got)
	}
	if err := w.call(vmPath, "VM.GetXML", none()).Err; err != nil {
		t.Error(err)
	}
}

func TestShutdownOfAVMThatGoesOffMeanwhileIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	w.hv.Hook("shutdown", func(ctx context.Context, _ string) error {
		off := fakehv.VM(1, "web")
		w.hv.Put(off)
		return errs.New(errs.InvalidState, "The virtual machine ended meanwhile.")
	})
	if err := w.call(vmPath, "VM.Shutdown", opts("wait", true)).Err; err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeReadIsNotCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	seen := w.property(vmPath, vmIface, "ConfigVersion")
	w.hv.Hook("read", func(context.Context, string) error { return errs.New(errs.LibvirtFailed, "libvirt is tired.") })
	err := w.call(vmPath, "VM.SetTitle", "mine", opts("expected-version", seen)).Err
	if errorName(err) != errs.LibvirtFailed.DBusName() {
		t.Errorf("got %v", err)
	}
	if slices.ContainsFunc(w.hv.Calls(), func(c string) bool { return strings.HasPrefix(c, "set-title") }) {
		t.Error("it was changed all the same")
	}
}

// TestWhatIsMadeIsNoFailureSinceItCannotBeRead although nobody can be told yet how it
// looks.
func TestWhatIsMadeIsNoFailureSinceItCannotBeRead(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.hv.PutPool(&model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true})
	if err := w.host().RefreshPool(w.ctx, poolUUID); err != nil {
		t.Fatal(err)
	}
	for _, operation := range []string{"read", "read-network", "read-pool", "volumes", "volume", "volume-at"} {
		w.hv.Hook(operation, func(context.Context, string) error { return errs.New(errs.LibvirtFailed, "libvirt is tired.") })
	}
	for method, call := range map[string]*dbus.Call{
		"DefineXML":     w.call(localHost, "Host.DefineXML", "fresh", none()),
		"CreateVM":      w.call(localHost, "Host.CreateVM", opts("name", "new", "start", false), opts("wait", true)),
		"CreateNetwork": w.call(localHost, "Host.CreateNetwork", opts("name", "lan"), none()),
		"SetTitle":      w.call(vmPath, "VM.SetTitle", "mine", none()),
		"SetAutostart":  w.call(poolPath, "StoragePool.SetAutostart", true, none()),
		"Refresh":       w.call(poolPath, "StoragePool.Refresh", opts("wait", true)),
		"Stop":          w.call(poolPath, "StoragePool.Stop", none()),
	} {
		if call.Err != nil {
			t.Errorf("%s: %v", method, call.Err)
		}
	}
}

// TestWhoWaitsIsToldTheJobBefore follows a job from the signal to its result, while the
// call that started it waits.
func TestWhoWaitsIsToldTheJobBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	waiting, other := w.bus.Connect(t), w.bus.Connect(t)
	told, overheard := make(chan *dbus.Signal, 64), make(chan *dbus.Signal, 64)
	waiting.Signal(told)
	other.Signal(overheard)
	if err := other.AddMatchSignal(dbus.WithMatchSender(w.name)); err != nil {
		t.Fatal(err)
	}
	goOn := make(chan struct{})
	w.hv.Hook("start", func(context.Context, string) error { <-goOn; return nil })
	reply := w.callWith(waiting, 0, vmPath, "VM.Start", opts("wait", true))
	var started *dbus.Signal
	for started == nil || started.Name != api.ManagerInterface+".JobStarted" {
		started = <-told
	}
	job := started.Body[0].(dbus.ObjectPath)
	if started.Path != api.RootPath || started.Body[1] != dbus.ObjectPath(vmPath) || started.Body[2] != "Start" || started.Body[3].(uint32) == 0 {
		t.Errorf("the signal is %v of %s", started.Body, started.Path)
	}
	if got := w.property(model.Path(job), api.JobInterface, "State"); got != "running" {
		t.Errorf("the job is %v", got)
	}
	select {
	case call := <-reply:
		t.Fatalf("the reply came before the end: %v", call.Err)
	default:
	}
	close(goOn)
	answer := <-reply
	if answer.Err != nil || answer.Body[0] != job {
		t.Errorf("the reply is %v, %v", answer.Body, answer.Err)
	}
	var name dbus.Variant // comes after everything that was sent to everybody
	if err := w.object(other, vmPath).Call("org.freedesktop.DBus.Properties.Get", 0, vmIface, "Name").Store(&name); err != nil {
		t.Fatal(err)
	}
	for len(overheard) > 0 {
		if s := <-overheard; s.Name == api.ManagerInterface+".JobStarted" {
			t.Error("who did not call is told, too")
		}
	}
}

func TestWaitAnswersWithTheResultOfAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	goOn := make(chan struct{})
	w.hv.Hook("create-snapshot", func(context.Context, string) error { <-goOn; return nil })
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.CreateSnapshot", "first", none()).Store(&job); err != nil {
		t.Fatal(err)
	}
	path := model.Path(job)
	first := w.callWith(w.bus.Connect(t), 0, path, "Job.Wait", none())
	close(goOn)
	late := w.callWith(w.conn, 0, path, "Job.Wait", none())
	for _, call := range []*dbus.Call{<-first, <-late} {
		var result map[string]dbus.Variant
		if err := call.Store(&result); err != nil {
			t.Fatal(err)
		}
		if read := w.property(path, api.JobInterface, "Result"); fmt.Sprint(read) != fmt.Sprint(result) || len(result) == 0 {
			t.Errorf("it answers %v, and the property is %v", result, read)
		}
	}
}

func TestWaitFailsAsTheJobDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	w.hv.Hook("pause", func(context.Context, string) error { return errs.New(errs.NoSpace, "There is no space left.") })
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.Pause", none()).Store(&job); err != nil {
		t.Fatal(err)
	}
	if err := w.call(model.Path(job), "Job.Wait", none()).Err; errorName(err) != errs.NoSpace.DBusName() {
		t.Errorf("got %v", err)
	}
}

// TestASecondShutdownJoinsTheFirst: however often a guest is asked, one job waits.
func TestASecondShutdownJoinsTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	asked := make(chan struct{}, 1024)
	w.hv.IgnoreShutdown()
	w.hv.Hook("shutdown", func(context.Context, string) error {
		asked <- struct{}{}
		return nil
	})
	var first, second dbus.ObjectPath
	if err := w.call(vmPath, "VM.Shutdown", opts("timeout", uint32(4294967295))).Store(&first); err != nil {
		t.Fatal(err)
	}
	<-asked
	for range 200 { // more than jobs of one user
		if err := w.call(vmPath, "VM.Shutdown", opts("timeout", uint32(4294967295))).Store(&second); err != nil || second != first {
			t.Fatalf("got %s, %v; want %s", second, err, first)
		}
	}
	<-asked
	if err := w.call(vmPath, "VM.PowerOff", opts("wait", true)).Err; err != nil {
		t.Fatal(err)
	}
	if err := w.call(vmPath, "VM.Shutdown", opts("timeout", uint32(1), "wait", true)).Err; errorName(err) != errs.InvalidState.DBusName() {
		t.Errorf("of a VM that is off: %v", err)
	}
}

// TestEndedJobsAreNoPartOfAnIdleService: they leave the list of objects within seconds
// of their end, with a signal, and can be read at their path.
func TestEndedJobsAreNoPartOfAnIdleService(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	removed := make(chan *dbus.Signal, 64)
	w.conn.Signal(removed)
	if err := w.conn.AddMatchSignal(dbus.WithMatchSender(w.name), dbus.WithMatchMember("InterfacesRemoved")); err != nil {
		t.Fatal(err)
	}
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.Reset", opts("wait", true)).Store(&job); err != nil {
		t.Fatal(err)
	}
	for s := range removed {
		if s.Name == "org.freedesktop.DBus.ObjectManager.InterfacesRemoved" && s.Body[0] == job {
			break
		}
	}
	var objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant
	if err := w.object(w.conn, model.Root).Call("org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&objects); err != nil {
		t.Fatal(err)
	}
	for path, ifaces := range objects {
		if ifaces[api.JobInterface] != nil {
			t.Errorf("%s is listed", path)
		}
	}
	if got := w.property(model.Path(job), api.JobInterface, "State"); got != "done" {
		t.Errorf("at its path it is %v", got)
	}
	if err := w.call(model.Path(job), "Job.Wait", none()).Err; err != nil {
		t.Error(err)
	}
}

// TestWhatIsNotShownOfADeviceIsNotAnnounced changes a disk in what does not travel, and
// then in what does.
func TestWhatIsNotShownOfADeviceIsNotAnnounced(t *testing.T) {
	t.Parallel()
	vm := running(1, "web")
	disk := func(alias string, capacity uint64) []*model.Device {
		return []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Target: "vda", Alias: alias, Capacity: capacity}}
	}
	vm.Disks = disk("virtio-disk0", 1)
	w := newWorld(t).withHost(vm)
	signals := make(chan *dbus.Signal, 64)
	w.conn.Signal(signals)
	if err := w.conn.AddMatchSignal(dbus.WithMatchSender(w.name), dbus.WithMatchMember("PropertiesChanged")); err != nil {
		t.Fatal(err)
	}
	for n, capacity := range []uint64{1, 2} {
		next := *vm
		next.Title = fmt.Sprint("change ", n) // which is announced each time
		next.Disks = disk(fmt.Sprint("virtio-disk", n+1), capacity)
		w.hv.Put(&next)
		s := <-signals
		for s.Name != "org.freedesktop.DBus.Properties.PropertiesChanged" {
			s = <-signals
		}
		changed := s.Body[1].(map[string]dbus.Variant)
		if _, told := changed["Disks"]; told != (n == 1) || changed["Title"].Value() != next.Title {
			t.Errorf("change %d announces %v", n, changed)
		}
	}
}
