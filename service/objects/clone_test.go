package objects_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
)

// result is what a job has brought.
func (w *world) result(method string, args ...any) map[string]dbus.Variant {
	w.t.Helper()
	var job dbus.ObjectPath
	if err := w.call(vmPath, method, args...).Store(&job); err != nil {
		w.t.Fatal(err)
	}
	return w.property(model.Path(job), api.JobInterface, "Result").(map[string]dbus.Variant)
}

func TestACloneIsThereWhenTheReplyComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	clone := w.result("VM.Clone", "copy", opts("wait", true))["vm"].Value().(dbus.ObjectPath)
	if got := w.property(model.Path(clone), vmIface, "Name"); got != "copy" {
		t.Errorf("it is called %v", got)
	}
	if got := errorName(w.call(vmPath, "VM.Clone", "copy", none()).Err); got != errs.AlreadyExists.DBusName() {
		t.Errorf("a name that is taken: %v", got)
	}
	if got := errorName(w.call(vmPath, "VM.Clone", "a/b", none()).Err); got != errs.InvalidArgument.DBusName() {
		t.Errorf("a name that cannot be: %v", got)
	}
}

func TestACloneThatIsCancelledIsNotMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	started, goOn := make(chan struct{}), make(chan struct{})
	w.hv.Hook("clone", func(context.Context, string) error {
		close(started)
		<-goOn
		return nil
	})
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.Clone", "copy", none()).Store(&job); err != nil {
		t.Fatal(err)
	}
	<-started
	if err := w.call(model.Path(job), "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	close(goOn)
	w.await("a job that was cancelled", func() bool { return w.property(model.Path(job), api.JobInterface, "State") == "cancelled" })
	if w.service.Inventory().Host(model.HostPath("local")).FindVM("copy") != nil {
		t.Error("there is a clone")
	}
}

func TestATemplateIsClonedAndNotStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.storage.manage", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	w.withHost(fakehv.VM(1, "web"))
	linked := opts("linked", true, "wait", true)
	if got := errorName(w.call(vmPath, "VM.Clone", "a", none()).Err); got != errs.NotAuthorized.DBusName() {
		t.Errorf("a VM whose disks nobody else may read: %v", got)
	}
	if err := w.call(vmPath, "VM.SetTemplate", true, none()).Err; err != nil {
		t.Fatal(err)
	}
	if w.property(vmPath, vmIface, "Template") != true {
		t.Error("it is no template when the reply comes")
	}
	for method, args := range map[string][]any{"Start": {none()}, "SetAutostart": {true, none()}} {
		if err := w.call(vmPath, "VM."+method, args...).Err; errorName(err) != errs.InvalidState.DBusName() || !strings.Contains(err.Error(), "template") {
			t.Errorf("%s: %v", method, err)
		}
	}
	var checks []map[string]dbus.Variant
	if err := w.call(vmPath, "VM.CheckStart", none()).Store(&checks); err != nil || len(checks) != 1 || checks[0]["id"].Value() != "template" {
		t.Errorf("why it does not start: %v, %v", checks, err)
	}
	if err := w.call(vmPath, "VM.Clone", "a", linked).Err; err != nil {
		t.Error(err)
	}
	if err := w.call(vmPath, "VM.SetTemplate", false, none()).Err; err != nil {
		t.Fatal(err)
	}
	if err := w.call(vmPath, "VM.Start", opts("wait", true)).Err; err != nil {
		t.Error(err)
	}
	if got := errorName(w.call(vmPath, "VM.SetTemplate", true, none()).Err); got != errs.InvalidState.DBusName() {
		t.Errorf("while it runs: %v", got)
	}
}

func TestALinkedCloneNeedsATemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(fakehv.VM(1, "web"))
	if err := w.call(vmPath, "VM.Clone", "a", opts("linked", true)).Err; errorName(err) != errs.InvalidState.DBusName() || !strings.Contains(err.Error(), "template") {
		t.Errorf("got %v", err)
	}
}

func TestACloneOfWhatIsNoTemplateAnyMoreNeedsTheRightToReadIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(template())
	changed := func() {
		w.hv.Put(fakehv.VM(1, "web"))
		w.await("no template", func() bool { return !w.vmNow().Template })
	}
	w.polkit.Add(polkittest.Rule{Answer: polkittest.No})
	w.polkit.Add(polkittest.Rule{Action: "org.kvmmanager.vm.create", Answer: polkittest.Yes, Meanwhile: changed})
	if got := errorName(w.call(vmPath, "VM.Clone", "a", opts("wait", true)).Err); got != errs.NotAuthorized.DBusName() {
		t.Errorf("got %v", got)
	}
}

func template() *model.VM {
	vm := fakehv.VM(1, "web")
	vm.Template = true
	vm.Snapshots = []*model.Snapshot{fakehv.Snapshot("kept")}
	model.LinkSnapshots(vm.UUID, vm.Snapshots, nil)
	return vm
}

func TestWhatIsClonedDoesNotChangeMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(template())
	started, goOn := w.held("clone")
	job := w.job(vmPath, "VM.Clone", "a", opts("linked", true))
	<-started
	if got := errorName(w.call(snapshotPath("kept"), "Snapshot.SetDescription", "text", none()).Err); got != errs.Busy.DBusName() {
		t.Errorf("changed meanwhile: %v", got)
	}
	goOn()
	w.awaitJob(job, model.JobDone)
}

func TestNoLinkedCloneIsMadeOfWhatIsNoTemplateAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(template())
	started, end := make(chan struct{}), make(chan struct{})
	w.hv.Hook("delete", func(context.Context, string) error {
		close(started)
		<-end
		return errs.New(errs.InvalidState, "It stays.")
	})
	w.job(vmPath, "VM.Delete", none())
	<-started
	clone := w.job(vmPath, "VM.Clone", "a", opts("linked", true))
	w.hv.Put(fakehv.VM(1, "web"))
	w.await("no template", func() bool { return !w.vmNow().Template })
	close(end)
	w.awaitJob(clone, model.JobFailed)
	if slices.Contains(w.hv.Calls(), "clone "+fakehv.UUID(1)) {
		t.Error("it was cloned")
	}
}

func withDisks() *model.VM {
	vm := fakehv.VM(1, "web")
	vm.Disks = []*model.Device{
		{ID: "disk-vda", Kind: model.KindDisk, Target: "vda", Source: "/p/a"},
		{ID: "disk-vdb", Kind: model.KindDisk, Target: "vdb", Source: "/p/b"},
		{ID: "disk-vdc", Kind: model.KindDisk, Target: "vdc", Source: "/p/c", ReadOnly: true},
	}
	return vm
}

func TestDeletingTakesTheDisksThatAreNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		disks         []string
		deleted, kept []string
	}{
		"one":        {[]string{"disk-vdb"}, []string{"disk-vdb"}, []string{}},
		"all":        {[]string{"*"}, []string{"disk-vda", "disk-vdb"}, []string{"disk-vdc"}},
		"not delete": {[]string{"disk-vdc"}, []string{}, []string{"disk-vdc"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).withHost(withDisks())
			result := w.result("VM.Delete", opts("wait", true, "delete-storage", tt.disks))
			deleted, kept, reasons := result["deleted"].Value().([]string), result["kept"].Value().([]string), result["reasons"].Value().([]string)
			if !slices.Equal(deleted, tt.deleted) || !slices.Equal(kept, tt.kept) || len(reasons) != len(kept) {
				t.Errorf("deleted %v, kept %v because %q", deleted, kept, reasons)
			}
			var gone []string
			for _, call := range w.hv.Calls() {
				if path, ok := strings.CutPrefix(call, "delete-volume /p/"); ok {
					gone = append(gone, path)
				}
			}
			if len(gone) != len(tt.deleted) {
				t.Errorf("gone are %v", gone)
			}
		})
	}
}

func TestAVolumeThatCannotBeDeletedIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(withDisks())
	w.hv.Hook("delete-volume", func(_ context.Context, path string) error {
		if path == "/p/a" {
			return errs.New(errs.DeviceInUse, "Somebody reads it.")
		}
		return nil
	})
	result := w.result("VM.Delete", opts("wait", true, "delete-storage", []string{"disk-vda", "disk-vdb"}))
	if kept, reasons := result["kept"].Value().([]string), result["reasons"].Value().([]string); !slices.Equal(kept, []string{"disk-vda"}) || reasons[0] != "Somebody reads it." {
		t.Errorf("kept %v because %q", kept, reasons)
	}
}

func TestDeletingDisksNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.storage.manage", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	w.withHost(withDisks())
	if got := errorName(w.call(vmPath, "VM.Delete", opts("delete-storage", []string{"*"})).Err); got != errs.NotAuthorized.DBusName() {
		t.Errorf("with its disks: %v", got)
	}
	if got := errorName(w.call(vmPath, "VM.Delete", opts("delete-storage", []string{})).Err); got != "" {
		t.Errorf("without: %v", got)
	}
}

func TestADiskThatAVMDoesNotHaveIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t).withHost(withDisks())
	if got := errorName(w.call(vmPath, "VM.Delete", opts("delete-storage", []string{"disk-vdz"})).Err); got != errs.InvalidArgument.DBusName() {
		t.Errorf("got %v", got)
	}
	if slices.Contains(w.hv.Calls(), "delete "+fakehv.UUID(1)) {
		t.Error("the VM was deleted")
	}
}
