package objects_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

const localHost = model.Path("/org/kvmmanager/hosts/local")

var poolUUID = fakehv.UUID(100)

// withStorage is a world with a pool, a network and a volume.
func withStorage(t *testing.T) *world {
	w := newWorld(t)
	w.hv.PutPool(&model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", State: model.PoolRunning, Active: true, Available: 100 << 30})
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(101), Name: "default", Active: true})
	w.hv.PutVolume(poolUUID, inventory.VolumeInfo{Name: "base.qcow2", Format: "qcow2", Capacity: 1 << 30}, []byte("the base"))
	return w.withHost(fakehv.VM(1, "web"))
}

// file is one that the caller has opened.
func file(t *testing.T, content []byte) dbus.UnixFD {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return dbus.UnixFD(f.Fd())
}

// qcow2 is the header of a disk of 1 GiB.
func qcow2(backing uint64) []byte {
	b := make([]byte, 4096)
	copy(b, "QFI\xfb\x00\x00\x00\x03")
	binary.BigEndian.PutUint64(b[8:], backing)
	binary.BigEndian.PutUint64(b[24:], 1<<30)
	return b
}

func source(pairs ...any) map[string]dbus.Variant { return opts(pairs...) }

// create makes a VM and gives the error of its job.
func (w *world) create(pairs ...any) error {
	return w.call(localHost, "Host.CreateVM", opts(pairs...), opts("wait", true)).Err
}

// nothingLeft wants that there is just what was there before.
func (w *world) nothingLeft() {
	w.t.Helper()
	if got := w.hv.Volumes(); !slices.Equal(got, []string{poolUUID + "/base.qcow2"}) {
		w.t.Errorf("volumes are left: %v", got)
	}
	if got := len(w.service.Inventory().Hosts()[0].VMs()); got != 1 {
		w.t.Errorf("there are %d VMs", got)
	}
}

func TestAVMIsMadeOfEachSource(t *testing.T) {
	t.Parallel()
	image := qcow2(0)
	for name, tt := range map[string]struct {
		spec    []any
		state   model.VMState
		disks   []string // kind, target and file
		volumes []string
	}{
		"nothing":           {[]any{"disk-size", uint64(5 << 30)}, model.VMShutOff, []string{"disk sda new & <b>.qcow2"}, []string{"new & <b>.qcow2"}},
		"no disk":           {[]any{"disks", []map[string]dbus.Variant{}}, model.VMShutOff, nil, nil},
		"the network":       {[]any{"source", source("kind", "pxe")}, model.VMRunning, []string{"disk sda new & <b>.qcow2"}, []string{"new & <b>.qcow2"}},
		"a medium":          {[]any{"source", source("kind", "iso", "fd", file(t, []byte("an ISO image")))}, model.VMRunning, []string{"disk sda new & <b>.qcow2", "cdrom sdb new & <b>.iso"}, []string{"new & <b>.iso", "new & <b>.qcow2"}},
		"an address":        {[]any{"source", source("kind", "url", "url", "https://a.example/x%20&%3Cb%3E.iso")}, model.VMRunning, []string{"disk sda new & <b>.qcow2", "cdrom sdb x%20&%3Cb%3E.iso"}, []string{"new & <b>.qcow2"}},
		"a disk":            {[]any{"source", source("kind", "image", "fd", file(t, image))}, model.VMRunning, []string{"disk sda new & <b>.qcow2"}, []string{"new & <b>.qcow2"}},
		"a volume":          {[]any{"source", source("kind", "image", "volume", volumePath("base.qcow2"))}, model.VMRunning, []string{"disk sda base.qcow2"}, nil},
		"a volume's copy":   {[]any{"source", source("kind", "image", "copy", true, "volume", volumePath("base.qcow2"))}, model.VMRunning, []string{"disk sda new & <b>.qcow2"}, []string{"new & <b>.qcow2"}},
		"a cloud image":     {[]any{"source", source("kind", "cloud", "volume", volumePath("base.qcow2"))}, model.VMRunning, []string{"disk vda new & <b>.qcow2", "cdrom sda new & <b>-cloud-init.iso"}, []string{"new & <b>-cloud-init.iso", "new & <b>.qcow2"}},
		"a file in place":   {[]any{"source", source("kind", "image", "path", "/srv/a.qcow2", "format", "qcow2")}, model.VMRunning, []string{"disk sda a.qcow2"}, nil},
		"user networking":   {[]any{"networks", []map[string]dbus.Variant{opts("user", true, "port-forwards", []map[string]dbus.Variant{opts("protocol", "tcp", "host-port", uint32(2222))})}}, model.VMShutOff, []string{"disk sda new & <b>.qcow2"}, []string{"new & <b>.qcow2"}},
		"not to be started": {[]any{"start", false, "source", source("kind", "pxe")}, model.VMShutOff, []string{"disk sda new & <b>.qcow2"}, []string{"new & <b>.qcow2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withStorage(t)
			if err := w.create(append(tt.spec, "name", "new & <b>")...); err != nil {
				t.Fatal(err)
			}
			vm := w.service.Inventory().Hosts()[0].FindVM("new & <b>")
			if vm == nil || vm.State != tt.state || len(vm.Interfaces) != 1 {
				t.Fatalf("the VM is %+v", vm)
			}
			if nic := vm.Interfaces[0]; name == "user networking" {
				if want := []model.PortForward{{Protocol: "tcp", HostPort: 2222, GuestPort: 2222}}; nic.Type != "user" || !slices.Equal(nic.PortForwards, want) {
					t.Errorf("the interface is %+v", nic)
				}
			} else if nic.NetworkName != "default" {
				t.Errorf("the interface is %+v", nic)
			}
			var disks []string
			for _, d := range vm.Disks {
				disks = append(disks, string(d.Kind)+" "+d.Target+" "+d.Source[strings.LastIndex(d.Source, "/")+1:])
			}
			if !slices.Equal(disks, tt.disks) {
				t.Errorf("the disks are %q, want %q", disks, tt.disks)
			}
			var made []string
			for _, v := range w.hv.Volumes() {
				if name := strings.TrimPrefix(v, poolUUID+"/"); name != "base.qcow2" {
					made = append(made, name)
				}
			}
			if !slices.Equal(made, tt.volumes) {
				t.Errorf("the volumes are %q, want %q", made, tt.volumes)
			}
			if name == "a disk" && !bytes.Equal(w.hv.Content(poolUUID, "new & <b>.qcow2"), image) {
				t.Error("the copy differs")
			}
		})
	}
}

func volumePath(name string) dbus.ObjectPath {
	return dbus.ObjectPath(model.PoolPath(poolUUID) + "/volumes/" + model.Path(model.EscapeName(name)))
}

func TestWhatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hook string
		fd   []byte
		want errs.Kind
	}{
		"the second volume":       {"make-volume", qcow2(0), errs.NoSpace},
		"the copy":                {"fill-volume", qcow2(0), errs.NoSpace},
		"the definition":          {"define", qcow2(0), errs.NoSpace},
		"the start":               {"start", qcow2(0), errs.NoSpace},
		"a layer over a file":     {"", qcow2(4096), errs.NotSupported},
		"a disk of other files":   {"", []byte("KDMV and more"), errs.NotSupported},
		"what became another one": {"", []byte("# Disk DescriptorFile"), errs.NotSupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withStorage(t)
			if tt.hook != "" {
				w.hv.Hook(tt.hook, func(_ context.Context, id string) error {
					if tt.hook == "make-volume" && !strings.HasSuffix(id, "-1.qcow2") {
						return nil
					}
					return errs.New(errs.NoSpace, "There is no space.")
				})
			}
			err := w.create("name", "new", "source", source("kind", "image", "fd", file(t, tt.fd)),
				"disks", []map[string]dbus.Variant{{"size": dbus.MakeVariant(uint64(1 << 30))}})
			if got := errorName(err); got != tt.want.DBusName() {
				t.Errorf("got %v", err)
			}
			w.nothingLeft()
		})
	}
}

func TestAVolumeThatNamesAFileOfTheHostIsNoDisk(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.hv.PutOverlay(poolUUID, inventory.VolumeInfo{Name: "foreign", Format: "qcow2", Capacity: 1 << 20}, "/etc/shadow")
	w.hv.PutOverlay(poolUUID, inventory.VolumeInfo{Name: "overlay", Format: "qcow2", Capacity: 1 << 20}, "/fake/"+poolUUID+"/base.qcow2")
	w.hv.PutOverlay(poolUUID, inventory.VolumeInfo{Name: "guest", Format: "raw", Capacity: 1 << 20}, "/etc/shadow")
	disk := func(name string) []map[string]dbus.Variant {
		return []map[string]dbus.Variant{opts("volume", volumePath(name))}
	}
	for name, tt := range map[string]struct {
		spec []any
		want string
	}{
		"a source":               {[]any{"source", source("kind", "image", "volume", volumePath("foreign"))}, errs.NotSupported.DBusName()},
		"one that is said to be": {[]any{"source", source("kind", "image", "volume", volumePath("guest"), "format", "qcow2")}, errs.NotSupported.DBusName()},
		"a cloud image in place": {[]any{"source", source("kind", "cloud", "volume", volumePath("foreign"), "copy", false)}, errs.NotSupported.DBusName()},
		"a disk":                 {[]any{"disks", disk("foreign")}, errs.NotSupported.DBusName()},
		"a raw source":           {[]any{"source", source("kind", "image", "volume", volumePath("foreign"), "format", "raw")}, ""},
		"a raw disk":             {[]any{"disks", disk("guest")}, ""},
		"a layer":                {[]any{"disks", disk("overlay")}, ""},
	} {
		if got := errorName(w.create(append(tt.spec, "name", name)...)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestAVMThatSomebodyElseStartsKeepsItsDisks although the creation then cannot.
func TestAVMThatSomebodyElseStartsKeepsItsDisks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hook string
		want string
	}{
		"before the start": {"start", ""},
		"before the end":   {"set-autostart", errs.NoSpace.DBusName()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withStorage(t)
			w.hv.Hook(tt.hook, func(context.Context, string) error {
				if tt.want != "" {
					return errs.New(errs.NoSpace, "There is no space.")
				}
				return errs.New(errs.InvalidState, "It is running already.")
			})
			w.hv.Hook("delete", func(context.Context, string) error { return errs.New(errs.InvalidState, "It runs.") })
			err := w.create("name", "new", "autostart", true, "source", source("kind", "image", "fd", file(t, qcow2(0))))
			if got := errorName(err); got != tt.want {
				t.Errorf("got %v", err)
			}
			if got := w.hv.Volumes(); len(got) != 2 || w.host().FindVM("new") == nil {
				t.Errorf("the volumes are %v", got)
			}
		})
	}
}

func TestACancelledCopyLeavesNothing(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	copying := make(chan struct{})
	w.hv.Hook("fill-volume", func(ctx context.Context, _ string) error {
		close(copying)
		<-ctx.Done()
		return ctx.Err()
	})
	var path dbus.ObjectPath
	spec := opts("name", "new", "source", source("kind", "image", "fd", file(t, qcow2(0))))
	if err := w.call(localHost, "Host.CreateVM", spec, none()).Store(&path); err != nil {
		t.Fatal(err)
	}
	<-copying
	if err := w.call(model.Path(path), "Job.Cancel", none()).Err; err != nil {
		t.Fatal(err)
	}
	w.awaitJob(model.Path(path), model.JobCancelled)
	w.nothingLeft()
}

// awaitJob waits for a job's end.
func (w *world) awaitJob(path model.Path, want model.JobState) {
	w.t.Helper()
	signals := make(chan *dbus.Signal, 64)
	w.conn.Signal(signals)
	if err := w.conn.AddMatchSignal(dbus.WithMatchMember("Completed")); err != nil {
		w.t.Fatal(err)
	}
	for {
		state := model.JobState(w.property(path, "org.kvmmanager.Job", "State").(string))
		if state.Ended() {
			if state != want {
				w.t.Errorf("the job is %s: %v", state, w.property(path, "org.kvmmanager.Job", "ErrorMessage"))
			}
			return
		}
		select {
		case <-signals:
		case <-w.ctx.Done():
			w.t.Fatal("the job does not end")
		}
	}
}

func TestAPlanChangesNothingAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(101), Name: "default"})
	w.hv.PutPool(&model.StoragePool{UUID: poolUUID, Name: "default", Kind: "dir", State: model.PoolInactive})
	if err := w.service.Inventory().Hosts()[0].RefreshPool(w.ctx, poolUUID); err != nil {
		t.Fatal(err)
	}
	var plan map[string]dbus.Variant
	spec := opts("name", "web", "memory", uint64(1<<40), "secure-boot", true, "tpm", true, "source", source("kind", "cloud", "volume", volumePath("base.qcow2")),
		"cloud-init", opts("password", "secret-word"))
	if err := w.call(localHost, "Host.PlanVM", spec, none()).Store(&plan); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range plan["problems"].Value().([]map[string]dbus.Variant) {
		found = append(found, p["id"].Value().(string))
	}
	for _, want := range []string{"name", "memory", "secure-boot", "tpm", "storage"} {
		if !slices.Contains(found, want) {
			t.Errorf("nothing is said about the %s: %v", want, found)
		}
	}
	if strings.Contains(dbus.MakeVariant(plan).String(), "secret-word") {
		t.Error("the plan repeats the password")
	}
	if got := errorName(w.call(localHost, "Host.CreateVM", spec, none()).Err); got != errs.AlreadyExists.DBusName() {
		t.Errorf("to create it gives %v", got)
	}
	w.nothingLeft()
}

func TestAPlanSaysWhatIsWrongWithAnAddress(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	problems := func(address string) []string {
		var plan map[string]dbus.Variant
		if err := w.call(localHost, "Host.PlanVM", opts("name", "new", "source", source("kind", "url", "url", address)), none()).Store(&plan); err != nil {
			t.Fatal(err)
		}
		var found []string
		list, _ := plan["problems"].Value().([]map[string]dbus.Variant)
		for _, p := range list {
			if p["id"].Value() == "source" {
				found = append(found, p["status"].Value().(string)+": "+p["message"].Value().(string)+" "+p["hint"].Value().(string))
			}
		}
		return found
	}
	if found := problems("https://a.example/x.iso"); found != nil {
		t.Errorf("a good one: %q", found)
	}
	if found := problems("http://a.example/x.iso"); len(found) != 1 || !strings.Contains(found[0], "warning: The installer comes over an unprotected connection") {
		t.Errorf("an unprotected one: %q", found)
	}
	w.hv.SetCapabilities(model.Capabilities{DomainTypes: []string{"fake"}})
	if found := problems("https://a.example/x.iso"); len(found) != 1 || !strings.HasPrefix(found[0], "error: ") || !strings.Contains(found[0], "qemu-block-extra") {
		t.Errorf("a host that cannot read it: %q", found)
	}
	if err := w.create("name", "new", "source", source("kind", "url", "url", "https://a.example/x.iso")); errorName(err) != errs.NotSupported.DBusName() {
		t.Errorf("there it is made: %v", err)
	}
	w.nothingLeft()
}

func TestASpecThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for name, tt := range map[string]struct {
		spec map[string]dbus.Variant
		want errs.Kind
	}{
		"without a name":       {opts(), errs.InvalidArgument},
		"an unknown key":       {opts("name", "a", "nmae", "b"), errs.InvalidArgument},
		"a pipe":               {opts("name", "a", "source", source("kind", "iso", "fd", dbus.UnixFD(read.Fd()))), errs.InvalidArgument},
		"an unknown volume":    {opts("name", "a", "source", source("kind", "iso", "volume", volumePath("none.iso"))), errs.NotFound},
		"a path out of a pool": {opts("name", "a", "source", source("kind", "iso", "volume", volumePath("../x"))), errs.NotFound},
		"an unknown pool":      {opts("name", "a", "disks", []map[string]dbus.Variant{{"pool": dbus.MakeVariant(dbus.ObjectPath("/x"))}}), errs.NotFound},
		"a secret address":     {opts("name", "a", "source", source("kind", "url", "url", "https://a:b@a.example/x.iso")), errs.InvalidArgument},
		"a folder":             {opts("name", "a", "source", source("kind", "url", "url", "https://a.example/debian/")), errs.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			if got := errorName(w.call(localHost, "Host.CreateVM", tt.spec, none()).Err); got != tt.want.DBusName() {
				t.Errorf("got %v", got)
			}
		})
	}
	w.nothingLeft()
}

func TestAFileOfTheHostNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	if err := w.create("name", "new", "source", source("kind", "iso", "path", "/srv/a.iso")); err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, check := range w.polkit.Checks() {
		asked = append(asked, check.Action)
		if check.Details["vm.name"] != "new" {
			t.Errorf("polkit was not told the name: %v", check.Details)
		}
	}
	if !slices.Contains(asked, "org.kvmmanager.vm.create") || !slices.Contains(asked, "org.kvmmanager.host-path.use") {
		t.Errorf("polkit was asked for %v", asked)
	}
}
