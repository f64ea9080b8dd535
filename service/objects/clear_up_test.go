package objects_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/unfinished"
)

// clearsUp has the service clear up until the test ends.
func (w *world) clearsUp() {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	go func() { defer close(done); w.service.ClearUp(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

// eventually waits until something holds that nobody announces.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			w.t.Fatalf("%s: not so", what)
		}
	}
}

// TestWhatCannotBeTakenBackGoesLater loses libvirt in the middle of a creation.
func TestWhatCannotBeTakenBackGoesLater(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.clearsUp()
	var gone atomic.Bool
	lost := func(context.Context, string) error {
		if gone.Load() {
			return errs.New(errs.Disconnected, "It is gone.")
		}
		return nil
	}
	for _, operation := range []string{"start", "drop-volume", "delete"} {
		w.hv.Hook(operation, lost)
	}
	gone.Store(true)
	err := w.create("name", "new", "source", source("kind", "image", "fd", file(t, qcow2(0))))
	if got := errorName(err); got != errs.Disconnected.DBusName() {
		t.Fatalf("got %v", err)
	}
	if got := w.hv.Volumes(); len(got) != 2 {
		t.Fatalf("the volumes are %v", got)
	}
	gone.Store(false)
	w.eventually("the volume is gone", func() bool { return len(w.hv.Volumes()) == 1 })
	w.eventually("the VM is gone", func() bool { return len(w.service.Inventory().Hosts()[0].VMs()) == 1 })
	w.nothingLeft()
}

// TestClearingUpIsTriedAgainWhenWhatItWaitsForIsBack looks for the wish to try
// again, which otherwise comes after minutes.
func TestClearingUpIsTriedAgainWhenWhatItWaitsForIsBack(t *testing.T) {
	t.Parallel()
	records := unfinished.Open(filepath.Join(t.TempDir(), "unfinished"), slog.New(slog.DiscardHandler))
	w := newWorldAfter(t, records)
	pool := &model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", State: model.PoolInactive}
	w.hv.PutPool(pool)
	w.withHost(fakehv.VM(1, "web"))
	wanted := func(what string) {
		t.Helper()
		select {
		case <-records.Wake():
		case <-w.ctx.Done():
			t.Fatalf("nothing is tried again although %s", what)
		}
	}
	wanted("the host is connected")
	active := *pool
	active.Active, active.State = true, model.PoolRunning
	w.hv.PutPool(&active)
	wanted("the pool is active")
	w.hv.GoDown(errs.New(errs.Disconnected, "It is gone."))
	w.hv.ComeUp()
	wanted("the host is connected again")
}

// TestAServiceRemovesWhatAnotherLeft starts with the records of one that was
// killed: of a volume that nothing uses, and of one that has its VM; of an
// original whose copy has a VM, and of one whose copy has none.
func TestAServiceRemovesWhatAnotherLeft(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "unfinished")
	open := func() *unfinished.Records { return unfinished.Open(folder, slog.New(slog.DiscardHandler)) }
	for name, host := range map[string]string{"half": "local", "whole": "local", "never": "local", "elsewhere": "lab"} {
		if _, err := open().OnHost(host).Volume(poolUUID, name); err != nil {
			t.Fatal(err)
		}
	}
	for original, copied := range map[string]string{"moved": "whole", "last": "none"} {
		if _, err := open().OnHost("local").Original(poolUUID, original, "/fake/"+poolUUID+"/"+copied); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorldAfter(t, open())
	for _, name := range []string{"half", "whole", "elsewhere", "moved", "last"} {
		w.hv.PutVolume(poolUUID, inventory.VolumeInfo{Name: name}, nil)
	}
	w.hv.PutPool(&model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", State: model.PoolRunning, Active: true})
	vm := fakehv.VM(1, "web")
	vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Target: "vda", Source: "/fake/" + poolUUID + "/whole"}}
	w.withHost(vm)
	w.clearsUp()
	for _, name := range []string{"half", "moved"} {
		w.eventually(name+" is gone", func() bool { return !slices.Contains(w.hv.Volumes(), poolUUID+"/"+name) })
	}
	files := func() int {
		found, _ := filepath.Glob(filepath.Join(folder, "*.json"))
		return len(found)
	}
	w.eventually("only what is about another host is left to do", func() bool { return files() == 1 })
	for _, name := range []string{"whole", "elsewhere", "last"} {
		if !slices.Contains(w.hv.Volumes(), poolUUID+"/"+name) {
			t.Errorf("%s is gone", name)
		}
	}
}

// TestAVMThatSomebodyMayUseByNowStays with its disks.
func TestAVMThatSomebodyMayUseByNowStays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	record := func(vm int, since time.Time) {
		text := fmt.Sprintf(`{"host":"local","vm":%q,"since":%d}`, fakehv.UUID(vm), since.Unix())
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(vm, ".json")), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	record(1, time.Now().Add(-time.Hour))
	record(2, time.Now())
	w := newWorldAfter(t, unfinished.Open(folder, slog.New(slog.DiscardHandler)))
	w.withHost(fakehv.VM(1, "used"), fakehv.VM(2, "new"))
	w.clearsUp()
	w.eventually("nothing is left to do", func() bool { found, _ := filepath.Glob(filepath.Join(folder, "*.json")); return len(found) == 0 })
	if vms := w.host().VMs(); len(vms) != 1 || vms[0].Name != "used" {
		t.Errorf("there are %d VMs", len(vms))
	}
}

// TestAVolumeThatCannotBeRemovedGoesLater fails twice: in filling it, and in removing it.
func TestAVolumeThatCannotBeRemovedGoesLater(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.clearsUp()
	w.hv.Hook("upload-volume", func(context.Context, string) error { return errs.New(errs.NoSpace, "No space left on device.") })
	var tried atomic.Bool
	w.hv.Hook("drop-volume", func(context.Context, string) error {
		if !tried.Swap(true) {
			return errs.New(errs.LibvirtFailed, "libvirt is tired.")
		}
		return nil
	})
	call := w.call(model.PoolPath(poolUUID), "StoragePool.CreateVolume", opts("name", "half", "fd", file(t, []byte("a disk"))), opts("wait", true))
	if got := errorName(call.Err); got != errs.NoSpace.DBusName() {
		t.Fatalf("got %v", call.Err)
	}
	w.eventually("the volume is gone", func() bool { return len(w.hv.Volumes()) == 1 })
	w.nothingLeft()
}

// TestAVolumeThatIsCutOffGoesLater loses libvirt when the volume is there already.
func TestAVolumeThatIsCutOffGoesLater(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.clearsUp()
	w.hv.Hook("create-volume", func(context.Context, string) error {
		w.hv.PutVolume(poolUUID, inventory.VolumeInfo{Name: "half.qcow2"}, nil)
		return errs.New(errs.Disconnected, "It is gone.")
	})
	call := w.call(model.PoolPath(poolUUID), "StoragePool.CreateVolume", opts("name", "half.qcow2", "capacity", uint64(1<<20)), opts("wait", true))
	if got := errorName(call.Err); got != errs.Disconnected.DBusName() {
		t.Fatalf("got %v", call.Err)
	}
	w.eventually("the volume is gone", func() bool { return len(w.hv.Volumes()) == 1 })
	w.nothingLeft()
}
