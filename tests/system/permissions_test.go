//go:build system

package system_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
)

// documented reads the interfaces as they are documented.
func documented(t *testing.T) []*apidoc.Interface {
	t.Helper()
	var all []*apidoc.Interface
	for _, document := range api.XML() {
		i, err := apidoc.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, i)
	}
	return all
}

// sample is a good value for each argument that a mutator takes, by name, and by
// type where a name has two.
var sample = map[string]any{
	"id": "", "uri": "test:///default", "host": dbus.ObjectPath(demo), "xml": vmXML{Name: "not-mine"}.String(),
	"index": uint32(0), "keys": []string{"KEY_A"}, "name": "not-mine", "title": "not mine", "description": "not mine",
	"tags": []string{"not-mine"}, "autostart": true, "vcpus": uint32(2), "memory": uint64(64 << 20),
	"template": true, "spec": with("name", "not-mine"),
	"device": with("kind", "rng"), "changes": with("cache", "none"), "order": []string{}, "size": uint64(1 << 30),
	"capacity": uint64(1 << 30), "pool": dbus.ObjectPath("/org/kvmmanager/pools/none"), "from": dbus.UnixFD(0), "to": dbus.UnixFD(1),
	"host a{sv}": with("mac", "52:54:00:00:00:01", "address", "192.168.122.9"),
}

// mutator is one call that needs a right.
type mutator struct {
	method, action string
	path           dbus.ObjectPath
	args           []any
}

// readAction is the action that everybody has.
const readAction = "org.kvmmanager.read"

// mutators makes a good call of every documented method that needs a right which
// not everybody has, on an object of its interface.
func mutators(t *testing.T, objects map[string]dbus.ObjectPath) []mutator {
	t.Helper()
	var calls []mutator
	for _, i := range documented(t) {
		for _, m := range i.Methods {
			actions := slices.DeleteFunc(m.Actions(), func(action string) bool { return action == readAction })
			if len(actions) == 0 {
				continue
			}
			short := strings.TrimPrefix(i.Name, "org.kvmmanager.")
			call := mutator{method: short + "." + m.Name, action: actions[0], path: objects[short]}
			for _, arg := range m.In[:len(m.In)-1] {
				value, ok := sample[arg.Name+" "+arg.Type]
				if !ok {
					value, ok = sample[arg.Name]
				}
				if !ok || dbus.SignatureOf(value).String() != arg.Type {
					t.Fatalf("there is no sample for %s of %s", arg.Name, call.method)
				}
				call.args = append(call.args, value)
			}
			switch call.method {
			case "Manager.AddHost":
				call.args[0] = "not-mine"
			case "VM.GetXML":
				call.args = append(call.args, with("secrets", true))
				calls = append(calls, call)
				continue
			}
			call.args = append(call.args, none())
			calls = append(calls, call)
		}
	}
	return calls
}

// TestBobMayNothing: without a rule, every mutator of every interface is
// refused to him, on a VM that is off, one that runs, one that is saved and one
// that is paused, and nothing has changed.
func TestBobMayNothing(t *testing.T) {
	useTiny(t)
	root, bob := as(t, "root"), as(t, "bob")
	saved := vmXML{Name: "saved"}.make(t, root)
	paused := vmXML{Name: "paused"}.make(t, root)
	off := vmXML{Name: "off"}.make(t, root)
	virsh(t, "snapshot-create-as", "tiny", "kept")
	t.Cleanup(func() { virsh(t, "snapshot-delete", "tiny", "kept") })
	snapshot := snapshotOf(tiny, "kept")
	eventually(t, "the snapshot is shown", func() bool { return slices.Equal(snapshotsOf(root, tiny), []string{"kept"}) })
	network, pool := pathsWith(root, "org.kvmmanager.Network")[0], pathsWith(root, "org.kvmmanager.StoragePool")[0]
	volume := pathsWith(root, "org.kvmmanager.StorageVolume")[0]
	root.must(tiny, "VM.Start", wait())
	root.must(saved, "VM.Start", wait())
	root.must(paused, "VM.Start", with("paused", true, "wait", true))
	job := root.must(saved, "VM.Save", wait())[0].(dbus.ObjectPath)

	before := fingerprint(t)
	seen := map[string]bool{}
	for _, vm := range []dbus.ObjectPath{tiny, saved, paused, off} {
		for _, call := range mutators(t, map[string]dbus.ObjectPath{
			"Manager": "/org/kvmmanager", "Host": local, "VM": vm, "Snapshot": snapshot, "Network": network, "StoragePool": pool, "StorageVolume": volume, "Job": job,
		}) {
			if call.path == "" {
				continue // no guest has an agent here; see the test of what it tells
			}
			if seen[call.method] && !strings.HasPrefix(call.method, "VM.") {
				continue // it is not about this VM
			}
			bob.refused(needsPassword, call.path, call.method, call.args...)
			seen[call.method] = true

			// With a dialog allowed there is nobody to show one.
			m := message(call.path, call.method, call.args...)
			m.Flags |= dbus.FlagAllowInteractiveAuthorization
			if got := errorName(bob.send(m).Err); got != "org.kvmmanager.Error.NotAuthorized" {
				t.Errorf("%s without an agent: got %q", call.method, got)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only these were called: %v", seen)
	}
	if after := fingerprint(t); after != before {
		t.Errorf("something has changed:\n%s", difference(before, after))
	}
}

// TestBobMayRead everything that is not a secret.
func TestBobMayRead(t *testing.T) {
	bob := as(t, "bob")
	bob.must(local, "Host.ListVMs", none())
	bob.must(local, "Host.CheckHealth", none())
	bob.must(local, "Host.GetCapabilities", none())
	bob.must(tiny, "VM.GetXML", none())
	bob.refused("NotFound", local, "Host.FindVM", "no such VM", none())
}

// permissions is what GetPermissions says of an object.
func (c *client) permissions(path dbus.ObjectPath) map[string]string {
	c.t.Helper()
	return c.must("/org/kvmmanager", "Manager.GetPermissions", path, none())[0].(map[string]string)
}

// TestGetPermissionsTellsTheTruth for everybody, and for every action that a
// method of such an object needs.
func TestGetPermissionsTellsTheTruth(t *testing.T) {
	root := as(t, "root")
	job := root.must(vmXML{Name: "with-job"}.make(t, root), "VM.Start", wait())[0].(dbus.ObjectPath)
	objects := map[string]dbus.ObjectPath{"Manager": "/org/kvmmanager", "Host": local, "VM": tiny, "Job": job}
	for user, want := range map[string]string{"root": "yes", "alice": "yes", "bob": "auth"} {
		c := as(t, user)
		for _, call := range mutators(t, objects) {
			if call.path == "" {
				continue // there is no such object here
			}
			if got := c.permissions(call.path)[call.action]; got != want {
				t.Errorf("%s may do %s on %s: %q, want %q", user, call.action, call.path, got, want)
			}
		}
	}
	root.refused("NotFound", "/org/kvmmanager", "Manager.GetPermissions", dbus.ObjectPath("/org/kvmmanager/vms/none"), none())
}

// withRule installs one of the example rules as their comments say, and waits
// until the service tells that permissions changed.
func withRule(t *testing.T, r *recorder, example string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../polkit/examples", example))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("/etc/polkit-1/rules.d", "40-"+example)
	changed := func(s *dbus.Signal) bool { return emitted(s, "/org/kvmmanager", "Manager.PermissionsChanged") }
	t.Cleanup(func() {
		r.mark()
		_ = os.Remove(file)
		r.until(patience, "PermissionsChanged", changed)
	})
	r.mark()
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	r.until(patience, "PermissionsChanged", changed)
}

// TestARuleLetsBobStartDevelopmentVMs and nothing else.
func TestARuleLetsBobStartDevelopmentVMs(t *testing.T) {
	r, bob := record(t), as(t, "bob")
	mine := vmXML{Name: "dev-1", Devices: "<serial type='pty'/><graphics type='vnc'><listen type='none'/></graphics>"}.make(t, r.client)
	other := vmXML{Name: "prod-dev-1"}.make(t, r.client)
	bob.refused(needsPassword, mine, "VM.Start", wait())
	withRule(t, r, "dev-vms.rules")

	if got := bob.permissions(mine)["org.kvmmanager.vm.control"]; got != "yes" {
		t.Errorf("he may control his VM: %s", got)
	}
	if got := bob.permissions(other)["org.kvmmanager.vm.control"]; got != "auth" {
		t.Errorf("he may control the other VM: %s", got)
	}
	for _, method := range []string{"Start", "Pause", "Resume", "Save", "Start", "PowerOff", "Start"} {
		bob.must(mine, "VM."+method, wait())
	}
	socket(t, bob.must(mine, "VM.OpenDisplay", uint32(0), none())[0].(dbus.UnixFD)).Close()
	socket(t, bob.must(mine, "VM.OpenConsole", "", none())[0].(dbus.UnixFD)).Close()

	before := fingerprint(t)
	allowed := []string{"org.kvmmanager.vm.control", "org.kvmmanager.vm.console"}
	for _, call := range mutators(t, map[string]dbus.ObjectPath{"Manager": "/org/kvmmanager", "Host": local, "VM": mine}) {
		if !slices.Contains(allowed, call.action) && call.path != "" {
			bob.refused(needsPassword, call.path, call.method, call.args...)
		}
	}
	for _, call := range mutators(t, map[string]dbus.ObjectPath{"VM": other}) {
		if call.path == other {
			bob.refused(needsPassword, call.path, call.method, call.args...)
		}
	}
	if after := fingerprint(t); after != before {
		t.Errorf("something has changed:\n%s", difference(before, after))
	}
	bob.must(mine, "VM.PowerOff", wait())

	t.Log("a VM that is renamed comes under the rule, and out of it")
	r.must(other, "VM.Rename", "dev-2", none())
	bob.must(other, "VM.Start", wait())
	bob.must(other, "VM.PowerOff", wait())
	r.must(other, "VM.Rename", "prod-dev-1", none())
	bob.refused(needsPassword, other, "VM.Start", wait())
}

// TestOthersJobsAreNotBobs: he may cancel his own only.
func TestOthersJobsAreNotBobs(t *testing.T) {
	r, bob := record(t), as(t, "bob")
	deaf := vmXML{Name: "dev-deaf"}.make(t, r.client)
	withRule(t, r, "dev-vms.rules")
	bob.must(deaf, "VM.Start", wait())
	his := bob.must(deaf, "VM.Shutdown", none())[0].(dbus.ObjectPath)
	if got := r.get(his, "Job.StartedBy"); got != uint32(userOf(t, "bob").UID) {
		t.Errorf("started by %v", got)
	}
	// Not of the same VM, whose guest is asked by one job only.
	other := vmXML{Name: "prod-deaf"}.make(t, r.client)
	r.must(other, "VM.Start", wait())
	mine := r.must(other, "VM.Shutdown", none())[0].(dbus.ObjectPath)
	bob.refused(needsPassword, mine, "Job.Cancel", none())
	bob.must(his, "Job.Cancel", none())
	r.awaits(patience, his, "Job.State", "cancelled")
	if state := r.get(mine, "Job.State"); state != "running" {
		t.Errorf("the other job is %v", state)
	}
	r.must(mine, "Job.Cancel", none())
	r.awaits(patience, mine, "Job.State", "cancelled")
}

// TestAJobEndsWithItsCaller if it wants that.
func TestAJobEndsWithItsCaller(t *testing.T) {
	r := record(t)
	deaf := vmXML{Name: "deaf"}.make(t, r.client)
	r.must(deaf, "VM.Start", wait())
	other := vmXML{Name: "other-deaf"}.make(t, r.client)
	r.must(other, "VM.Start", wait())
	alice := as(t, "alice")
	bound := alice.must(other, "VM.Shutdown", with("bind-lifetime", true))[0].(dbus.ObjectPath)
	free := alice.must(deaf, "VM.Shutdown", none())[0].(dbus.ObjectPath)
	alice.conn.Close()
	r.awaits(patience, bound, "Job.State", "cancelled")
	if state := r.get(free, "Job.State"); state != "running" {
		t.Errorf("the other job is %v", state)
	}
	r.must(deaf, "VM.PowerOff", wait())
	r.awaits(patience, free, "Job.State", "done")
}
