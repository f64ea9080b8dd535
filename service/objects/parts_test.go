package objects_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

// TestTheListOfObjectsStaysReadable has more text in its VMs than one message has
// room for.
func TestTheListOfObjectsStaysReadable(t *testing.T) {
	t.Parallel()
	const n = 520
	text := strings.Repeat("long ", 64<<10/5)
	var vms []*model.VM
	for i := range n {
		vm := fakehv.VM(1+i, fmt.Sprint("vm", i))
		vm.Title, vm.Description = "a title", text
		if i == 0 {
			vm.Tags = strings.Fields(text)
		}
		vms = append(vms, vm)
	}
	w := newWorld(t).withHost(vms...)
	var all map[dbus.ObjectPath]map[string]map[string]dbus.Variant
	if err := w.object(w.conn, model.Root).Call("org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&all); err != nil {
		t.Fatal(err)
	}
	vm := all[dbus.ObjectPath(vmPath)][vmIface]
	if got := vm["Description"].Value().(string); !strings.HasSuffix(got, "…") || !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
		t.Errorf("a long description is shown as %.80q", got)
	}
	if got := fmt.Sprint(vm["Truncated"].Value()); got != "[Description Tags]" {
		t.Errorf("cut are %s", got)
	}

	parts, read := 0, map[dbus.ObjectPath]bool{}
	for after := dbus.ObjectPath("/"); ; parts++ {
		var objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant
		var next dbus.ObjectPath
		if err := w.call(model.Root, "Manager.GetObjects", after, opts("limit", uint32(250))).Store(&objects, &next); err != nil {
			t.Fatal(err)
		}
		for path, ifaces := range objects {
			if read[path] || path <= after || len(ifaces) != len(all[path]) {
				t.Errorf("%s after %s, with the interfaces of %v", path, after, ifaces)
			}
			read[path] = true
		}
		if after = next; next == "/" {
			break
		}
	}
	if len(read) != len(all) || parts < 2 {
		t.Errorf("%d parts have %d of %d objects", parts, len(read), len(all))
	}

	var whole map[string]dbus.Variant
	if err := w.call(model.Root, "Manager.GetWholeProperties", dbus.ObjectPath(vmPath), vmIface, none()).Store(&whole); err != nil {
		t.Fatal(err)
	}
	if whole["Description"].Value() != text || len(whole["Tags"].Value().([]string)) != len(vms[0].Tags) {
		t.Error("the properties are not whole")
	}
	for _, args := range [][]any{{dbus.ObjectPath("/org/kvmmanager/vms/none"), vmIface}, {dbus.ObjectPath(vmPath), api.JobInterface}} {
		if err := w.call(model.Root, "Manager.GetWholeProperties", args[0], args[1], none()).Err; errorName(err) != errs.NotFound.DBusName() {
			t.Errorf("of %v: %v", args, err)
		}
	}
}
