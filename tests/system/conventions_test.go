//go:build system

package system_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
)

// TestBusctlShowsEverything to bob: the whole tree, and each object in it.
func TestBusctlShowsEverything(t *testing.T) {
	bob := as(t, "bob")
	out, err := asUser("bob", "busctl", "tree", "--list", "org.kvmmanager").Output()
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.Fields(string(out))
	for path, interfaces := range managed(bob) {
		if _, job := interfaces["org.kvmmanager.Job"]; job {
			continue // those of other tests are forgotten at any moment
		}
		if !slices.Contains(shown, string(path)) {
			t.Errorf("the tree lacks %s", path)
		}
		text, err := asUser("bob", "busctl", "introspect", "org.kvmmanager", string(path)).CombinedOutput()
		if err != nil {
			t.Errorf("%s cannot be introspected: %v: %s", path, err, text)
		}
		for name := range interfaces {
			if !strings.Contains(string(text), name+" ") {
				t.Errorf("%s lacks %s:\n%s", path, name, text)
			}
		}
	}
	for _, path := range shown {
		if !strings.HasPrefix(path, "/org") && path != "/" {
			t.Errorf("%s does not belong here", path)
		}
	}
}

// TestTheIntrospectionIsTheDocumentedOne, but for the words.
func TestTheIntrospectionIsTheDocumentedOne(t *testing.T) {
	bob := as(t, "bob")
	want := map[string]string{}
	for _, document := range api.XML() {
		interfaces, err := bus.ParseInterfaces(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range interfaces {
			want[i.Name] = shape(t, i)
		}
	}
	for path, interfaces := range managed(bob) {
		text := bob.must(path, "org.freedesktop.DBus.Introspectable.Introspect")[0].(string)
		served, err := bus.ParseInterfaces([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", path, err, text)
		}
		for name := range interfaces {
			at := slices.IndexFunc(served, func(i *bus.Interface) bool { return i.Name == name })
			if at < 0 {
				t.Fatalf("%s does not tell of %s", path, name)
			}
			if got := shape(t, served[at]); got != want[name] {
				t.Errorf("%s of %s:\n%s\nnot\n%s", name, path, got, want[name])
			}
		}
	}
}

// shape is an interface with all its members, as one text.
func shape(t *testing.T, i *bus.Interface) string {
	t.Helper()
	text, err := json.Marshal([]any{i.Methods, i.Properties, i.Signals, i.Annotations})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEverythingIsAsVirshSays compares all VMs, networks and pools.
func TestEverythingIsAsVirshSays(t *testing.T) {
	useTiny(t)
	r := record(t)
	running := vmXML{
		Name: "compared", VCPUs: 3, Online: 2, MemoryMiB: 96,
		Devices: "<interface type='network'><mac address='52:54:00:00:00:07'/><source network='default'/></interface>",
	}.make(t, r.client)
	virsh(t, "autostart", "compared")
	r.awaits(soon, running, "VM.Autostart", true)
	r.must(running, "VM.Start", wait())
	pools := strings.Fields(virsh(t, "pool-list", "--all", "--name"))
	poolPath := func(name string) dbus.ObjectPath {
		return dbus.ObjectPath("/org/kvmmanager/pools/" + strings.ReplaceAll(fields(virsh(t, "pool-info", name))["UUID"], "-", "_"))
	}
	// libvirt tells nobody how full they have become.
	for _, name := range strings.Fields(virsh(t, "pool-list", "--name")) {
		r.must(poolPath(name), "StoragePool.Refresh", wait())
	}
	objects := managed(r.client)
	uuids := strings.Fields(virsh(t, "list", "--all", "--uuid"))
	if n := count(objects, "VM", local); n != len(uuids) {
		t.Errorf("%d VMs are shown, virsh has %d", n, len(uuids))
	}
	for _, uuid := range uuids {
		vm := objects[vmPath(uuid)]["org.kvmmanager.VM"]
		info := fields(virsh(t, "dominfo", uuid))
		compare(t, uuid, map[string][2]any{
			"Name":       {vm["Name"].Value(), virsh(t, "domname", uuid)},
			"State":      {vm["State"].Value(), strings.ReplaceAll(info["State"], " ", "-")},
			"Autostart":  {vm["Autostart"].Value(), info["Autostart"] == "enable"},
			"Persistent": {vm["Persistent"].Value(), info["Persistent"] == "yes"},
			"Saved":      {vm["HasSavedState"].Value(), info["Managed save"] == "yes"},
			"VCPUs":      {vm["VCPUs"].Value(), uint32(number(t, info["CPU(s)"]))},
			"MaxMemory":  {vm["MaxMemory"].Value(), number(t, info["Max memory"]) << 10},
			"Memory":     {vm["Memory"].Value(), number(t, info["Used memory"]) << 10},
			"Disks":      {column(vm["Disks"], "target"), second(virsh(t, "domblklist", uuid), 0)},
			"MACs":       {column(vm["Interfaces"], "mac"), second(virsh(t, "domiflist", uuid), 4)},
			"Host":       {vm["Host"].Value(), dbus.ObjectPath(local)},
		})
	}
	for _, name := range strings.Fields(virsh(t, "net-list", "--all", "--name")) {
		info := fields(virsh(t, "net-info", name))
		network := objects[dbus.ObjectPath("/org/kvmmanager/networks/"+strings.ReplaceAll(info["UUID"], "-", "_"))]["org.kvmmanager.Network"]
		compare(t, name, map[string][2]any{
			"Name": {network["Name"].Value(), name}, "Active": {network["Active"].Value(), info["Active"] == "yes"},
			"Autostart": {network["Autostart"].Value(), info["Autostart"] == "yes"}, "Bridge": {network["Bridge"].Value(), info["Bridge"]},
			"Persistent": {network["Persistent"].Value(), info["Persistent"] == "yes"},
		})
	}
	for _, name := range pools {
		info := fields(virsh(t, "pool-info", "--bytes", name))
		pool := objects[poolPath(name)]["org.kvmmanager.StoragePool"]
		compare(t, name, map[string][2]any{
			"Name": {pool["Name"].Value(), name}, "State": {pool["State"].Value(), info["State"]},
			"Autostart": {pool["Autostart"].Value(), info["Autostart"] == "yes"}, "Capacity": {pool["Capacity"].Value(), number(t, info["Capacity"])},
			"Allocation": {pool["Allocation"].Value(), number(t, info["Allocation"])}, "Available": {pool["Available"].Value(), number(t, info["Available"])},
		})
	}
}

func compare(t *testing.T, what string, values map[string][2]any) {
	t.Helper()
	for name, v := range values {
		if !equal(v[0], v[1]) {
			t.Errorf("%s of %s is %#v, but virsh says %#v", name, what, v[0], v[1])
		}
	}
}

// count counts the objects with an interface that belong to a host.
func count(objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant, iface string, host dbus.ObjectPath) int {
	n := 0
	for _, interfaces := range objects {
		if props := interfaces["org.kvmmanager."+iface]; props != nil && props["Host"].Value() == host {
			n++
		}
	}
	return n
}

// fields reads virsh's lines of the form "Key: value".
func fields(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		values[key] = strings.TrimSpace(value)
	}
	return values
}

// number is the first word of a value with a unit.
func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.Fields(text + " -")[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// column is one key of all records.
func column(records dbus.Variant, key string) []string {
	values := []string{}
	for _, record := range records.Value().([]map[string]dbus.Variant) {
		if v, ok := record[key]; ok {
			values = append(values, v.Value().(string))
		}
	}
	slices.Sort(values)
	return values
}

// second is one column of virsh's tables.
func second(table string, n int) []string {
	values := []string{}
	for line := range strings.Lines(table) {
		if words := strings.Fields(line); len(words) > n {
			values = append(values, words[n])
		}
	}
	slices.Sort(values)
	return values
}

// TestMistakesHaveTheirStandardNames, from busctl's point of view.
func TestMistakesHaveTheirStandardNames(t *testing.T) {
	bob := as(t, "bob")
	const standard = "org.freedesktop.DBus.Error."
	bob.refused(standard+"UnknownObject", "/org/kvmmanager/vms/none", "VM.Start", none())
	bob.refused(standard+"UnknownInterface", tiny, "org.kvmmanager.Nothing.Start", none())
	bob.refused(standard+"UnknownMethod", tiny, "VM.Nothing", none())
	bob.refused(standard+"UnknownProperty", tiny, properties+"Get", "org.kvmmanager.VM", "Nothing")
	bob.refused(standard+"PropertyReadOnly", tiny, properties+"Set", "org.kvmmanager.VM", "Name", dbus.MakeVariant("mine"))
	bob.refused(standard+"InvalidArgs", tiny, "VM.SetVCPUs", int32(-1), none())
	bob.refused(standard+"InvalidArgs", tiny, "VM.SetTitle", uint32(65), none())
}
