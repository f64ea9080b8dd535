package objects_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/polkittest"
	"org.kvmmanager/service/inventory"
)

const (
	needsPassword = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
	stopped       = "off"
	live          = "on"
)

// snapshotOfOff is the snapshot that the VM of the matrix has unless it runs.
var snapshotOfOff = string(model.SnapshotPath(fakehv.UUID(1), "kept"))

// The pool and the volume that are there in any case.
var (
	activePool = string(model.PoolPath(fakehv.UUID(201)))
	freeVolume = string(model.VolumePath(fakehv.UUID(201), "free"))
)

// nullFile is a plain file to read from and to write to.
var nullFile = plainFile()

func plainFile() *os.File {
	f, err := os.CreateTemp("", "kvm-manager-*")
	if err != nil {
		panic(err)
	}
	_ = os.Remove(f.Name())
	_, _ = f.WriteString("content")
	return f
}

// goodCalls is one call of every method that would succeed for somebody with
// the right, on a VM in the state that it needs.
var goodCalls = map[string]struct {
	action string
	object string // off, on: a VM in this state; else a path
	args   []any
}{
	"Manager.AddHost":               {"org.kvmmanager.host.manage", "/org/kvmmanager", []any{"new", "test:///default"}},
	"Manager.GetObjects":            {"org.kvmmanager.read", "/org/kvmmanager", []any{dbus.ObjectPath("/")}},
	"Manager.GetWholeProperties":    {"org.kvmmanager.read", "/org/kvmmanager", []any{dbus.ObjectPath("/org/kvmmanager/hosts/local"), "org.kvmmanager.Host"}},
	"Manager.GetPermissions":        {"", "/org/kvmmanager", []any{dbus.ObjectPath("/org/kvmmanager")}},
	"Manager.GetPermissionsOf":      {"", "/org/kvmmanager", []any{[]dbus.ObjectPath{"/org/kvmmanager"}}},
	"Manager.RemoveHost":            {"org.kvmmanager.host.manage", "/org/kvmmanager", []any{dbus.ObjectPath("/org/kvmmanager/hosts/spare")}},
	"Manager.SubscribeStatistics":   {"org.kvmmanager.read", "/org/kvmmanager", []any{uint32(60_000)}},
	"Manager.UnsubscribeStatistics": {"", "/org/kvmmanager", nil},
	"Host.CheckHealth":              {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", nil},
	"Host.CreateStoragePool":        {"org.kvmmanager.storage.manage", "/org/kvmmanager/hosts/local", []any{opts("name", "tank 2")}},
	"Host.CreateVM":                 {"org.kvmmanager.vm.create", "/org/kvmmanager/hosts/local", []any{opts("name", "fresh", "disks", []map[string]dbus.Variant{})}},
	"Host.DefineXML":                {"org.kvmmanager.vm.edit-xml", "/org/kvmmanager/hosts/local", []any{"another"}},
	"Host.FindVM":                   {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", []any{"off"}},
	"Host.GetCapabilities":          {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", nil},
	"Host.GetStatistics":            {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", nil},
	"Host.ListNetworks":             {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", nil},
	"Host.ListStoragePools":         {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", nil},
	"Host.ListVMs":                  {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", nil},
	"Host.PlanVM":                   {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", []any{opts("name", "fresh")}},
	"Host.Reconnect":                {"org.kvmmanager.read", "/org/kvmmanager/hosts/local", nil},
	"Host.CreateNetwork":            {"org.kvmmanager.network.manage", "/org/kvmmanager/hosts/local", []any{opts("name", "fresh")}},
	"Network.AddDHCPHost":           {"org.kvmmanager.network.manage", string(model.NetworkPath(fakehv.UUID(100))), []any{opts("mac", "52:54:00:00:00:01", "address", "10.1.0.9")}},
	"Network.Configure":             {"org.kvmmanager.network.manage", string(model.NetworkPath(fakehv.UUID(100))), []any{opts("domain", "lab.test")}},
	"Network.GetLeases":             {"org.kvmmanager.read", string(model.NetworkPath(fakehv.UUID(100))), nil},
	"Network.RemoveDHCPHost":        {"org.kvmmanager.network.manage", string(model.NetworkPath(fakehv.UUID(100))), []any{opts("mac", "52:54:00:00:00:01")}},
	"Network.Delete":                {"org.kvmmanager.network.manage", string(model.NetworkPath(fakehv.UUID(100))), nil},
	"Network.SetAutostart":          {"org.kvmmanager.network.manage", string(model.NetworkPath(fakehv.UUID(100))), []any{true}},
	"Network.Start":                 {"org.kvmmanager.network.manage", string(model.NetworkPath(fakehv.UUID(100))), nil},
	"Network.Stop":                  {"org.kvmmanager.network.manage", string(model.NetworkPath(fakehv.UUID(101))), nil},
	"StoragePool.Start":             {"org.kvmmanager.storage.manage", string(model.PoolPath(fakehv.UUID(200))), nil},
	"StoragePool.CreateVolume":      {"org.kvmmanager.storage.manage", activePool, []any{opts("name", "new", "capacity", uint64(1<<20))}},
	"StoragePool.Delete":            {"org.kvmmanager.storage.manage", activePool, nil},
	"StoragePool.Refresh":           {"org.kvmmanager.storage.manage", activePool, nil},
	"StoragePool.SetAutostart":      {"org.kvmmanager.storage.manage", activePool, []any{true}},
	"StoragePool.Stop":              {"org.kvmmanager.storage.manage", activePool, nil},
	"StorageVolume.Clone":           {"org.kvmmanager.storage.manage", freeVolume, []any{"copy"}},
	"StorageVolume.Delete":          {"org.kvmmanager.storage.manage", freeVolume, nil},
	"StorageVolume.Download":        {"org.kvmmanager.storage.manage", freeVolume, []any{dbus.UnixFD(int(nullFile.Fd()))}},
	"StorageVolume.Resize":          {"org.kvmmanager.storage.manage", freeVolume, []any{uint64(1 << 30)}},
	"StorageVolume.Upload":          {"org.kvmmanager.storage.manage", freeVolume, []any{dbus.UnixFD(int(nullFile.Fd()))}},
	"StorageVolume.Wipe":            {"org.kvmmanager.storage.manage", freeVolume, nil},
	"Snapshot.Delete":               {"org.kvmmanager.vm.snapshot", snapshotOfOff, nil},
	"Snapshot.GetScreenshot":        {"org.kvmmanager.vm.console", snapshotOfOff, nil},
	"Snapshot.Revert":               {"org.kvmmanager.vm.snapshot", snapshotOfOff, nil},
	"Snapshot.SetDescription":       {"org.kvmmanager.vm.snapshot", snapshotOfOff, []any{"text"}},
	"VM.CheckStart":                 {"org.kvmmanager.read", stopped, nil},
	"VM.Clone":                      {"org.kvmmanager.vm.create", "template", []any{"clone"}},
	"VM.AddDevice":                  {"org.kvmmanager.vm.configure", live, []any{opts("kind", "rng")}},
	"VM.Configure":                  {"org.kvmmanager.vm.configure", stopped, []any{opts("cpu-mode", "host-model")}},
	"VM.MoveDisk":                   {"org.kvmmanager.vm.configure", "with a disk", []any{"disk-vda", dbus.ObjectPath(activePool)}},
	"VM.RemoveDevice":               {"org.kvmmanager.vm.configure", stopped, []any{"rng-0"}},
	"VM.ResizeDisk":                 {"org.kvmmanager.vm.configure", stopped, []any{"disk-vda", uint64(1 << 30)}},
	"VM.SetBootOrder":               {"org.kvmmanager.vm.configure", stopped, []any{[]string{"disk-vda"}}},
	"VM.UpdateDevice":               {"org.kvmmanager.vm.configure", stopped, []any{"rng-0", opts("source", "")}},
	"VM.CreateSnapshot":             {"org.kvmmanager.vm.snapshot", stopped, []any{"before"}},
	"VM.Delete":                     {"org.kvmmanager.vm.delete", stopped, nil},
	"VM.DiscardSavedState":          {"org.kvmmanager.vm.control", stopped, nil},
	"VM.GetXML":                     {"org.kvmmanager.read", stopped, nil},
	"VM.OpenConsole":                {"org.kvmmanager.vm.console", live, []any{""}},
	"VM.OpenDisplay":                {"org.kvmmanager.vm.console", live, []any{uint32(0)}},
	"VM.Pause":                      {"org.kvmmanager.vm.control", live, nil},
	"VM.PowerOff":                   {"org.kvmmanager.vm.control", live, nil},
	"VM.Reboot":                     {"org.kvmmanager.vm.control", live, nil},
	"VM.Rename":                     {"org.kvmmanager.vm.configure", stopped, []any{"other"}},
	"VM.Reset":                      {"org.kvmmanager.vm.control", live, nil},
	"VM.Resume":                     {"org.kvmmanager.vm.control", "paused", nil},
	"VM.Save":                       {"org.kvmmanager.vm.control", live, nil},
	"VM.SendKeys":                   {"org.kvmmanager.vm.console", live, []any{[]string{"KEY_A"}}},
	"VM.SetAutostart":               {"org.kvmmanager.vm.configure", stopped, []any{true}},
	"VM.SetDescription":             {"org.kvmmanager.vm.configure", stopped, []any{"text"}},
	"VM.SetMemory":                  {"org.kvmmanager.vm.configure", stopped, []any{uint64(2 << 30)}},
	"VM.SetTags":                    {"org.kvmmanager.vm.configure", stopped, []any{[]string{"a"}}},
	"VM.SetTemplate":                {"org.kvmmanager.vm.configure", stopped, []any{true}},
	"VM.SetTitle":                   {"org.kvmmanager.vm.configure", stopped, []any{"title"}},
	"VM.SetVCPUs":                   {"org.kvmmanager.vm.configure", stopped, []any{uint32(3)}},
	"VM.SetXML":                     {"org.kvmmanager.vm.edit-xml", stopped, []any{"renamed"}},
	"VM.Shutdown":                   {"org.kvmmanager.vm.control", live, nil},
	"VM.Start":                      {"org.kvmmanager.vm.control", stopped, nil},
	"VM.TakeScreenshot":             {"org.kvmmanager.vm.console", live, nil},
	"VM.Guest.FreezeFilesystems":    {"org.kvmmanager.vm.guest", "guest", nil},
	"VM.Guest.GetInfo":              {"org.kvmmanager.vm.guest", "guest", nil},
	"VM.Guest.ThawFilesystems":      {"org.kvmmanager.vm.guest", "guest", nil},
	"VM.Guest.TrimFilesystems":      {"org.kvmmanager.vm.guest", "guest", nil},
	// Job.Cancel has a test of its own: its action depends on who started the job.
}

func TestEveryMethodOfTheXMLIsInTheAccessMatrix(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, doc := range api.XML() {
		ifaces, err := bus.ParseInterfaces(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range ifaces {
			for _, m := range i.Methods {
				declared[strings.TrimPrefix(i.Name, "org.kvmmanager.")+"."+m.Name] = true
			}
		}
	}
	delete(declared, "Job.Cancel")
	delete(declared, "Job.Wait")
	for name := range declared {
		if _, ok := goodCalls[name]; !ok {
			t.Errorf("%s has no line in the matrix", name)
		}
	}
	for name := range goodCalls {
		if !declared[name] {
			t.Errorf("%s is not in the XML", name)
		}
	}
}

// TestAccessMatrix calls every method as root, as somebody whom polkit allows,
// whom it does not, who dismisses the dialog, and who is not there to be asked.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	const interactive = dbus.FlagAllowInteractiveAuthorization
	callers := map[string]struct {
		uid   int
		flags dbus.Flags
		want  string // the error where an action is needed
	}{
		"root":            {0, 0, ""},
		"alice":           {aliceUID, 0, ""},
		"bob":             {bobUID, 0, errs.NotAuthorized.DBusName()},
		"bob at a screen": {bobUID, interactive, errs.NotAuthorized.DBusName()},
		"dismissed":       {bobUID + 1, interactive, errs.AuthenticationDismissed.DBusName()},
		"non-interactive": {bobUID + 1, 0, needsPassword},
		"password typed":  {bobUID + 2, interactive, ""},
	}
	rules := []polkittest.Rule{
		{UIDs: []uint32{0, aliceUID}, Answer: polkittest.Yes},
		{UIDs: []uint32{bobUID + 1}, Answer: polkittest.Dismiss},
		{UIDs: []uint32{bobUID + 2}, Answer: polkittest.Authenticate},
		{Answer: polkittest.No},
	}
	for name, caller := range callers {
		for method, call := range goodCalls {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, rules...)
				path := w.objectFor(call.object)
				before := len(w.hv.Calls())
				args := append(slices.Clone(call.args), none())
				conn := w.as(caller.uid)
				err := (<-w.callWith(conn, caller.flags, path, method, args...)).Err
				want := caller.want
				if call.action == "" {
					want = ""
				}
				if got := errorName(err); got != want {
					t.Errorf("got %q (%v), want %q", got, err, want)
				}
				if want != "" && len(w.hv.Calls()) != before {
					t.Errorf("a refused call reached the hypervisor: %v", w.hv.Calls()[before:])
				}
				w.checkAsked(call.action)
			})
		}
	}
}

// objectFor makes the world that a call needs, and says what to call.
func (w *world) objectFor(object string) model.Path {
	w.t.Helper()
	vm := fakehv.VM(1, "off")
	vm.Devices = []*model.Device{{ID: "rng-0", Kind: model.KindRNG}}
	switch object {
	case live:
		vm = running(1, "on")
	case "with a disk":
		vm.Disks = []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Target: "vda", Source: "/home/alice/a.img"}}
	case "template":
		vm.Template = true
	case "guest":
		vm = running(1, "guest")
		vm.GuestAgent = model.AgentConnected
	case "paused":
		vm = running(1, "paused")
		vm.State = model.VMPaused
	default:
		vm.HasSavedState = true
		vm.Snapshots = []*model.Snapshot{fakehv.Snapshot("kept")}
		model.LinkSnapshots(vm.UUID, vm.Snapshots, nil)
		if err := w.shots.Put(vm.UUID, vm.Snapshots[0], []byte(fakehv.Screen)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(100), Name: "lan", Mode: "nat", Persistent: true})
	w.hv.PutNetwork(&model.Network{UUID: fakehv.UUID(101), Name: "wan", Persistent: true, Active: true})
	w.hv.PutPool(&model.StoragePool{UUID: fakehv.UUID(200), Name: "tank", State: model.PoolInactive, Persistent: true})
	w.hv.PutPool(&model.StoragePool{UUID: fakehv.UUID(201), Name: "lake", Kind: "dir", Active: true, State: model.PoolRunning, Persistent: true})
	w.hv.PutVolume(fakehv.UUID(201), inventory.VolumeInfo{Name: "free", Format: "raw", Capacity: 1 << 20}, []byte("content"))
	w.withHost(vm)
	if err := w.host().RefreshVolumes(w.ctx, fakehv.UUID(201)); err != nil {
		w.t.Fatal(err)
	}
	spare, err := w.service.Inventory().Add("spare", "fake:///spare")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := spare.AwaitState(w.ctx, func(s model.ConnectionState) bool { return s == model.Connected }); err != nil {
		w.t.Fatal(err)
	}
	if strings.HasPrefix(object, "/") {
		return model.Path(object)
	}
	return vm.Path()
}

// checkAsked checks that polkit was asked for just this action, with details.
func (w *world) checkAsked(action string) {
	w.t.Helper()
	checks := w.polkit.Checks()
	for _, check := range checks {
		if action == "" && check.Details["verb"] == "GetPermissions" {
			continue
		}
		if check.Details["verb"] == "GetXML" && check.Action != action {
			// Whether the caller gets all of it; a right of its own.
			if !slices.Contains(rightsToWhole, check.Action) || check.Interactive {
				w.t.Errorf("polkit was asked %+v", check)
			}
			continue
		}
		if check.Action != action {
			w.t.Errorf("polkit was asked for %s instead of %q", check.Action, action)
		}
		if strings.HasPrefix(action, "org.kvmmanager.vm.") && action != "org.kvmmanager.vm.edit-xml" && action != "org.kvmmanager.vm.create" && check.Details["vm.uuid"] != fakehv.UUID(1) {
			w.t.Errorf("polkit was not told which VM: %v", check.Details)
		}
		if check.Details["polkit.message"] == "" || check.Details["polkit.gettext_domain"] != "kvm-manager" {
			w.t.Errorf("the dialog has no text of its own: %v", check.Details)
		}
	}
	if action != "" && len(checks) == 0 {
		w.t.Errorf("polkit was not asked for %s", action)
	}
}

// rightsToWhole are the actions with which a caller gets all of a definition.
var rightsToWhole = []string{"org.kvmmanager.vm.configure", "org.kvmmanager.vm.console", "org.kvmmanager.vm.edit-xml"}

func TestReadingSecretsNeedsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.secrets.read", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	w.withHost(fakehv.VM(1, "web"))
	if err := w.call(vmPath, "VM.GetXML", none()).Err; err != nil {
		t.Error(err)
	}
	if got := errorName(w.call(vmPath, "VM.GetXML", opts("secrets", true)).Err); got != errs.NotAuthorized.DBusName() {
		t.Errorf("got %v", got)
	}
}

// TestTheWholeDefinitionIsForThoseWhoMayChangeOrSeeTheVM: others get it without
// what may hold secrets.
func TestTheWholeDefinitionIsForThoseWhoMayChangeOrSeeTheVM(t *testing.T) {
	t.Parallel()
	for action, whole := range map[string]bool{
		"org.kvmmanager.vm.configure": true, "org.kvmmanager.vm.console": true, "org.kvmmanager.vm.edit-xml": true,
		"org.kvmmanager.vm.control": false, "org.kvmmanager.vm.create": false, "org.kvmmanager.storage.manage": false,
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t,
				polkittest.Rule{Action: "org.kvmmanager.read", Answer: polkittest.Yes},
				polkittest.Rule{Action: action, Details: map[string]string{"vm.name": "web"}, Answer: polkittest.Yes},
				polkittest.Rule{Answer: polkittest.Authenticate})
			w.withHost(fakehv.VM(1, "web"), fakehv.VM(2, "other"))
			for path, whole := range map[model.Path]bool{vmPath: whole, model.VMPath(fakehv.UUID(2)): false} {
				var xml string
				if err := w.call(path, "VM.GetXML", none()).Store(&xml); err != nil {
					t.Fatal(err)
				}
				if got := strings.Contains(xml, fakehv.Secret); got != whole {
					t.Errorf("%s: the secret is there: %v, want %v\n%s", path, got, whole, xml)
				}
			}
		})
	}
}

// saving has alice save a VM, which does not end, and bob beside her.
func (w *world) saving() (alice, bob *dbus.Conn, job dbus.ObjectPath) {
	w.t.Helper()
	w.withHost(running(1, "web"))
	w.blockSave()
	alice, bob = w.as(aliceUID), w.as(bobUID)
	if err := w.object(alice, vmPath).Call("org.kvmmanager.VM.Save", 0, none()).Store(&job); err != nil {
		w.t.Fatal(err)
	}
	return alice, bob, job
}

func TestOthersJobsNeedARightToCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.job.cancel-other", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	alice, bob, job := w.saving()
	if got := errorName(w.object(bob, model.Path(job)).Call("org.kvmmanager.Job.Cancel", 0, none()).Err); got != errs.NotAuthorized.DBusName() {
		t.Errorf("bob cancels alice's job: %v", got)
	}
	if got := errorName(w.object(alice, model.Path(job)).Call("org.kvmmanager.Job.Cancel", 0, none()).Err); got != "" {
		t.Errorf("alice cancels her own job: %v", got)
	}
}

// TestWhoClonesIsAskedAboutTheNewVM when it is about making it, and about the
// original when it is about reading that.
func TestWhoClonesIsAskedAboutTheNewVM(t *testing.T) {
	t.Parallel()
	w := newWorld(t,
		polkittest.Rule{Action: "org.kvmmanager.vm.create", Details: map[string]string{"vm.name": "dev-2", "source.name": "base"}, Answer: polkittest.Yes},
		polkittest.Rule{Action: "org.kvmmanager.storage.manage", Details: map[string]string{"vm.name": "base", "vm.uuid": fakehv.UUID(1)}, Answer: polkittest.Yes},
		polkittest.Rule{Answer: polkittest.No})
	w.withHost(fakehv.VM(1, "base"))
	for name, want := range map[string]string{"dev-2": "", "prod": errs.NotAuthorized.DBusName(), "base": errs.NotAuthorized.DBusName(), "\x01": errs.NotAuthorized.DBusName()} {
		if got := errorName(w.call(vmPath, "VM.Clone", name, none()).Err); got != want {
			t.Errorf("as %q: %q, want %q", name, got, want)
		}
	}
}

func TestOnesOwnJobCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{Action: "org.kvmmanager.job.cancel-other", Answer: polkittest.No}, polkittest.Rule{Answer: polkittest.Yes})
	alice, bob, job := w.saving()
	for conn, want := range map[*dbus.Conn]string{alice: "yes", bob: "no"} {
		var got map[string]string
		if err := w.object(conn, model.Root).Call("org.kvmmanager.Manager.GetPermissions", 0, job, none()).Store(&got); err != nil || got["org.kvmmanager.job.cancel-other"] != want {
			t.Errorf("got %v, %v, want %s", got, err, want)
		}
	}
}

func TestPermissionsTellWhatACallerMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t,
		polkittest.Rule{Action: "org.kvmmanager.vm.control", Details: map[string]string{"vm.name": "dev-1"}, Answer: polkittest.Yes},
		polkittest.Rule{Action: "org.kvmmanager.vm.control", Answer: polkittest.Authenticate},
		polkittest.Rule{Answer: polkittest.No})
	w.withHost(fakehv.VM(1, "dev-1"), fakehv.VM(2, "prod"))
	for path, want := range map[model.Path]string{vmPath: "yes", model.VMPath(fakehv.UUID(2)): "auth"} {
		var got map[string]string
		if err := w.call(model.Root, "Manager.GetPermissions", dbus.ObjectPath(path), none()).Store(&got); err != nil {
			t.Fatal(err)
		}
		if got["org.kvmmanager.vm.control"] != want || got["org.kvmmanager.vm.delete"] != "no" {
			t.Errorf("%s: %v", path, got)
		}
	}
	for path, actions := range map[model.Path][]string{vmPath: {"network.manage", "storage.manage"}, localHost: {"host-device.assign", "host-path.use"}} {
		var got map[string]string
		if err := w.call(model.Root, "Manager.GetPermissions", dbus.ObjectPath(path), none()).Store(&got); err != nil {
			t.Fatal(err)
		}
		for _, action := range actions {
			if got["org.kvmmanager."+action] != "no" {
				t.Errorf("%s does not tell of %s", path, action)
			}
		}
	}
}

func TestPermissionsChangedFollowsPolkit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	signals := make(chan *dbus.Signal, 8)
	w.conn.Signal(signals)
	if err := w.conn.AddMatchSignal(dbus.WithMatchMember("PermissionsChanged")); err != nil {
		t.Fatal(err)
	}
	w.polkit.EmitChanged()
	select {
	case <-signals:
	case <-w.ctx.Done():
		t.Error("no PermissionsChanged")
	}
}

func TestAnOpenDialogHoldsUpNobodyAndGoesWithItsCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{UIDs: []uint32{bobUID}, Answer: polkittest.Ignore}, polkittest.Rule{Answer: polkittest.Yes})
	w.withHost(fakehv.VM(1, "web"))
	bob := w.as(bobUID)
	w.callWith(bob, dbus.FlagAllowInteractiveAuthorization, vmPath, "VM.SetTitle", "bob's", none())
	w.polkit.WaitPending(w.ctx, 1)
	if err := w.call(vmPath, "VM.SetTitle", "mine", none()).Err; err != nil {
		t.Error(err)
	}
	bob.Close()
	w.polkit.WaitPending(w.ctx, 0)
	if got := w.property(vmPath, vmIface, "Title"); got != "mine" {
		t.Errorf("the title is %v", got)
	}
}

// TestDialogsThatOneUserIgnoresKeepNobodyElseFromAnything opens as many as a
// user can, on a bus that lets a connection wait for 128 answers.
func TestDialogsThatOneUserIgnoresKeepNobodyElseFromAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, polkittest.Rule{UIDs: []uint32{bobUID}, Answer: polkittest.Ignore},
		polkittest.Rule{UIDs: []uint32{aliceUID}, Answer: polkittest.Authenticate}, polkittest.Rule{Answer: polkittest.Yes})
	w.withHost(fakehv.VM(1, "web"))
	title := func(conn *dbus.Conn) <-chan *dbus.Call {
		return w.callWith(conn, dbus.FlagAllowInteractiveAuthorization, vmPath, "VM.SetTitle", "mine", none())
	}
	const calls = 100
	conns := []*dbus.Conn{w.as(bobUID), w.as(bobUID), w.as(bobUID)}
	refused := make(chan error, len(conns)*calls)
	for range calls {
		for _, bob := range conns {
			go func(answer <-chan *dbus.Call) { refused <- (<-answer).Err }(title(bob))
		}
	}
	for range len(conns)*calls - 128 {
		if err := <-refused; errorName(err) != "org.freedesktop.DBus.Error.LimitsExceeded" {
			t.Fatalf("got %v", err)
		}
	}
	w.polkit.WaitPending(w.ctx, 4)
	if err := (<-title(w.as(aliceUID))).Err; err != nil {
		t.Errorf("alice, who types her password: %v", err)
	}
	if err := w.call(vmPath, "VM.SetTitle", "mine", none()).Err; err != nil {
		t.Errorf("root: %v", err)
	}
	for _, bob := range conns {
		bob.Close()
	}
	w.polkit.WaitPending(w.ctx, 0)
	w.polkit.Add(polkittest.Rule{UIDs: []uint32{bobUID}, Answer: polkittest.Authenticate})
	if err := (<-title(w.as(bobUID))).Err; err != nil {
		t.Errorf("bob, when he is back: %v", err)
	}
}

// TestPermissionsOfManyObjectsAreThoseOfEach and cost no question more than asked for.
func TestPermissionsOfManyObjectsAreThoseOfEach(t *testing.T) {
	t.Parallel()
	const control = "org.kvmmanager.vm.control"
	vms := []*model.VM{running(1, "dev-1"), running(2, "dev-2"), running(3, "prod")}
	may := func(name string) polkittest.Rule {
		return polkittest.Rule{
			Action: control, Details: map[string]string{"verb": "GetPermissions", "vm.name": name}, Answer: polkittest.Yes,
		}
	}
	w := newWorld(t, may("dev-1"), may("dev-2")).withHost(vms...)
	paths := []dbus.ObjectPath{"/org/kvmmanager", "/org/kvmmanager/hosts/local", "/org/kvmmanager/vms/gone"}
	for _, vm := range vms {
		paths = append(paths, dbus.ObjectPath(vm.Path()))
	}
	var all map[dbus.ObjectPath]map[string]string
	if err := w.call(model.Root, "Manager.GetPermissionsOf", paths, none()).Store(&all); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		var one map[string]string
		_ = w.call(model.Root, "Manager.GetPermissions", path, none()).Store(&one)
		if !maps.Equal(one, all[path]) {
			t.Errorf("%s: alone %v, together %v", path, one, all[path])
		}
	}
	if len(all) != len(paths)-1 || all[dbus.ObjectPath(vms[0].Path())][control] != "yes" || all[dbus.ObjectPath(vms[2].Path())][control] != "no" {
		t.Errorf("got %v", all)
	}
	w.polkit.Checks() // those until now
	clear(all)
	if err := w.call(model.Root, "Manager.GetPermissionsOf", paths, opts("actions", []string{control})).Store(&all); err != nil {
		t.Fatal(err)
	}
	if n := len(w.polkit.Checks()); n != len(vms) || len(all) != len(vms) || len(all[dbus.ObjectPath(vms[0].Path())]) != 1 {
		t.Errorf("%d questions for %v", n, all)
	}
	invalid := errs.InvalidArgument.DBusName()
	if err := w.call(model.Root, "Manager.GetPermissionsOf", paths, opts("actions", []string{"a.b"})).Err; errorName(err) != invalid {
		t.Errorf("an action that there is not: %v", err)
	}
	if err := w.call(model.Root, "Manager.GetPermissionsOf", make([]dbus.ObjectPath, 0), none()).Err; err != nil {
		t.Errorf("no object: %v", err)
	}
	if err := w.call(model.Root, "Manager.GetPermissionsOf", slices.Repeat(paths[:1], 513), none()).Err; errorName(err) != invalid {
		t.Errorf("too many objects: %v", err)
	}
}
