package objects_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

// chosenMAC is another one in each plan.
var chosenMAC = regexp.MustCompile(`"mac": <"[0-9a-f:]+">`)

// TestBothFormsOfAWordAreTheSame gives each place that knows a word in one form the
// other one. PlanVM answers with what it understood; of devices the hypervisor gets
// the names.
func TestBothFormsOfAWordAreTheSame(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	host := model.HostPath("local")
	volume, pool := dbus.ObjectPath(basePath), dbus.ObjectPath(model.PoolPath(poolUUID))
	lan := dbus.ObjectPath(model.NetworkPath(fakehv.UUID(101)))
	rec := func(pairs ...any) map[string]dbus.Variant { return opts(pairs...) }
	list := func(records ...map[string]dbus.Variant) []map[string]dbus.Variant { return records }

	plan := func(spec map[string]dbus.Variant) string {
		t.Helper()
		spec["name"] = dbus.MakeVariant("new")
		call := w.call(host, "Host.PlanVM", spec, none())
		if call.Err != nil {
			return call.Err.Error()
		}
		return chosenMAC.ReplaceAllString(fmt.Sprint(call.Body...), "")
	}
	for name, forms := range map[string][2]map[string]dbus.Variant{
		"machine type": {rec("machine", "q35"), rec("machine-type", "q35")},
		"source volume": {
			rec("source", rec("kind", "image", "volume", volume)),
			rec("source", rec("kind", "image", "volume", "default/base.qcow2")),
		},
		"source address": {
			rec("source", rec("kind", "url", "url", "https://example.org/a.iso")), rec("source", "https://example.org/a.iso"),
		},
		"disk's pool":                {rec("disks", list(rec("size", uint64(1<<30), "pool", pool))), rec("disks", list(rec("size", uint64(1<<30), "pool", "default")))},
		"disk's volume":              {rec("disks", list(rec("volume", volume))), rec("disks", list(rec("volume", "default/base.qcow2")))},
		"disk's volume in its pool":  {rec("disks", list(rec("volume", volume))), rec("disks", list(rec("pool", "default", "volume", "base.qcow2")))},
		"disk's volume in an object": {rec("disks", list(rec("volume", volume))), rec("disks", list(rec("pool", pool, "volume", "base.qcow2")))},
		"interface's network":        {rec("networks", list(rec("network", lan))), rec("networks", list(rec("network", "default")))},
		"interface's network-name":   {rec("networks", list(rec("network", lan))), rec("networks", list(rec("network-name", "default")))},
	} {
		if one, other := plan(forms[0]), plan(forms[1]); one != other || !strings.HasPrefix(one, "map[") {
			t.Errorf("%s: one form is\n%s\nand the other\n%s", name, one, other)
		}
	}

	device := func(form map[string]dbus.Variant) string {
		t.Helper()
		if err := w.call(vmPath, "VM.AddDevice", form, none()).Err; err != nil {
			return err.Error()
		}
		devices := w.property(vmPath, vmIface, "Devices").([]map[string]dbus.Variant)
		return fmt.Sprint(devices[len(devices)-1])
	}
	disk := rec("kind", "disk", "pool", "default", "volume", "base.qcow2")
	for name, form := range map[string]map[string]dbus.Variant{
		"the pool as an object":   rec("kind", "disk", "pool", pool, "volume", "base.qcow2"),
		"the volume as an object": rec("kind", "disk", "volume", volume),
		"both in one name":        rec("kind", "disk", "volume", "default/base.qcow2"),
		"a source":                rec("kind", "disk", "source", rec("volume", volume)),
	} {
		if one, other := device(disk), device(form); one != other || !strings.Contains(one, "base.qcow2") {
			t.Errorf("%s: %s instead of %s", name, other, one)
		}
	}
	for name, form := range map[string]map[string]dbus.Variant{
		"the network as an object": rec("kind", "interface", "network", lan), "its name": rec("kind", "interface", "network", "default"),
	} {
		if one, other := device(rec("kind", "interface", "network-name", "default")), device(form); one != other {
			t.Errorf("%s: %s instead of %s", name, other, one)
		}
	}
	for name, form := range map[string]map[string]dbus.Variant{
		"an object and a name": rec("kind", "disk", "volume", volume, "pool", "default"),
		"two networks":         rec("kind", "interface", "network", lan, "network-name", "default"),
		"a file":               rec("kind", "disk", "source", rec("fd", uint32(0))),
	} {
		if err := w.call(vmPath, "VM.AddDevice", form, none()).Err; errorName(err) != errs.InvalidArgument.DBusName() {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, form := range map[string]map[string]dbus.Variant{
		"a volume":  rec("kind", "disk", "volume", pool+"/volumes/gone"),
		"a pool":    rec("kind", "disk", "volume", "a", "pool", dbus.ObjectPath("/gone")),
		"a network": rec("kind", "interface", "network", dbus.ObjectPath("/gone")),
	} {
		if err := w.call(vmPath, "VM.AddDevice", form, none()).Err; errorName(err) != errs.NotFound.DBusName() {
			t.Errorf("%s that is not there: %v", name, err)
		}
	}
}

// TestAnotherFormNeedsTheSameRight: what a form becomes is what polkit is asked about.
func TestAnotherFormNeedsTheSameRight(t *testing.T) {
	t.Parallel()
	w := withStorage(t)
	for name, call := range map[string]struct {
		path   model.Path
		method string
		args   []any
	}{
		"a source of a device":   {vmPath, "VM.AddDevice", []any{opts("kind", "disk", "source", opts("path", "/etc/shadow"))}},
		"a source of a change":   {vmPath, "VM.UpdateDevice", []any{"cdrom-sda", opts("source", opts("path", "/etc/shadow"))}},
		"a path as a new source": {model.HostPath("local"), "Host.CreateVM", []any{opts("name", "new", "source", "/etc/shadow.iso")}},
	} {
		w.polkit.Checks()
		_ = w.call(call.path, call.method, append(call.args, none())...)
		asked := false
		for _, check := range w.polkit.Checks() {
			asked = asked || check.Action == "org.kvmmanager.host-path.use"
		}
		if !asked {
			t.Errorf("%s: nobody was asked for the right to use a path of the host", name)
		}
	}
}
