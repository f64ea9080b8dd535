package objects_test

import (
	"context"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
)

const homeImage = "/home/alice/a.img"

// withImageAtHome has a VM whose disk is in no pool.
func withImageAtHome(t *testing.T, rules ...polkittest.Rule) *world {
	t.Helper()
	w := newWorld(t, rules...)
	w.hv.PutPool(&model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", State: model.PoolRunning, Active: true, Target: "/fake"})
	vm := fakehv.VM(1, "web")
	vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Target: "vda", Source: homeImage, Format: "raw"}}
	return w.withHost(vm)
}

func (w *world) image() string {
	w.t.Helper()
	return w.property(vmPath, vmIface, "Disks").([]map[string]dbus.Variant)[0]["source"].Value().(string)
}

func TestAnImageMovesIntoAPool(t *testing.T) {
	t.Parallel()
	w := withImageAtHome(t)
	result, err := w.doing(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath))
	if err != nil {
		t.Fatal(err)
	}
	if _, kept := result["kept"]; kept || result["volume"].Value() != volumePath("a.img") {
		t.Errorf("the result is %v", result)
	}
	if got := w.image(); got != "/fake/"+poolUUID+"/a.img" {
		t.Errorf("the disk is on %s", got)
	}
	if used := w.property(model.VolumePath(poolUUID, "a.img"), api.StorageVolumeInterface, "UsedBy"); len(used.([]dbus.ObjectPath)) != 1 {
		t.Errorf("the volume is used by %v", used)
	}
}

func TestAnOriginalThatStaysIsExplained(t *testing.T) {
	t.Parallel()
	w := withImageAtHome(t)
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath), opts("wait", true, "delete-original", true)).Store(&job); err != nil {
		t.Fatal(err)
	}
	result := w.property(model.Path(job), api.JobInterface, "Result").(map[string]dbus.Variant)
	if result["kept"].Value() != "The original is used by “another”, too." {
		t.Errorf("the result is %v", result)
	}
}

func TestAMoveThatFailsOrIsCancelledChangesNothing(t *testing.T) {
	t.Parallel()
	w := withImageAtHome(t)
	w.hv.Hook("move-disk", func(context.Context, string) error { return errs.New(errs.NoSpace, "No space left on device.") })
	_, err := w.doing(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath))
	w.refused("a full disk", err, errs.NoSpace)
	half, goOn := make(chan struct{}), make(chan struct{})
	w.hv.Hook("move-disk", func(context.Context, string) error { close(half); <-goOn; return nil })
	var job dbus.ObjectPath
	if err := w.call(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath), none()).Store(&job); err != nil {
		t.Fatal(err)
	}
	<-half
	if got := w.property(model.Path(job), api.JobInterface, "Progress"); got != 0.5 {
		t.Errorf("half the way it is at %v", got)
	}
	if err := w.call(model.Path(job), "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	close(goOn)
	w.awaitJob(model.Path(job), model.JobCancelled)
	if got := w.hv.Volumes(); len(got) != 0 || w.image() != homeImage {
		t.Errorf("there are %v, and the disk is on %s", got, w.image())
	}
}

func TestWhatDoesNotMove(t *testing.T) {
	t.Parallel()
	w := withImageAtHome(t)
	w.hv.PutPool(&model.StoragePool{UUID: fakehv.UUID(301), Name: "asleep", Kind: "dir"})
	w.hv.PutPool(&model.StoragePool{UUID: fakehv.UUID(302), Name: "home", Kind: "dir", State: model.PoolRunning, Active: true, Target: "/home/alice"})
	w.await("the pools", func() bool { return len(w.host().Pools()) == 3 })
	move := func(id string, pool model.Path) error {
		return w.call(vmPath, "VM.MoveDisk", id, dbus.ObjectPath(pool), none()).Err
	}
	w.refused("no disk", move("disk-vdz", poolPath), errs.NotFound, "disk-vdz")
	w.refused("no pool", move("disk-vda", "/nowhere"), errs.NotFound)
	w.refused("a pool that is not active", move("disk-vda", model.PoolPath(fakehv.UUID(301))), errs.InvalidState, "asleep")
	w.refused("where it is", move("disk-vda", model.PoolPath(fakehv.UUID(302))), errs.InvalidState, "home")
	_, err := w.doing(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath))
	if err != nil {
		t.Fatal(err)
	}
	version := opts("wait", true, "expected-version", uint64(1))
	w.refused("another version", w.call(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(model.PoolPath(fakehv.UUID(302))), version).Err, errs.VersionMismatch)
	if err := w.call(vmPath, "VM.SetTemplate", true, none()).Err; err != nil {
		t.Fatal(err)
	}
	w.refused("of a template", move("disk-vda", model.PoolPath(fakehv.UUID(302))), errs.InvalidState, "template")
	if err := w.call(vmPath, "VM.SetTemplate", false, none()).Err; err != nil {
		t.Fatal(err)
	}
	if err := w.call(vmPath, "VM.Start", opts("wait", true)).Err; err != nil {
		t.Fatal(err)
	}
	w.refused("while it runs", move("disk-vda", model.PoolPath(fakehv.UUID(302))), errs.InvalidState, "off")
}

func TestWhatAVMCanGoBackToKeepsItsDisks(t *testing.T) {
	t.Parallel()
	w := withImageAtHome(t)
	for what, edit := range map[string]func(*model.VM){
		"saved state": func(vm *model.VM) { vm.HasSavedState = true },
		"snapshots":   func(vm *model.VM) { vm.Snapshots = []*model.Snapshot{{VM: vm.Path(), Name: "before"}} },
	} {
		vm := fakehv.VM(1, "web")
		vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Target: "vda", Source: homeImage, Format: "raw"}}
		edit(vm)
		w.hv.Put(vm)
		w.await(what, func() bool {
			now := w.host().VM(vm.UUID)
			return now.HasSavedState == vm.HasSavedState && len(now.Snapshots) == len(vm.Snapshots)
		})
		w.refused(what, w.call(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath), none()).Err, errs.InvalidState, what)
	}
}

func TestDeletingAnOriginalNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := withImageAtHome(t, polkittest.Rule{Action: "org.kvmmanager.storage.manage", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	w.refused("with the original", w.call(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath), opts("delete-original", true)).Err, errs.NotAuthorized)
	if _, err := w.doing(vmPath, "VM.MoveDisk", "disk-vda", dbus.ObjectPath(poolPath)); err != nil {
		t.Errorf("a copy: %v", err)
	}
}
