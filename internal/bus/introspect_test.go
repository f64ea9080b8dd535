package bus

import (
	"encoding/xml"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func introspectPath(t *testing.T, r *rig, path dbus.ObjectPath) (ifaces []*Interface, children []string) {
	t.Helper()
	var text string
	if err := r.call(path, introspectableName+".Introspect").Store(&text); err != nil {
		t.Fatalf("cannot introspect %s: %v", path, err)
	}
	if strings.Contains(text, "<!--") {
		t.Errorf("%s serves comments", path)
	}
	ifaces, err := ParseInterfaces([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var node struct {
		Nodes []struct {
			Name string `xml:"name,attr"`
		} `xml:"node"`
	}
	if err := xml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	for _, n := range node.Nodes {
		children = append(children, n.Name)
	}
	return ifaces, children
}

func TestIntrospectionShowsEveryNodeFromTheTopDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	r.tree.Apply(Put("/test/things/a/parts/x", "test.Deep", nil), Put("/test/things/b", "test.Thing", thing("b", 1)))
	for path, want := range map[dbus.ObjectPath][]string{
		"/": {"test"}, "/test": {"things"}, "/test/things": {"a", "b"}, "/test/things/a": {"parts"},
		"/test/things/a/parts": {"x"}, "/test/things/a/parts/x": nil, "/test/things/b": nil,
	} {
		if _, got := introspectPath(t, r, path); !slices.Equal(got, want) {
			t.Errorf("%s has the children %q, want %q", path, got, want)
		}
	}
	r.tree.Apply(Remove("/test/things/a"), Remove("/test/things/b"))
	if _, got := introspectPath(t, r, "/test/things"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the way to a remaining object is %q, want a", got)
	}
	r.tree.Apply(Remove("/test/things/a/parts/x"))
	if _, got := introspectPath(t, r, "/test"); got != nil {
		t.Errorf("nodes that lead nowhere remain: %q", got)
	}
	wantError(t, r.call("/test/things", introspectableName+".Introspect"), errorPrefix+"UnknownObject")
}

func TestIntrospectionDeclaresWhatWasParsed(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	r.tree.Apply(Put("/test/things/a", "test.Deep", nil))
	declared := testInterfaces(t)
	for path, want := range map[dbus.ObjectPath][]*Interface{
		"/":              standardOf(false),
		"/test":          append(slices.Clone(standardOf(true)), declared[0]),
		"/test/things":   standardOf(false),
		"/test/things/a": append(slices.Clone(standardOf(false)), declared[1], declared[3]),
	} {
		got, _ := introspectPath(t, r, path)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s declares %v, want %v", path, names(got), names(want))
		}
	}
}

func names(ifaces []*Interface) []string {
	var all []string
	for _, i := range ifaces {
		all = append(all, i.Name)
	}
	return all
}

func TestStandardInterfacesAreAsTheSpecificationHasThem(t *testing.T) {
	t.Parallel()
	var got []string
	for _, i := range standard {
		for _, m := range i.Methods {
			got = append(got, i.Name+"."+m.Name+" "+m.InSig+" → "+m.OutSig)
			if builtins[i.Name+"."+m.Name] == nil {
				t.Errorf("nobody answers %s.%s", i.Name, m.Name)
			}
		}
		for _, s := range i.Signals {
			got = append(got, i.Name+"."+s.Name+" "+s.Sig)
		}
	}
	want := []string{
		"org.freedesktop.DBus.Peer.Ping  → ",
		"org.freedesktop.DBus.Peer.GetMachineId  → s",
		"org.freedesktop.DBus.Introspectable.Introspect  → s",
		"org.freedesktop.DBus.Properties.Get ss → v",
		"org.freedesktop.DBus.Properties.GetAll s → a{sv}",
		"org.freedesktop.DBus.Properties.Set ssv → ",
		"org.freedesktop.DBus.Properties.PropertiesChanged sa{sv}as",
		"org.freedesktop.DBus.ObjectManager.GetManagedObjects  → a{oa{sa{sv}}}",
		"org.freedesktop.DBus.ObjectManager.InterfacesAdded oa{sa{sv}}",
		"org.freedesktop.DBus.ObjectManager.InterfacesRemoved oas",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
