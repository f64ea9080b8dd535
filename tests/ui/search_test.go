//go:build display

package ui_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/servicetest"
)

const searchName = "org.kvmmanager.Client.SearchProvider"

// search starts what the shell asks, on a session bus of its own.
func search(t *testing.T, world *servicetest.World) dbus.BusObject {
	t.Helper()
	address := background(t, nil, "dbus-daemon", "--session", "--nofork", "--print-address=3")
	session := connect(t, address)
	cmd := exec.Command("/usr/libexec/kvm-manager-search")
	cmd.Env = append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS="+address, "DBUS_SYSTEM_BUS_ADDRESS="+world.Bus.Address, "LANG=C.UTF-8")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	awaitThat(t, "search provider on the bus", func() bool {
		var owned bool
		_ = session.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, searchName).Store(&owned)
		return owned
	})
	return session.Object(searchName, "/org/kvmmanager/Client/SearchProvider")
}

func TestTheShellFindsVMs(t *testing.T) {
	world := servicetest.New(t, nil)
	for i, name := range []string{"web", "mail", "webmail"} {
		vm := fakehv.VM(i, name)
		if name == "webmail" {
			vm.Title, vm.State, vm.ID, vm.IPAddresses = "Mail for people", model.VMRunning, 1, []string{"192.0.2.7"}
		}
		world.HV.Put(vm)
	}
	serve(t, world)
	provider := search(t, world)
	call := func(method string, results any, args ...any) {
		t.Helper()
		if err := provider.Call("org.gnome.Shell.SearchProvider2."+method, 0, args...).Store(results); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
	}
	var found, narrowed, none []string
	call("GetInitialResultSet", &found, []string{"web"})
	if want := []string{vm(2), vm(0)}; !slices.Equal(found, want) {
		t.Fatalf("found %v, not %v", found, want)
	}
	call("GetSubsearchResultSet", &narrowed, found, []string{"web", "people"})
	if !slices.Equal(narrowed, []string{vm(2)}) {
		t.Errorf("narrowed to %v", narrowed)
	}
	call("GetInitialResultSet", &none, []string{"nothing"})
	if len(none) > 0 {
		t.Errorf("found %v", none)
	}
	var metas []map[string]dbus.Variant
	call("GetResultMetas", &metas, append(narrowed, "/no/such/vm"))
	if len(metas) != 2 || fmt.Sprint(metas[0]["name"].Value()) != "Mail for people" ||
		fmt.Sprint(metas[0]["description"].Value()) != "Running · 192.0.2.7" || fmt.Sprint(metas[1]["name"].Value()) != "vm" {
		t.Errorf("shown as %v", metas)
	}
}
