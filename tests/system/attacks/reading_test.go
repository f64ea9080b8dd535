//go:build system

package attacks

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/dbus/apidoc"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/system/caller"
)

const (
	readAction   = "org.kvmmanager.read"
	accessDenied = "org.freedesktop.DBus.Error.AccessDenied"
	// secret is what a definition has in each place that may hold one.
	secret = "kdQ7secret"
)

// secretXML is a definition with a secret in every place that libvirt lets one
// have.
func secretXML(name, uuid string) string {
	return fmt.Sprintf(`<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>%[1]s</name><uuid>%[2]s</uuid><memory unit='MiB'>64</memory>
  <metadata><app:token xmlns:app='http://example.org/app' value='%[3]s'>%[3]s</app:token></metadata>
  <sysinfo type='smbios'>
    <bios><entry name='vendor'>%[3]s</entry></bios>
    <system><entry name='serial'>%[3]s</entry></system>
    <baseBoard><entry name='asset'>%[3]s</entry></baseBoard>
    <chassis><entry name='sku'>%[3]s</entry></chassis>
    <oemStrings><entry>io.systemd.credential:login=%[3]s</entry></oemStrings>
  </sysinfo>
  <sysinfo type='fwcfg'><entry name='opt/org.example/token'>%[3]s</entry></sysinfo>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/usr/lib/kvm-manager-reference/vmlinuz</kernel>
    <cmdline>systemd.set_credential=login:%[3]s</cmdline>
    <smbios mode='sysinfo'/>
  </os>
  <devices><graphics type='vnc' passwd='%.8[3]s'><listen type='none'/></graphics></devices>
  <qemu:commandline>
    <qemu:arg value='-fw_cfg'/><qemu:arg value='name=opt/org.example/other,string=%[3]s'/>
    <qemu:env name='TOKEN' value='%[3]s'/>
  </qemu:commandline>
</domain>`, name, uuid, secret)
}

// secretVM defines a VM with secrets as another tool does, and starts it.
func secretVM(t *testing.T, name, uuid string) dbus.ObjectPath {
	t.Helper()
	file := filepath.Join(t.TempDir(), "domain.xml")
	if err := os.WriteFile(file, []byte(secretXML(name, uuid)), 0o600); err != nil {
		t.Fatal(err)
	}
	removeVM(t, name)
	virsh(t, "define", file)
	virsh(t, "start", name)
	root, path := as(t, "root"), dbus.ObjectPath(model.VMPath(uuid))
	shown := func() bool { return root.Call(path, "VM.GetXML", none()).Err == nil }
	if err := caller.Within(time.Minute, shown); err != nil {
		t.Fatalf("%s is not shown: %v", name, err)
	}
	return path
}

// TestSecretsOfADefinition are not for those who may see a VM only: neither in its
// XML, nor in any property of anything.
func TestSecretsOfADefinition(t *testing.T) {
	prod := secretVM(t, "prod-secret", "6b6d6d74-0000-4000-8000-0000000000a1")
	dev := secretVM(t, "dev-secret", "6b6d6d74-0000-4000-8000-0000000000a2")
	for _, user := range []string{"bob", "neta", "stora", "mallory", "alice"} {
		c := as(t, user)
		for vm, whole := range map[dbus.ObjectPath]bool{
			prod: user == "alice",
			dev:  user == "alice" || user == "mallory" || user == "stora",
		} {
			for _, inactive := range []bool{false, true} {
				xml := c.Must(vm, "VM.GetXML", with("inactive", inactive))[0].(string)
				if !strings.Contains(xml, "/usr/lib/kvm-manager-reference/vmlinuz") {
					t.Errorf("%s does not see what is no secret of %s:\n%s", user, vm, xml)
				}
				if strings.Contains(xml, "passwd") {
					t.Errorf("%s sees a password of %s", user, vm)
				}
				if got := strings.Contains(xml, secret); got != whole {
					t.Errorf("%s sees secrets of %s: %v, want %v\n%s", user, vm, got, whole, xml)
				}
			}
		}
		tree := c.Must("/org/kvmmanager", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
		if text := fmt.Sprint(tree...); !strings.Contains(text, "prod-secret") || strings.Contains(text, secret) {
			t.Errorf("a property that %s reads has a secret, or the VM is not there", user)
		}
		if user != "alice" {
			c.Refused(needsPassword, prod, "VM.GetXML", with("secrets", true))
		}
	}
	if xml := as(t, "alice").Must(prod, "VM.GetXML", with("secrets", true))[0].(string); !strings.Contains(xml, "passwd='"+secret[:8]) {
		t.Errorf("there is no password to protect:\n%s", xml)
	}
}

// TestARedactedDefinitionIsNotStored: what was left out would be lost.
func TestARedactedDefinitionIsNotStored(t *testing.T) {
	vm := secretVM(t, "prod-secret", "6b6d6d74-0000-4000-8000-0000000000a1")
	redacted := as(t, "bob").Must(vm, "VM.GetXML", with("inactive", true))[0].(string)
	alice := as(t, "alice")
	alice.Refused("InvalidArgument", vm, "VM.SetXML", redacted, none())
	alice.Refused("InvalidArgument", local, "Host.DefineXML", redacted, none())
	if xml := virsh(t, "dumpxml", "--inactive", "prod-secret"); !strings.Contains(xml, secret) {
		t.Errorf("the secrets are lost:\n%s", xml)
	}
}

// reading returns a call of each documented method that needs the action for
// reading. polkit is asked before arguments are looked at, so any will do.
func reading(t *testing.T, objects map[string]dbus.ObjectPath) map[string]*dbus.Message {
	t.Helper()
	zero := map[string]any{"s": "", "u": uint32(0), "o": dbus.ObjectPath("/"), "a{sv}": none()}
	calls := map[string]*dbus.Message{}
	for _, document := range api.XML() {
		iface, err := apidoc.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range iface.Methods {
			if !slices.Contains(m.Actions(), readAction) {
				continue
			}
			var args []any
			for _, arg := range m.In {
				value, known := zero[arg.Type]
				if !known {
					t.Fatalf("there is no value of the type %s for %s", arg.Type, m.Name)
				}
				args = append(args, value)
			}
			short := strings.TrimPrefix(iface.Name, "org.kvmmanager.")
			path, known := objects[short]
			if !known {
				t.Fatalf("there is no object for %s.%s", iface.Name, m.Name)
			}
			calls[short+"."+m.Name] = caller.Message(path, short+"."+m.Name, args...)
		}
	}
	return calls
}

// fresh returns a copy of a call, to be sent to a name.
func fresh(m *dbus.Message, destination string) *dbus.Message {
	headers := maps.Clone(m.Headers)
	headers[dbus.FieldDestination] = dbus.MakeVariant(destination)
	return &dbus.Message{Type: m.Type, Headers: headers, Body: m.Body}
}

// objects returns an object of each interface that has methods that read. It starts
// the VM, for a job.
func objects(t *testing.T, vm dbus.ObjectPath) map[string]dbus.ObjectPath {
	t.Helper()
	root, pool := as(t, "root"), poolOf(t, "default")
	return map[string]dbus.ObjectPath{
		"Manager": "/org/kvmmanager", "Host": local, "VM": vm, "StoragePool": pool,
		"Job":           root.Must(vm, "VM.Start", wait())[0].(dbus.ObjectPath),
		"Network":       root.Must(local, "Host.ListNetworks", none())[0].([]dbus.ObjectPath)[0],
		"StorageVolume": dbus.ObjectPath(model.VolumePath(virsh(t, "pool-uuid", "default"), "tiny.qcow2")),
	}
}

// installed copies a file of the documentation to where its comment says, and
// removes it in the end. reload makes it known; it may be nil.
func installed(t *testing.T, from, to string, reload func()) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("/usr/share/doc/kvm-manager", from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		t.Fatal(err)
	}
	remove := func() {
		_ = os.Remove(to)
		if reload != nil {
			reload()
		}
	}
	t.Cleanup(remove)
	if reload != nil {
		reload()
	}
}

// TestReadingIsClosedByARule: each method that reads is refused to bob then, and
// to nobody else.
func TestReadingIsClosedByARule(t *testing.T) {
	bob, alice := as(t, "bob"), as(t, "alice")
	calls := reading(t, objects(t, vmOf(alice, "prod-read", nil)))
	if len(calls) < 10 {
		t.Fatalf("only these read: %v", calls)
	}
	for name, m := range calls {
		if got := caller.ErrorName(bob.Send(fresh(m, api.BusName)).Err); got == "org.kvmmanager.Error.NotAuthorized" || got == needsPassword {
			t.Errorf("%s is refused to bob already: %s", name, got)
		}
	}
	bob.Must("/org/kvmmanager", "Manager.UnsubscribeStatistics", none())
	readonly := func(user string) (string, error) {
		out, err := exec.Command("runuser", "-u", user, "--", "virsh", "--readonly", "--connect", "qemu:///system", "dumpxml", "prod-read").CombinedOutput()
		return string(out), err
	}
	if out, err := readonly("bob"); err != nil {
		t.Fatalf("libvirt itself is closed already: %s", out)
	}

	installed(t, "polkit/examples/no-reading.rules", "/etc/polkit-1/rules.d/40-no-reading.rules", nil)
	closed := func() bool { return bob.Call(local, "Host.ListVMs", none()).Err != nil }
	if err := caller.Within(time.Minute, closed); err != nil {
		t.Fatalf("the rule has no effect: %v", err)
	}
	for name, m := range calls {
		if got := caller.ErrorName(bob.Send(fresh(m, api.BusName)).Err); got != "org.kvmmanager.Error.NotAuthorized" {
			t.Errorf("bob calls %s: %q", name, got)
		}
		if got := caller.ErrorName(alice.Send(fresh(m, api.BusName)).Err); got == "org.kvmmanager.Error.NotAuthorized" {
			t.Errorf("%s is refused to alice", name)
		}
	}
	if out, err := readonly("bob"); err == nil {
		t.Errorf("libvirt itself tells bob:\n%s", out)
	}
	if out, err := readonly("alice"); err != nil {
		t.Errorf("libvirt itself is closed to alice: %s", out)
	}
	alice.Must("/org/kvmmanager", "Manager.UnsubscribeStatistics", none())
	bob.Must("/org/kvmmanager", "Manager.GetPermissions", local, none())
}

// TestTheServiceIsClosedOnTheBus: with the bus policy, bob gets nothing of it, by
// whatever name and way, and alice everything.
func TestTheServiceIsClosedOnTheBus(t *testing.T) {
	bob, alice := as(t, "bob"), as(t, "alice")
	vm := vmOf(alice, "prod-closed", nil)
	calls := reading(t, objects(t, vm))
	for name, m := range map[string]*dbus.Message{
		"GetManagedObjects": caller.Message("/org/kvmmanager", "org.freedesktop.DBus.ObjectManager.GetManagedObjects"),
		"Get":               caller.Message(vm, caller.Properties+"Get", "org.kvmmanager.VM", "Name"),
		"GetAll":            caller.Message(vm, caller.Properties+"GetAll", "org.kvmmanager.VM"),
		"Introspect":        caller.Message("/org/kvmmanager", "org.freedesktop.DBus.Introspectable.Introspect"),
		"Ping":              caller.Message("/org/kvmmanager", "org.freedesktop.DBus.Peer.Ping"),
		"GetPermissions":    caller.Message("/org/kvmmanager", "Manager.GetPermissions", local, none()),
		"Start":             caller.Message(vm, "VM.Start", none()),
	} {
		calls[name] = m
	}
	var unique string
	if err := alice.Conn.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, api.BusName).Store(&unique); err != nil {
		t.Fatal(err)
	}
	heard := map[string]chan *dbus.Signal{}
	for _, c := range []*caller.Caller{bob, alice} {
		heard[c.User] = make(chan *dbus.Signal, 1024)
		c.Conn.Signal(heard[c.User])
		for _, match := range []string{api.BusName, unique} {
			if err := c.Conn.AddMatchSignal(dbus.WithMatchSender(match)); err != nil {
				t.Fatal(err)
			}
		}
	}
	titled := func(user, title string) bool {
		for {
			select {
			case s := <-heard[user]:
				if strings.Contains(fmt.Sprint(s.Body...), title) {
					return true
				}
			default:
				return false
			}
		}
	}
	// change changes a title, and waits until alice and bob have got whatever was
	// sent before their bus answers.
	change := func(title string) {
		t.Helper()
		alice.Must(vm, "VM.SetTitle", title, none())
		for _, c := range []*caller.Caller{bob, alice} {
			if err := c.Conn.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
				t.Fatal(err)
			}
		}
	}
	change("heard-by-all")
	if !titled("bob", "heard-by-all") || !titled("alice", "heard-by-all") {
		t.Fatal("the signal is not there to be closed")
	}

	reload := func() { run(t, "systemctl", "reload", "dbus.service") }
	installed(t, "examples/group-only.conf", "/etc/dbus-1/system.d/group-only.conf", reload)
	closed := func() bool {
		return caller.ErrorName(bob.Call(local, "Host.ListVMs", none()).Err) == accessDenied
	}
	if err := caller.Within(time.Minute, closed); err != nil {
		t.Fatalf("the policy has no effect: %v", err)
	}
	for name, m := range calls {
		for _, destination := range []string{api.BusName, unique} {
			if got := caller.ErrorName(bob.Send(fresh(m, destination)).Err); got != accessDenied {
				t.Errorf("bob calls %s of %s: %q", name, destination, got)
			}
			if got := caller.ErrorName(alice.Send(fresh(m, destination)).Err); got == accessDenied {
				t.Errorf("alice may not call %s of %s", name, destination)
			}
		}
	}
	if got := caller.ErrorName(as(t, "bob").Call(local, "Host.ListVMs", none()).Err); got != accessDenied {
		t.Errorf("bob connects again and calls: %q", got)
	}
	if err := bob.Conn.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, []string{}, uint32(0)).Err; err == nil {
		t.Error("bob may monitor the bus")
	}
	change("heard-by-alice")
	if !titled("alice", "heard-by-alice") {
		t.Error("alice gets no signal")
	}
	if titled("bob", "heard-by-alice") {
		t.Error("bob gets the signal")
	}
	as(t, "root").Must(local, "Host.ListVMs", none())
	// The service reaches itself, as its watchdog does, and polkit.
	as(t, "kvmmanager").Must("/org/kvmmanager", "org.freedesktop.DBus.Peer.Ping")
	alice.Must("/org/kvmmanager", "Manager.UnsubscribeStatistics", none())
}
