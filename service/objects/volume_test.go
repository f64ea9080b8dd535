package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/service/inventory"
)

var basePath = model.VolumePath(poolUUID, "base.qcow2")

// withVolumes is withStorage with what it has shown.
func withVolumes(t *testing.T) *world {
	w := withStorage(t)
	w.read()
	return w
}

// read has the volumes shown as they are.
func (w *world) read() {
	w.t.Helper()
	for _, p := range w.host().Pools() {
		if err := w.host().RefreshVolumes(w.ctx, p.UUID); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) has(name string) bool {
	return w.service.Tree().Has(volumePath(name), api.StorageVolumeInterface)
}

func TestAVolumeIsMadeInEachWay(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	for what, tt := range map[string]struct {
		spec    map[string]dbus.Variant
		format  string
		size    uint64
		backing string
	}{
		"plain":           {opts("name", "new & <b>🐧", "capacity", uint64(5<<30)), "qcow2", 5 << 30, ""},
		"raw":             {opts("name", "a.raw", "format", "raw", "capacity", uint64(1<<20), "allocation", uint64(1<<20)), "raw", 1 << 20, ""},
		"overlay":         {opts("name", "b", "backing", dbus.ObjectPath(basePath)), "qcow2", 1 << 30, "/fake/" + poolUUID + "/base.qcow2"},
		"overlay by name": {opts("name", "c", "backing", "base.qcow2"), "qcow2", 1 << 30, "/fake/" + poolUUID + "/base.qcow2"},
		"a file":          {opts("name", "c.iso", "fd", file(t, []byte("an ISO image"))), "raw", 12, ""},
		"and more":        {opts("name", strings.Repeat("é", 127), "capacity", uint64(1<<20), "fd", file(t, []byte("a disk"))), "raw", 1 << 20, ""},
	} {
		result, err := w.doing(poolPath, "StoragePool.CreateVolume", tt.spec)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		path := result["volume"].Value().(dbus.ObjectPath)
		if path != volumePath(tt.spec["name"].Value().(string)) {
			t.Errorf("%s is at %s", what, path)
		}
		for name, want := range map[string]any{"Name": tt.spec["name"].Value(), "Format": tt.format, "Capacity": tt.size, "Backing": tt.backing} {
			if got := w.property(model.Path(path), api.StorageVolumeInterface, name); got != want {
				t.Errorf("%s: %s is %v", what, name, got)
			}
		}
	}
	if got := string(w.hv.Content(poolUUID, "c.iso")); got != "an ISO image" {
		t.Errorf("the content is %q", got)
	}
}

func TestWhatNoVolumeIsMadeOf(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	size := uint64(1 << 20)
	for what, tt := range map[string]struct {
		kind errs.Kind
		spec map[string]dbus.Variant
	}{
		"a name that is taken":        {errs.AlreadyExists, opts("name", "base.qcow2", "capacity", size)},
		"a way out":                   {errs.InvalidArgument, opts("name", "../../etc/passwd", "capacity", size)},
		"two lines":                   {errs.InvalidArgument, opts("name", "a\nb", "capacity", size)},
		"no size":                     {errs.InvalidArgument, opts("name", "a")},
		"an unknown key":              {errs.InvalidArgument, opts("name", "a", "capacity", size, "path", "/etc/passwd")},
		"a base that is not there":    {errs.NotFound, opts("name", "a", "backing", volumePath("nothing"))},
		"a base by no volume's path":  {errs.NotFound, opts("name", "a", "backing", dbus.ObjectPath("/etc"))},
		"a base that is larger":       {errs.InvalidArgument, opts("name", "a", "backing", dbus.ObjectPath(basePath), "capacity", size)},
		"a layer that is no qcow2":    {errs.InvalidArgument, opts("name", "a", "format", "raw", "backing", dbus.ObjectPath(basePath))},
		"a file that is too large":    {errs.InvalidArgument, opts("name", "a", "capacity", uint64(2), "fd", file(t, []byte("large")))},
		"an empty file":               {errs.InvalidArgument, opts("name", "a", "fd", file(t, nil))},
		"no plain file":               {errs.InvalidArgument, opts("name", "a", "fd", dbus.UnixFD(deviceFile(t).Fd()))},
		"a disk with a file behind":   {errs.NotSupported, opts("name", "a", "fd", file(t, qcow2(512)))},
		"a disk that names its parts": {errs.NotSupported, opts("name", "a", "fd", file(t, []byte("# Disk DescriptorFile\n")))},
	} {
		_, err := w.doing(poolPath, "StoragePool.CreateVolume", tt.spec)
		w.refused(what, err, tt.kind)
	}
	w.nothingLeft()
}

func deviceFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestAnUploadThatFailsOrIsCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	w.hv.Hook("upload-volume", func(context.Context, string) error { return errs.New(errs.NoSpace, "No space left on device.") })
	_, err := w.doing(poolPath, "StoragePool.CreateVolume", opts("name", "a", "fd", file(t, []byte("a disk"))))
	w.refused("a full disk", err, errs.NoSpace)
	w.nothingLeft()
	half := make(chan struct{})
	w.hv.Hook("upload-volume", func(ctx context.Context, _ string) error {
		close(half)
		<-ctx.Done()
		return ctx.Err()
	})
	var job dbus.ObjectPath
	if err := w.call(poolPath, "StoragePool.CreateVolume", opts("name", "a", "fd", file(t, []byte("a disk"))), none()).Store(&job); err != nil {
		t.Fatal(err)
	}
	<-half
	if got := w.property(model.Path(job), api.JobInterface, "Progress"); got != 0.5 {
		t.Errorf("half the way it is at %v", got)
	}
	if err := w.call(model.Path(job), "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	w.await("its end", func() bool { return w.property(model.Path(job), api.JobInterface, "State") == "cancelled" })
	w.nothingLeft()
	if w.has("a") {
		t.Error("it is still shown")
	}
}

func TestNewContentReplacesTheOld(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	if _, err := w.doing(basePath, "StorageVolume.Upload", file(t, []byte("something else"))); err != nil {
		t.Fatal(err)
	}
	if got := string(w.hv.Content(poolUUID, "base.qcow2")); got != "something else" {
		t.Errorf("the content is %q", got)
	}
	_, err := w.doing(basePath, "StorageVolume.Upload", file(t, qcow2(512)))
	w.refused("a disk with a file behind", err, errs.NotSupported)
	if got := string(w.hv.Content(poolUUID, "base.qcow2")); got != "something else" {
		t.Errorf("a refused file has changed the content to %q", got)
	}
	w.hv.Hook("upload-volume", func(context.Context, string) error { return errs.New(errs.NoSpace, "No space left on device.") })
	_, err = w.doing(basePath, "StorageVolume.Upload", file(t, []byte("too large")))
	w.refused("a full disk", err, errs.NoSpace)
	if got := w.hv.Content(poolUUID, "base.qcow2"); len(got) != 0 {
		t.Errorf("it holds %q", got)
	}
	if got := w.property(basePath, api.StorageVolumeInterface, "Capacity"); got != uint64(1<<30) {
		t.Errorf("it has %v bytes", got)
	}
}

// TestAVolumeWithAllItsRoom is written in place if nothing of it can remain.
func TestAVolumeWithAllItsRoom(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	full := model.Path(volumePath("full"))
	w.hv.PutVolume(poolUUID, inventory.VolumeInfo{Name: "full", Format: "raw", Capacity: 14}, []byte("what was there"))
	w.read()
	var dropped atomic.Int32
	w.hv.Hook("drop-volume", func(context.Context, string) error { dropped.Add(1); return nil })
	holds := func(want string) {
		t.Helper()
		if got := strings.TrimRight(string(w.hv.Content(poolUUID, "full")), "\x00"); got != want {
			t.Errorf("it holds %q, not %q", got, want)
		}
		if got := w.property(full, api.StorageVolumeInterface, "Capacity"); got != uint64(14) {
			t.Errorf("it has %v bytes", got)
		}
	}
	if _, err := w.doing(full, "StorageVolume.Upload", file(t, []byte("something else"))); err != nil {
		t.Fatal(err)
	}
	holds("something else")
	if dropped.Load() != 0 {
		t.Error("it was removed, with its room")
	}
	w.hv.Hook("upload-volume", func(context.Context, string) error { return errs.New(errs.LibvirtFailed, "Input/output error.") })
	_, err := w.doing(full, "StorageVolume.Upload", file(t, []byte("what is to be.")))
	w.refused("a disk that is broken", err, errs.LibvirtFailed)
	holds("")
	w.hv.Hook("upload-volume", nil)

	w.hv.PutVolume(poolUUID, inventory.VolumeInfo{Name: "full", Format: "raw", Capacity: 14}, []byte("what was there"))
	before := dropped.Load()
	if _, err := w.doing(full, "StorageVolume.Upload", file(t, []byte("short"))); err != nil {
		t.Fatal(err)
	}
	holds("short")
	if dropped.Load() == before {
		t.Error("what the file does not cover was kept")
	}
}

func TestAVolumeIsWrittenToWhateverTheCallerHas(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	to, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := w.doing(basePath, "StorageVolume.Download", dbus.UnixFD(to.Fd())); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(to.Name()); !bytes.Equal(got, []byte("the base")) {
		t.Errorf("it is %q", got)
	}
	read, err := os.Open(to.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	w.refused("not for writing", w.call(basePath, "StorageVolume.Download", dbus.UnixFD(read.Fd()), none()).Err, errs.InvalidArgument)
	w.refused("a device", w.call(basePath, "StorageVolume.Download", dbus.UnixFD(deviceFile(t).Fd()), none()).Err, errs.InvalidArgument)
}

func TestACopyIsMadeHereOrThere(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	other := fakehv.UUID(300)
	w.hv.PutPool(&model.StoragePool{UUID: other, Name: "vg", Kind: "logical", Active: true})
	w.hv.PutPool(&model.StoragePool{UUID: fakehv.UUID(301), Name: "asleep", Kind: "dir"})
	w.await("the pools", func() bool { return len(w.host().Pools()) == 3 })
	w.read()
	result, err := w.doing(basePath, "StorageVolume.Clone", "copy")
	if err != nil || result["volume"].Value() != volumePath("copy") {
		t.Fatalf("got %v, %v", result, err)
	}
	if got := w.property(model.VolumePath(poolUUID, "copy"), api.StorageVolumeInterface, "Format"); got != "qcow2" {
		t.Errorf("it is a %v", got)
	}
	var job dbus.ObjectPath
	if err := w.call(basePath, "StorageVolume.Clone", "there", opts("wait", true, "pool", dbus.ObjectPath(model.PoolPath(other)))).Store(&job); err != nil {
		t.Fatal(err)
	}
	if got := string(w.hv.Content(other, "there")); got != "the base" {
		t.Errorf("the copy has %q", got)
	}
	clone := func(name string, options ...any) error {
		return w.call(basePath, "StorageVolume.Clone", name, opts(options...)).Err
	}
	w.refused("a name that is taken", clone("copy"), errs.AlreadyExists)
	w.refused("a way out", clone("../x"), errs.InvalidArgument)
	w.refused("no pool", clone("x", "pool", dbus.ObjectPath("/nowhere")), errs.NotFound)
	w.refused("a pool that is not active", clone("x", "pool", dbus.ObjectPath(model.PoolPath(fakehv.UUID(301)))), errs.InvalidState)
	w.refused("a format that no pool has", clone("x", "format", "iso"), errs.InvalidArgument)
	w.refused("a format in a pool without", clone("x", "format", "qcow2", "pool", dbus.ObjectPath(model.PoolPath(other))), errs.InvalidArgument)
}

func TestACancelledCopyIsRemoved(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	half, goOn := make(chan struct{}), make(chan struct{})
	w.hv.Hook("copy-volume", func(context.Context, string) error { close(half); <-goOn; return nil })
	var job dbus.ObjectPath
	if err := w.call(basePath, "StorageVolume.Clone", "copy", none()).Store(&job); err != nil {
		t.Fatal(err)
	}
	<-half
	if err := w.call(model.Path(job), "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	close(goOn)
	w.await("its end", func() bool { return w.property(model.Path(job), api.JobInterface, "State") == "cancelled" })
	w.nothingLeft()
}

func TestAVolumeThatSomebodyNeedsStaysAsItIs(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	vm := running(2, "busy")
	vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Source: "/fake/" + poolUUID + "/base.qcow2"}}
	w.hv.Put(vm)
	w.await("its user", func() bool { return len(w.host().Volume(poolUUID, "base.qcow2").UsedBy) == 1 })
	change := map[string]func() error{
		"delete":   func() error { return w.call(basePath, "StorageVolume.Delete", none()).Err },
		"wipe":     func() error { return w.call(basePath, "StorageVolume.Wipe", none()).Err },
		"resize":   func() error { return w.call(basePath, "StorageVolume.Resize", uint64(2<<30), none()).Err },
		"upload":   func() error { return w.call(basePath, "StorageVolume.Upload", file(t, []byte("x")), none()).Err },
		"copy":     func() error { return w.call(basePath, "StorageVolume.Clone", "copy", none()).Err },
		"download": func() error { return w.call(basePath, "StorageVolume.Download", file(t, []byte("x")), none()).Err },
	}
	for what, do := range change {
		w.refused(what, do(), errs.DeviceInUse, "busy")
	}
	vm.State = model.VMShutOff
	w.hv.Put(vm)
	w.await("it is off", func() bool { return !w.host().VM(vm.UUID).State.Active() })
	w.refused("delete", change["delete"](), errs.DeviceInUse, "busy")
	w.hv.Drop(vm.UUID)
	w.hv.PutOverlay(poolUUID, inventory.VolumeInfo{Name: "layer"}, "/fake/"+poolUUID+"/base.qcow2")
	w.await("no user", func() bool { return len(w.host().Volume(poolUUID, "base.qcow2").UsedBy) == 0 })
	w.read()
	for _, what := range []string{"delete", "wipe", "resize", "upload"} {
		w.refused(what, change[what](), errs.DeviceInUse, "layer")
	}
	if string(w.hv.Content(poolUUID, "base.qcow2")) != "the base" {
		t.Error("it was changed")
	}
}

func TestAVolumeChangesAndGoes(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	w.refused("smaller", w.call(basePath, "StorageVolume.Resize", uint64(1<<20), none()).Err, errs.InvalidArgument)
	w.refused("nothing", w.call(basePath, "StorageVolume.Resize", uint64(0), opts("shrink", true)).Err, errs.InvalidArgument)
	for size, options := range map[uint64]map[string]dbus.Variant{2 << 30: opts("wait", true), 1 << 20: opts("wait", true, "shrink", true)} {
		if err := w.call(basePath, "StorageVolume.Resize", size, options).Err; err != nil {
			t.Fatal(err)
		}
		if got := w.property(basePath, api.StorageVolumeInterface, "Capacity"); got != size {
			t.Errorf("it has %v bytes, not %d", got, size)
		}
	}
	if _, err := w.doing(basePath, "StorageVolume.Wipe"); err != nil || bytes.Contains(w.hv.Content(poolUUID, "base.qcow2"), []byte("base")) {
		t.Errorf("it was not wiped: %v", err)
	}
	if _, err := w.doing(basePath, "StorageVolume.Delete"); err != nil || w.has("base.qcow2") || len(w.hv.Volumes()) != 0 {
		t.Errorf("it is still there: %v", err)
	}
	if got := errorName(w.call(basePath, "StorageVolume.Delete", none()).Err); got != "org.freedesktop.DBus.Error.UnknownObject" {
		t.Errorf("got %v", got)
	}
}

func TestPermissionsOfAVolume(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	var got map[string]string
	if err := w.call(model.Root, "Manager.GetPermissions", dbus.ObjectPath(basePath), none()).Store(&got); err != nil || got["org.kvmmanager.storage.manage"] != "yes" {
		t.Errorf("got %v, %v", got, err)
	}
	checks := w.polkit.Checks()
	if !slices.ContainsFunc(checks, func(c polkittest.Check) bool {
		return c.Details["volume.name"] == "base.qcow2" && c.Details["pool.name"] == "default"
	}) {
		t.Errorf("polkit was told %v", checks)
	}
}

// TestNoVMStartsOnAVolumeThatIsWrittenTo whether its disk has the path or the names.
func TestNoVMStartsOnAVolumeThatIsWrittenTo(t *testing.T) {
	t.Parallel()
	for how, disk := range map[string]*model.Device{
		"a path": {ID: "disk-vda", Kind: model.KindDisk, Target: "vda", Source: "/fake/" + poolUUID + "/base.qcow2"},
		"names":  {ID: "disk-vda", Kind: model.KindDisk, Target: "vda", Pool: "default", Volume: "base.qcow2"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := withVolumes(t)
			vm := fakehv.VM(1, "web")
			vm.Disks = []*model.Device{disk}
			vm.Snapshots = []*model.Snapshot{fakehv.Snapshot("kept")}
			model.LinkSnapshots(vm.UUID, vm.Snapshots, nil)
			w.hv.Put(vm)
			w.await("its disk", func() bool { return len(w.host().Volume(poolUUID, "base.qcow2").UsedBy) == 1 })
			half, goOn := w.held("upload-volume")
			upload := w.job(basePath, "StorageVolume.Upload", file(t, []byte("something else")), none())
			<-half
			w.refused("start", w.call(vmPath, "VM.Start", opts("wait", true)).Err, errs.Busy, "base.qcow2")
			device := opts("kind", "disk", "bus", "virtio", "source", disk.Source)
			if disk.Volume != "" {
				device = opts("kind", "disk", "bus", "virtio", "pool", disk.Pool, "volume", disk.Volume)
			}
			w.refused("plug in", w.call(vmPath, "VM.AddDevice", device, none()).Err, errs.Busy, "base.qcow2")
			w.refused("make a VM", w.create("name", "new", "source", source("kind", "pxe"), "disks", []map[string]dbus.Variant{opts("volume", dbus.ObjectPath(basePath))}), errs.Busy, "base.qcow2")
			w.nothingLeft()
			w.refused("go back", w.call(snapshotPath("kept"), "Snapshot.Revert", opts("wait", true)).Err, errs.Busy, "base.qcow2")
			goOn()
			w.awaitJob(upload, model.JobDone)
			if err := w.call(vmPath, "VM.Start", opts("wait", true)).Err; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAMediumThatIsReadByAJobCanBeReadByAVM(t *testing.T) {
	t.Parallel()
	for kind, refused := range map[model.DeviceKind]bool{model.KindCDROM: false, model.KindDisk: true} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := withVolumes(t)
			vm := fakehv.VM(1, "web")
			vm.Disks = []*model.Device{{ID: "it", Kind: kind, Source: "/fake/" + poolUUID + "/base.qcow2"}}
			w.hv.Put(vm)
			w.await("its disk", func() bool { return len(w.host().Volume(poolUUID, "base.qcow2").UsedBy) == 1 })
			half, goOn := w.held("copy-volume")
			clone := w.job(basePath, "StorageVolume.Clone", "copy.qcow2", none())
			<-half
			switch err := w.call(vmPath, "VM.Start", opts("wait", true)).Err; {
			case refused:
				w.refused("start", err, errs.Busy, "base.qcow2")
			case err != nil:
				t.Error(err)
			}
			goOn()
			w.awaitJob(clone, model.JobDone)
		})
	}
}

// TestAVolumeIsNotWrittenToWhileAVMStarts on it: whoever comes second gives way.
func TestAVolumeIsNotWrittenToWhileAVMStarts(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	vm := fakehv.VM(1, "web")
	vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Source: "/fake/" + poolUUID + "/base.qcow2"}}
	w.hv.Put(vm)
	w.await("its disk", func() bool { return len(w.host().Volume(poolUUID, "base.qcow2").UsedBy) == 1 })
	half, goOn := w.held("resize-volume")
	resize := w.job(basePath, "StorageVolume.Resize", uint64(2<<30), none())
	<-half
	upload := w.job(basePath, "StorageVolume.Upload", file(t, []byte("x")), none()) // waits
	vm.State = model.VMStarting
	w.hv.Put(vm)
	w.await("it starts", func() bool { return w.host().VM(vm.UUID).State.Active() })
	goOn()
	w.awaitJob(resize, model.JobDone)
	w.awaitJob(upload, model.JobFailed)
	if got := string(w.hv.Content(poolUUID, "base.qcow2")); got != "the base" {
		t.Errorf("it holds %q", got)
	}
}

func TestTheFileOfAJobThatNeverBeganIsClosed(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	half, goOn := w.held("resize-volume")
	resize := w.job(basePath, "StorageVolume.Resize", uint64(2<<30), none())
	<-half
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	download := w.job(basePath, "StorageVolume.Download", dbus.UnixFD(to.Fd()), none())
	to.Close()
	if err := w.call(download, "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	w.awaitJob(download, model.JobCancelled)
	if err := from.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	goOn()
	w.awaitJob(resize, model.JobDone)
}

// TestAnUploadThatFailsTakesNothingFromAVM that another tool has started meanwhile.
func TestAnUploadThatFailsTakesNothingFromAVM(t *testing.T) {
	t.Parallel()
	w := withVolumes(t)
	w.hv.Hook("upload-volume", func(context.Context, string) error {
		w.hv.Hook("check-volume", func(context.Context, string) error { return errs.New(errs.DeviceInUse, "It runs.") })
		return errs.New(errs.NoSpace, "No space left on device.")
	})
	w.refused("upload", w.call(basePath, "StorageVolume.Upload", file(t, []byte("something else")), opts("wait", true)).Err, errs.NoSpace)
	if got := string(w.hv.Content(poolUUID, "base.qcow2")); got != "somethi" {
		t.Errorf("it holds %q", got)
	}
}
