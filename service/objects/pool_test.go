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
	"org.kvmmanager/service/inventory"
)

var poolPath = model.PoolPath(poolUUID)

// result waits for the job of a call and gives its result.
func (w *world) doing(path model.Path, method string, args ...any) (map[string]dbus.Variant, error) {
	w.t.Helper()
	var job dbus.ObjectPath
	if err := w.call(path, method, append(args, opts("wait", true))...).Store(&job); err != nil {
		return nil, err
	}
	return w.property(model.Path(job), api.JobInterface, "Result").(map[string]dbus.Variant), nil
}

// fails wants an error of a kind that names something.
func (w *world) refused(what string, err error, kind errs.Kind, names ...string) {
	w.t.Helper()
	if errorName(err) != kind.DBusName() {
		w.t.Errorf("%s: got %v, want %s", what, err, kind)
		return
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			w.t.Errorf("%s: “%s” is not named in %v", what, name, err)
		}
	}
}

func TestAPoolLivesItsLife(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	result, err := w.doing(localHost, "Host.CreateStoragePool", opts("name", "tank & <b>", "start", false))
	if err != nil {
		t.Fatal(err)
	}
	tank := model.Path(result["pool"].Value().(dbus.ObjectPath))
	for name, want := range map[string]any{"Name": "tank & <b>", "Kind": "dir", "Target": "/var/lib/libvirt/images/tank & <b>", "Active": false} {
		if got := w.property(tank, api.StoragePoolInterface, name); got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
	w.refused("a name that is taken", w.call(localHost, "Host.CreateStoragePool", opts("name", "tank & <b>"), none()).Err, errs.AlreadyExists)
	w.refused("not active", w.call(tank, "StoragePool.Stop", none()).Err, errs.InvalidState)
	w.refused("not active", w.call(tank, "StoragePool.Refresh", none()).Err, errs.InvalidState)
	w.refused("not active", w.call(tank, "StoragePool.CreateVolume", opts("name", "a", "capacity", uint64(1)), none()).Err, errs.InvalidState)
	w.refused("not active", w.call(tank, "StoragePool.Delete", opts("delete-contents", true)).Err, errs.InvalidState)
	is := func(name string, want any) {
		t.Helper()
		if got := w.property(tank, api.StoragePoolInterface, name); got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
	if err := w.call(tank, "StoragePool.SetAutostart", true, none()).Err; err != nil {
		t.Error(err)
	}
	is("Autostart", true)
	if _, err := w.doing(tank, "StoragePool.Start"); err != nil {
		t.Error(err)
	}
	is("Active", true)
	if err := w.call(tank, "StoragePool.Stop", none()).Err; err != nil {
		t.Error(err)
	}
	is("Active", false)
	if _, err := w.doing(tank, "StoragePool.Delete"); err != nil {
		t.Error(err)
	}
	if w.service.Tree().Has(dbus.ObjectPath(tank), api.StoragePoolInterface) {
		t.Error("it is still there")
	}
}

func TestARefreshedPoolShowsWhatCame(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.hv.PutVolume(poolUUID, inventory.VolumeInfo{Name: "came"}, nil)
	if _, err := w.doing(poolPath, "StoragePool.Refresh"); err != nil {
		t.Fatal(err)
	}
	if !w.service.Tree().Has(volumePath("came"), api.StorageVolumeInterface) {
		t.Error("a volume is not there when the job has ended")
	}
}

func TestWhatKeepsAPoolFromBeingMade(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	for what, tt := range map[string]struct {
		kind errs.Kind
		spec map[string]dbus.Variant
	}{
		"a name that leads away": {errs.InvalidArgument, opts("name", "../etc")},
		"a target without start": {errs.InvalidArgument, opts("name", "a", "target", "images")},
		"an unknown key":         {errs.InvalidArgument, opts("name", "a", "path", "/srv")},
		"a wrong type":           {errs.InvalidArgument, opts("name", "a", "source-devices", "/dev/sdb")},
		"a kind that lacks something": {
			errs.NotSupported, opts("name", "a", "kind", "rbd", "source-hosts", []string{"x"}, "source-name", "y"),
		},
	} {
		w.refused(what, w.call(localHost, "Host.CreateStoragePool", tt.spec, none()).Err, tt.kind)
	}
	w.hv.Hook("create-pool", func(context.Context, string) error { return errs.New(errs.LibvirtFailed, "mount: no such server.") })
	_, err := w.doing(localHost, "Host.CreateStoragePool", opts("name", "a"))
	w.refused("what libvirt says", err, errs.LibvirtFailed, "no such server")
}

func TestAPathOfTheHostIsARightOfItsOwnForPools(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.host-path.use", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	w.withHost()
	w.refused("a folder", w.call(localHost, "Host.CreateStoragePool", opts("name", "a", "target", "/etc"), none()).Err, errs.NotAuthorized)
	for what, spec := range map[string]map[string]dbus.Variant{
		"a device":                        opts("kind", "zfs", "source-name", "z", "source-devices", []string{"/dev/sda"}),
		"a zpool of the host":             opts("kind", "zfs", "source-name", "rpool"),
		"a volume group of the host":      opts("kind", "logical"),
		"one by another name":             opts("kind", "logical", "source-name", "vg0"),
		"a partition":                     opts("kind", "fs", "source-devices", []string{"/dev/sda1"}),
		"a disk":                          opts("kind", "disk", "source-devices", []string{"/dev/sda"}),
		"a server's folder, with links":   opts("kind", "netfs", "source-hosts", []string{"x"}, "source-path", "/"),
		"disks of a server":               opts("kind", "iscsi", "source-hosts", []string{"x"}, "source-name", "iqn.x"),
		"what a secret of the host opens": opts("kind", "rbd", "source-hosts", []string{"x"}, "source-name", "y", "user", "admin", "secret", fakehv.UUID(1)),
		"a kind of a wrong type":          opts("kind", uint32(1)),
	} {
		spec["name"] = dbus.MakeVariant("a")
		w.refused(what, w.call(localHost, "Host.CreateStoragePool", spec, none()).Err, errs.NotAuthorized)
	}
	for what, spec := range map[string]map[string]dbus.Variant{"no kind": opts("name", "a"), "a folder": opts("name", "b", "kind", "dir")} {
		if _, err := w.doing(localHost, "Host.CreateStoragePool", spec); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAPoolThatARunningVMNeedsStays(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.read()
	vm := running(2, "busy")
	vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Source: "/fake/" + poolUUID + "/base.qcow2"}}
	w.hv.Put(vm)
	w.await("its user", func() bool { return len(w.host().Volume(poolUUID, "base.qcow2").UsedBy) == 1 })
	w.refused("stop", w.call(poolPath, "StoragePool.Stop", none()).Err, errs.DeviceInUse, "busy", "base.qcow2")
	w.refused("delete", w.call(poolPath, "StoragePool.Delete", none()).Err, errs.DeviceInUse, "busy")
	vm.State = model.VMShutOff
	w.hv.Put(vm)
	w.await("it is off", func() bool { return !w.host().VM(vm.UUID).State.Active() })
	w.refused("delete its disk", w.call(poolPath, "StoragePool.Delete", opts("delete-contents", true)).Err, errs.DeviceInUse, "busy")
	if _, err := w.doing(poolPath, "StoragePool.Delete"); err != nil {
		t.Error(err)
	}
	if len(w.hv.Volumes()) != 1 {
		t.Error("deleting the pool deleted what it holds")
	}
}

func TestThePoolsContentsGoOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.hv.PutOverlay(poolUUID, inventory.VolumeInfo{Name: "a overlay"}, "/fake/"+poolUUID+"/base.qcow2")
	var result map[string]dbus.Variant
	var job dbus.ObjectPath
	if err := w.call(poolPath, "StoragePool.Delete", opts("wait", true, "delete-contents", true)).Store(&job); err != nil {
		t.Fatal(err)
	}
	result = w.property(model.Path(job), api.JobInterface, "Result").(map[string]dbus.Variant)
	if result["volumes-deleted"].Value() != uint32(2) || len(w.hv.Volumes()) != 0 {
		t.Errorf("the result is %v, left are %v", result, w.hv.Volumes())
	}
	calls := slices.DeleteFunc(w.hv.Calls(), func(c string) bool { return !strings.HasPrefix(c, "delete-volume") })
	if !slices.Equal(calls, []string{"delete-volume a overlay", "delete-volume base.qcow2"}) {
		t.Errorf("they went in this order: %v", calls)
	}
}

func TestOfAnotherPoolsVolumesNothingIsTakenAway(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	other := fakehv.UUID(300)
	w.hv.PutPool(&model.StoragePool{UUID: other, Name: "other", Kind: "dir", Active: true})
	w.hv.PutOverlay(other, inventory.VolumeInfo{Name: "elsewhere"}, "/fake/"+poolUUID+"/base.qcow2")
	w.await("both volumes", func() bool {
		return w.host().Volume(other, "elsewhere") != nil && w.host().Volume(poolUUID, "base.qcow2") != nil
	})
	w.refused("delete", w.call(poolPath, "StoragePool.Delete", opts("delete-contents", true)).Err, errs.DeviceInUse, "elsewhere")
}
