//go:build system

package system_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const unit = "kvmmanagerd.service"

// show is what systemd says of the service.
func show(t *testing.T, property string) string {
	t.Helper()
	return run(t, "systemctl", "show", "--property="+property, "--value", unit)
}

// TestTheFirstCallStartsTheService, also when it comes from somebody without
// rights and only reads, and the answer is complete.
func TestTheFirstCallStartsTheService(t *testing.T) {
	for name, first := range map[string]func(*client){
		"reading a property": func(bob *client) {
			if hosts := bob.get("/org/kvmmanager", "Manager.Hosts"); !equal(hosts, []dbus.ObjectPath{demo, local}) {
				t.Errorf("the hosts are %v", hosts)
			}
		},
		"finding a VM": func(bob *client) {
			if got := bob.vm("tiny"); got != tiny {
				t.Errorf("tiny is %s", got)
			}
		},
		"all at once": func(bob *client) {
			if objects := managed(bob); objects[tiny] == nil || objects[local]["org.kvmmanager.Host"]["State"].Value() != "connected" {
				t.Errorf("there is no tiny, or no connected host: %v", objects[local])
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, "systemctl", "stop", unit)
			for property, want := range map[string]string{"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"} {
				if got := show(t, property); got != want {
					t.Errorf("stopped, its %s is %s, want %s", property, got, want)
				}
			}
			bob := as(t, "bob")
			first(bob)
			for property, want := range map[string]string{"ActiveState": "active", "Type": "notify-reload", "NRestarts": "0", "User": "kvmmanager"} {
				if got := show(t, property); got != want {
					t.Errorf("its %s is %s, want %s", property, got, want)
				}
			}
			bob.get(tiny, "VM.State") // still the same one
		})
	}
}

// managed is everything that the service offers.
func managed(c *client) map[dbus.ObjectPath]map[string]map[string]dbus.Variant {
	c.t.Helper()
	body := c.must("/org/kvmmanager", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
	return body[0].(map[dbus.ObjectPath]map[string]map[string]dbus.Variant)
}

// TestStoppingIsQuick, since machines shut down.
func TestStoppingIsQuick(t *testing.T) {
	as(t, "root").vm("tiny")
	start := time.Now()
	run(t, "systemctl", "stop", unit)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	as(t, "root").vm("tiny")
}

// TestTheWatchdogIsFed: systemd is told again and again that the service lives,
// and would kill it otherwise. The interval is made shorter, not to wait long.
func TestTheWatchdogIsFed(t *testing.T) {
	if usec := show(t, "WatchdogUSec"); usec == "0" || usec == "infinity" {
		t.Fatalf("the watchdog waits for %s", usec)
	}
	const folder = "/run/systemd/system/kvmmanagerd.service.d"
	restart := func() {
		run(t, "systemctl", "daemon-reload")
		run(t, "systemctl", "restart", unit)
	}
	t.Cleanup(func() {
		_ = os.RemoveAll(folder)
		restart()
	})
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "watchdog.conf"), []byte("[Service]\nWatchdogSec=3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	restart()
	pid := as(t, "root").pid()
	for range 3 { // longer than the interval
		last := show(t, "WatchdogTimestampMonotonic")
		eventually(t, "a sign of life", func() bool { return show(t, "WatchdogTimestampMonotonic") != last })
	}
	if as(t, "root").pid() != pid {
		t.Error("the watchdog has killed it")
	}
}

// dropIn configures a host for the length of a test.
func dropIn(t *testing.T, name, text string) (remove func()) {
	t.Helper()
	file := filepath.Join("/etc/kvmmanager/kvmmanager.conf.d", name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	remove = func() { _ = os.Remove(file) }
	t.Cleanup(func() {
		remove()
		run(t, "systemctl", "reload", unit)
	})
	return remove
}

func TestReloadTakesHostsUpAndDrops(t *testing.T) {
	r := record(t)
	pid := r.pid()
	remove := dropIn(t, "60-second.conf", "[Host second]\nURI=test:///default\n")
	const second = dbus.ObjectPath("/org/kvmmanager/hosts/second")
	r.mark()
	run(t, "systemctl", "reload", unit)
	r.added(patience, func(path dbus.ObjectPath, _ map[string]map[string]dbus.Variant) bool { return path == second })
	r.awaits(patience, second, "Host.State", "connected")
	r.awaits(patience, "/org/kvmmanager", "Manager.Hosts", []dbus.ObjectPath{demo, local, second})
	r.refused("InvalidState", "/org/kvmmanager", "Manager.RemoveHost", second, none())
	remove()
	r.mark()
	run(t, "systemctl", "reload", unit)
	r.removed(patience, second)
	r.awaits(patience, "/org/kvmmanager", "Manager.Hosts", []dbus.ObjectPath{demo, local})
	if r.pid() != pid {
		t.Error("reloading restarted it")
	}
	for _, s := range r.seen {
		if s.Path == tiny || s.Path == local {
			t.Errorf("the other hosts heard of it: %v", s)
		}
	}
}

// TestBadConfigurationIsNamed by file and line, and the good rest is served.
func TestBadConfigurationIsNamed(t *testing.T) {
	r := record(t)
	dropIn(t, "70-bad.conf", "# a comment\n[Host good]\nURI=test:///default\nColour=red\n\n[Host bad]\nURI=not a uri\n[Nonsense]\nx=y\nno equals sign\n")
	run(t, "systemctl", "reload", unit)
	r.awaits(patience, "/org/kvmmanager/hosts/good", "Host.State", "connected")
	if got := r.vm("tiny"); got != tiny {
		t.Errorf("tiny is %s", got)
	}
	if hosts := r.get("/org/kvmmanager", "Manager.Hosts").([]dbus.ObjectPath); slices.Contains(hosts, "/org/kvmmanager/hosts/bad") {
		t.Error("the bad host is there")
	}
	problems := entries(t, "MESSAGE_ID=6662e453e2e74400b7846f4f79028c00", "KVMMANAGER_FILE=/etc/kvmmanager/kvmmanager.conf.d/70-bad.conf")
	for _, line := range []string{"4", "7", "8"} {
		found := slices.ContainsFunc(problems, func(entry map[string]any) bool {
			message, _ := entry["MESSAGE"].(string)
			return entry["KVMMANAGER_LINE"] == line && entry["PRIORITY"] == "4" &&
				strings.HasPrefix(message, "/etc/kvmmanager/kvmmanager.conf.d/70-bad.conf:"+line+": ")
		})
		if !found {
			t.Errorf("the journal does not name line %s; it has %v", line, problems)
		}
	}
	t.Log("from the start, too")
	run(t, "systemctl", "restart", unit)
	if got := as(t, "bob").get("/org/kvmmanager/hosts/good", "Host.State"); got != "connected" {
		t.Errorf("the good host is %v", got)
	}
}

// TestAddedHostsStay over a restart, until they are removed.
func TestAddedHostsStay(t *testing.T) {
	r := record(t)
	alice := as(t, "alice")
	added := alice.must("/org/kvmmanager", "Manager.AddHost", "added-1", "test:///default", none())[0].(dbus.ObjectPath)
	t.Cleanup(func() {
		c := as(t, "root")
		if errorName(c.call("/org/kvmmanager", "Manager.RemoveHost", added, none()).Err) == "" {
			t.Error("the added host is left behind")
		}
	})
	r.awaits(patience, added, "Host.State", "connected")
	for want, args := range map[string][]any{
		"AlreadyExists":   {"added-1", "test:///default"},
		"InvalidArgument": {"Bad Id", "test:///default"},
	} {
		r.refused(want, "/org/kvmmanager", "Manager.AddHost", append(args, none())...)
	}
	for _, uri := range []string{"", "nonsense", "http://example.org/", "test:///etc/shadow", "qemu+ext:///system?command=/bin/sh", "qemu:///embed?root=/tmp"} {
		r.refused("InvalidArgument", "/org/kvmmanager", "Manager.AddHost", "other", uri, none())
	}
	run(t, "systemctl", "restart", unit)
	again := as(t, "alice")
	if state := again.get(added, "Host.State"); state != "connected" {
		t.Errorf("after a restart it is %v", state)
	}
	again.must("/org/kvmmanager", "Manager.RemoveHost", added, none())
	again.refused("org.freedesktop.DBus.Error.UnknownObject", added, "Host.ListVMs", none())
	again.refused("NotFound", "/org/kvmmanager", "Manager.RemoveHost", added, none())
	run(t, "systemctl", "restart", unit)
	as(t, "alice").refused("org.freedesktop.DBus.Error.UnknownObject", added, "Host.ListVMs", none())
	as(t, "alice").refused("InvalidState", "/org/kvmmanager", "Manager.RemoveHost", dbus.ObjectPath(local), none())
}

// TestAHostThatIsNotThere says so, and holds up nobody.
func TestAHostThatIsNotThere(t *testing.T) {
	r := record(t)
	dropIn(t, "60-away.conf", "[Host away]\nURI=qemu+unix:///system?socket=/run/no-such-socket\n")
	run(t, "systemctl", "reload", unit)
	const away = "/org/kvmmanager/hosts/away"
	r.awaits(patience, away, "Host.State", "disconnected")
	if message := r.get(away, "Host.StateMessage").(string); message == "" || strings.Contains(message, "\n") {
		t.Errorf("it says %q", message)
	}
	r.refused("Disconnected", away, "Host.DefineXML", vmXML{Name: "x"}.String(), none())
	checks := r.must(away, "Host.CheckHealth", none())[0].([]map[string]dbus.Variant)
	if len(checks) != 1 || checks[0]["id"].Value() != "libvirt" || checks[0]["status"].Value() != "error" || checks[0]["hint"].Value() == "" {
		t.Errorf("its health: %v", checks)
	}
}
