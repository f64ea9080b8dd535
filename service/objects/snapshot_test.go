package objects_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

func snapshotPath(name string) model.Path { return model.SnapshotPath(fakehv.UUID(1), name) }

// snap is a property of a snapshot of the first VM.
func (w *world) snap(name, property string) any {
	w.t.Helper()
	return w.property(snapshotPath(name), api.SnapshotInterface, property)
}

// take makes a snapshot of the first VM.
func (w *world) take(name string, pairs ...any) {
	w.t.Helper()
	if err := w.call(vmPath, "VM.CreateSnapshot", name, opts(append(pairs, "wait", true)...)).Err; err != nil {
		w.t.Fatal(err)
	}
}

// fails checks that a call is refused with this error, in words that have these
// in them, and that the hypervisor was not asked to do anything.
func (w *world) fails(want errs.Kind, words string, path model.Path, method string, args ...any) {
	w.t.Helper()
	err := w.call(path, method, args...).Err
	if errorName(err) != want.DBusName() || !strings.Contains(err.Error(), words) {
		w.t.Errorf("%s with %v: got %v, want %s with %q", method, args, err, want, words)
	}
	for _, call := range w.hv.Calls() {
		if strings.HasSuffix(strings.Fields(call)[0], "-snapshot") && !strings.HasPrefix(call, "plan-") {
			w.t.Errorf("%s with %v: the hypervisor was asked for %s", method, args, call)
		}
	}
}

// held makes an operation last until the test lets it go on.
func (w *world) held(operation string) (started <-chan struct{}, goOn func()) {
	began, end := make(chan struct{}), make(chan struct{})
	w.hv.Hook(operation, func(context.Context, string) error {
		close(began)
		<-end
		return nil
	})
	return began, func() { close(end) }
}

func (w *world) job(path model.Path, method string, args ...any) model.Path {
	w.t.Helper()
	var job dbus.ObjectPath
	if err := w.call(path, method, args...).Store(&job); err != nil {
		w.t.Fatal(err)
	}
	return model.Path(job)
}

func TestASnapshotIsThereWhenTheReplyComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	const text = "<&> \"'\nünï 🐧"
	got := w.result("VM.CreateSnapshot", "first", opts("wait", true, "description", text))["snapshot"].Value()
	if got != dbus.ObjectPath(snapshotPath("first")) {
		t.Fatalf("the job has brought %v", got)
	}
	for property, want := range map[string]any{
		"Name": "first", "Description": text, "Current": true, "Kind": "internal", "VMState": "running",
		"VM": dbus.ObjectPath(vmPath), "Parent": dbus.ObjectPath("/"),
	} {
		if got := w.snap("first", property); got != want {
			t.Errorf("%s is %v", property, got)
		}
	}
	w.take("second", "memory", false, "kind", "external")
	if kind, state, parent := w.snap("second", "Kind"), w.snap("second", "VMState"), w.snap("second", "Parent"); kind != "external" || state != "shut-off" || parent != dbus.ObjectPath(snapshotPath("first")) {
		t.Errorf("the second is %v, %v, below %v", kind, state, parent)
	}
	if w.snap("first", "Current") != false {
		t.Error("the first is still the current one")
	}
}

func TestASnapshotThatCannotBeIsRefusedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	const create = "VM.CreateSnapshot"
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		vm := fakehv.VM(1, "web")
		vm.Snapshots = []*model.Snapshot{fakehv.Snapshot("kept")}
		model.LinkSnapshots(vm.UUID, vm.Snapshots, nil)
		w := newWorld(t).withHost(vm)
		w.fails(errs.AlreadyExists, "kept", vmPath, create, "kept", none())
		w.fails(errs.InvalidArgument, "slash", vmPath, create, "a/b", none())
		w.fails(errs.InvalidArgument, "empty", vmPath, create, "", none())
		w.fails(errs.InvalidArgument, "kind", vmPath, create, "a", opts("kind", "both"))
		w.fails(errs.InvalidArgument, "", vmPath, create, "a", opts("description", "\x01"))
		w.fails(errs.InvalidState, "memory", vmPath, create, "a", opts("memory", true))
		w.fails(errs.InvalidState, "web", vmPath, create, "a", opts("quiesce", true))
		w.fails(errs.VersionMismatch, "", vmPath, create, "a", opts("expected-version", uint64(99), "wait", true))
		w.hv.Hook("plan-snapshot", func(context.Context, string) error { return errs.New(errs.NotSupported, "Only qcow2.") })
		w.fails(errs.NotSupported, "Only qcow2.", vmPath, create, "a", none())
	})
	t.Run("running", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t).withHost(running(1, "web"))
		w.fails(errs.InvalidArgument, "memory", vmPath, create, "a", opts("quiesce", true, "memory", true))
		w.fails(errs.InvalidArgument, "external", vmPath, create, "a", opts("quiesce", true, "kind", "internal"))
		w.fails(errs.GuestAgentUnavailable, "agent", vmPath, create, "a", opts("quiesce", true))
	})
	t.Run("template", func(t *testing.T) {
		t.Parallel()
		vm := fakehv.VM(1, "web")
		vm.Template = true
		vm.Snapshots = []*model.Snapshot{fakehv.Snapshot("kept")}
		model.LinkSnapshots(vm.UUID, vm.Snapshots, nil)
		w := newWorld(t).withHost(vm)
		w.fails(errs.InvalidState, "template", vmPath, create, "a", none())
		w.fails(errs.InvalidState, "template", snapshotPath("kept"), "Snapshot.Revert", none())
		w.fails(errs.InvalidState, "template", snapshotPath("kept"), "Snapshot.Delete", none())
	})
}

func TestAQuiescedSnapshotIsExternalAndHasNoMemory(t *testing.T) {
	t.Parallel()
	vm := running(1, "web")
	vm.GuestAgent = model.AgentConnected
	w := newWorld(t).withHost(vm)
	w.take("frozen", "quiesce", true)
	if kind, state := w.snap("frozen", "Kind"), w.snap("frozen", "VMState"); kind != "external" || state != "shut-off" {
		t.Errorf("it is %v and %v", kind, state)
	}
}

func TestAVMGoesBackToASnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	w.take("live")
	w.take("disks", "memory", false, "kind", "external")
	for _, tt := range []struct {
		name    string
		options map[string]dbus.Variant
		want    string
	}{
		{"disks", opts("wait", true), "shut-off"},
		{"live", opts("wait", true), "running"},
		{"disks", opts("wait", true, "start", true), "running"},
	} {
		if err := w.call(snapshotPath(tt.name), "Snapshot.Revert", tt.options).Err; err != nil {
			t.Fatal(err)
		}
		if state, current := w.property(vmPath, vmIface, "State"), w.snap(tt.name, "Current"); state != tt.want || current != true {
			t.Errorf("back at %s the VM is %v, and its being the current one is %v", tt.name, state, current)
		}
	}
}

func TestGoingBackIsShownAndTakesASecondSnapshotFromNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	w.take("live")
	started, goOn := w.held("revert-snapshot")
	back := w.job(snapshotPath("live"), "Snapshot.Revert", none())
	<-started
	w.await("a VM that is restored", func() bool { return w.property(vmPath, vmIface, "State") == "restoring" })
	if objects := w.property(back, api.JobInterface, "Objects").([]dbus.ObjectPath); !slices.Equal(objects, []dbus.ObjectPath{dbus.ObjectPath(vmPath), dbus.ObjectPath(snapshotPath("live"))}) {
		t.Errorf("the job is about %v", objects)
	}
	if got := errorName(w.call(snapshotPath("live"), "Snapshot.SetDescription", "text", none()).Err); got != errs.Busy.DBusName() {
		t.Errorf("described meanwhile: %v", got)
	}
	next := w.job(snapshotPath("live"), "Snapshot.Delete", none())
	goOn()
	w.awaitJob(back, model.JobDone)
	w.awaitJob(next, model.JobDone)
	if vm := w.vmNow(); vm.State != model.VMRunning || len(vm.Snapshots) != 0 {
		t.Errorf("the VM is %s with %d snapshots", vm.State, len(vm.Snapshots))
	}
}

// vmNow is the first VM as the service knows it.
func (w *world) vmNow() *model.VM {
	_, vm := w.service.Inventory().VM(vmPath)
	return vm
}

func TestASnapshotIsDeletedAloneOrWithItsChildren(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options map[string]dbus.Variant
		left    []string
	}{
		"alone":         {opts("wait", true), []string{"a", "c"}},
		"with children": {opts("wait", true, "children", true), []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).withHost(fakehv.VM(1, "web"))
			for _, name := range []string{"a", "b", "c"} {
				w.take(name)
			}
			if err := w.call(snapshotPath("b"), "Snapshot.Delete", tt.options).Err; err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, s := range w.vmNow().Snapshots {
				left = append(left, s.Name)
			}
			if !slices.Equal(left, tt.left) {
				t.Fatalf("left are %v", left)
			}
			if slices.Contains(left, "c") && w.snap("c", "Parent") != dbus.ObjectPath(snapshotPath("a")) {
				t.Errorf("c goes on from %v", w.snap("c", "Parent"))
			}
			if err := w.call(snapshotPath("b"), "Snapshot.Delete", none()).Err; errorName(err) != "org.freedesktop.DBus.Error.UnknownObject" {
				t.Errorf("again: %v", err)
			}
		})
	}
}

func TestASnapshotIsDescribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	w.take("a")
	const text = "two\nlines & <more>"
	if err := w.call(snapshotPath("a"), "Snapshot.SetDescription", text, none()).Err; err != nil {
		t.Fatal(err)
	}
	if got := w.snap("a", "Description"); got != text {
		t.Errorf("it says %q", got)
	}
	if got := errorName(w.call(snapshotPath("a"), "Snapshot.SetDescription", "\x01", none()).Err); got != errs.InvalidArgument.DBusName() {
		t.Errorf("a control character: %v", got)
	}
}

func TestASnapshotWithMemoryOutsideOfTheImagesCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	aborted := make(chan struct{})
	w.hv.Hook("create-snapshot", func(context.Context, string) error {
		<-aborted
		return errs.New(errs.Cancelled, "aborted")
	})
	abort := sync.OnceFunc(func() { close(aborted) })
	w.hv.Hook("abort-snapshot", func(context.Context, string) error {
		abort()
		return nil
	})
	job := w.job(vmPath, "VM.CreateSnapshot", "a", opts("kind", "external"))
	if err := w.call(job, "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	w.awaitJob(job, model.JobCancelled)
	if vm := w.vmNow(); vm.State != model.VMRunning || len(vm.Snapshots) != 0 {
		t.Errorf("the VM is %s with %d snapshots", vm.State, len(vm.Snapshots))
	}
}

func TestASnapshotInsideOfTheImagesCannotBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(running(1, "web"))
	started, goOn := w.held("create-snapshot")
	job := w.job(vmPath, "VM.CreateSnapshot", "a", none())
	<-started
	if got := errorName(w.call(job, "Job.Cancel", none()).Err); got == "" {
		t.Error("it was cancelled")
	}
	goOn()
	w.awaitJob(job, model.JobDone)
}

// TestTheImagesOfAnExternalSnapshotAreShown although libvirt does not list them in
// the pool before it looks there.
func TestTheImagesOfAnExternalSnapshotAreShown(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	folder := "/fake/" + poolUUID
	w.hv.PutPool(&model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", State: model.PoolRunning, Active: true, Target: folder})
	vm := running(1, "web")
	vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Source: folder + "/base.qcow2"}}
	w.hv.Put(vm)
	used := func(name string) bool {
		v := w.host().Volume(poolUUID, name)
		return v != nil && slices.Equal(v.UsedBy, []model.Path{vmPath})
	}
	w.await("its disk", func() bool { return used("base.qcow2") })
	w.hv.Hook("create-snapshot", func(context.Context, string) error {
		w.hv.PutOverlay(poolUUID, inventory.VolumeInfo{Name: "base.s"}, folder+"/base.qcow2")
		next := running(1, "web")
		next.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Source: folder + "/base.s"}}
		w.hv.Put(next)
		return nil
	})
	w.take("s", "kind", "external")
	if !used("base.qcow2") || !used("base.s") {
		t.Errorf("the volumes are %+v", w.host().Volumes(poolUUID))
	}
	w.refused("delete", w.call(basePath, "StorageVolume.Delete", none()).Err, errs.DeviceInUse, "web")
}
