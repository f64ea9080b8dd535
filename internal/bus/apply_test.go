package bus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// listen subscribes to everything that the tree announces.
func listen(t *testing.T, r *rig) <-chan *dbus.Signal {
	t.Helper()
	signals := make(chan *dbus.Signal, 100)
	r.client.Signal(signals)
	if err := r.client.AddMatchSignal(dbus.WithMatchSender(r.server.Names()[0])); err != nil {
		t.Fatal(err)
	}
	announced(t, r, signals) // what the bus had not yet delivered
	return signals
}

// announced is what one Apply sends, each signal as a line.
func announced(t *testing.T, r *rig, signals <-chan *dbus.Signal, changes ...Change) []string {
	t.Helper()
	r.tree.Apply(changes...)
	r.tree.Apply(Emit("/test/end", "test.Thing", "Happened", "end"))
	var lines []string
	for {
		s := wait(t, signals, "a signal")
		if s.Path == "/test/end" {
			return lines
		}
		if s.Sender == r.server.Names()[0] {
			lines = append(lines, describe(s))
		}
	}
}

// describe is a signal as a line; maps are in the order of their keys.
func describe(s *dbus.Signal) string {
	line := strings.TrimPrefix(string(s.Path), "/test") + " " + s.Name[strings.LastIndexByte(s.Name, '.')+1:]
	for _, v := range s.Body {
		line += fmt.Sprintf(" %v", v)
	}
	return line
}

func TestApplyAnnouncesWhatChanged(t *testing.T) {
	t.Parallel()
	a, born := dbus.ObjectPath("/test/things/a"), thing("a", 1)
	b := dbus.ObjectPath("/test/things/b")
	const bAdded = ` InterfacesAdded /test/things/b map[test.Thing:map[Kind:"toy" Log:["born"] Name:"b" Quiet:@u 1 Size:@t 1]]`
	for name, c := range map[string]struct {
		changes []Change
		want    []string
	}{
		"nothing":         {},
		"the zero change": {changes: []Change{{}}},
		"the same values": {changes: []Change{Put(a, "test.Thing", thing("a", 1))}},
		"one value": {
			[]Change{Put(a, "test.Thing", born.with("Size", uint64(2)))},
			[]string{`/things/a PropertiesChanged test.Thing map[Size:@t 2] []`},
		},
		"two values, one of them only by name": {
			[]Change{Put(a, "test.Thing", born.with("Size", uint64(2)).with("Log", []string{"grown"}))},
			[]string{`/things/a PropertiesChanged test.Thing map[Size:@t 2] [Log]`},
		},
		"values that are not announced": {changes: []Change{Put(a, "test.Thing", born.with("Kind", "tool").with("Quiet", uint32(2)))}},
		"several puts are one signal, where the first stood": {
			[]Change{
				Put(a, "test.Thing", thing("a", 2)), Emit(a, "test.Thing", "Happened", "x"), Put(a, "test.Thing", thing("c", 3)),
			},
			[]string{`/things/a PropertiesChanged test.Thing map[Name:"c" Size:@t 3] []`, `/things/a Happened x`},
		},
		"a change that is taken back": {changes: []Change{Put(a, "test.Thing", thing("a", 2)), Put(a, "test.Thing", thing("a", 1))}},
		"a new object":                {[]Change{Put(b, "test.Thing", thing("b", 1))}, []string{bAdded}},
		"a new object with two interfaces": {
			[]Change{Put(b, "test.Deep", nil), Put(b, "test.Extra", nil)},
			[]string{` InterfacesAdded /test/things/b map[test.Deep:map[] test.Extra:map[]]`},
		},
		"a new interface of an old object": {
			[]Change{Put(a, "test.Extra", nil), Put(a, "test.Thing", thing("a", 4))},
			[]string{
				` InterfacesAdded /test/things/a map[test.Extra:map[]]`,
				`/things/a PropertiesChanged test.Thing map[Size:@t 4] []`,
			},
		},
		"a new object that changes at once": {
			[]Change{Put(b, "test.Thing", thing("old", 9)), Put(b, "test.Thing", thing("b", 1))}, []string{bAdded},
		},
		"announced before it is spoken of": {
			[]Change{Put(b, "test.Thing", thing("b", 1)), Emit("/test", "test.Thing", "Happened", "b is there")},
			[]string{bAdded, ` Happened b is there`},
		},
		"removal":            {[]Change{Remove(a)}, []string{` InterfacesRemoved /test/things/a [test.Thing]`}},
		"removal of nothing": {changes: []Change{Remove(b), RemoveInterface(a, "test.Deep"), RemoveInterface(b, "test.Deep")}},
		"a last change, then removal": {
			[]Change{Put(a, "test.Thing", thing("a", 2)), Remove(a)},
			[]string{`/things/a PropertiesChanged test.Thing map[Size:@t 2] []`, ` InterfacesRemoved /test/things/a [test.Thing]`},
		},
		"removal and return": {
			[]Change{Remove(a), Put(a, "test.Deep", nil)},
			[]string{` InterfacesRemoved /test/things/a [test.Thing]`, ` InterfacesAdded /test/things/a map[test.Deep:map[]]`},
		},
		"a short life": {
			[]Change{Put(b, "test.Deep", nil), Remove(b)},
			[]string{` InterfacesAdded /test/things/b map[test.Deep:map[]]`, ` InterfacesRemoved /test/things/b [test.Deep]`},
		},
		"the last interface": {
			[]Change{RemoveInterface(a, "test.Thing")}, []string{` InterfacesRemoved /test/things/a [test.Thing]`},
		},
		"the root announces its values, not itself": {
			[]Change{Put("/test", "test.Root", props{"Version": "2"}), Put("/test", "test.Extra", nil), RemoveInterface("/test", "test.Extra")},
			[]string{` PropertiesChanged test.Root map[Version:"2"] []`},
		},
		"outside the tree":             {changes: []Change{Put("/elsewhere", "test.Deep", nil), Put("no path", "test.Deep", nil), Put("/testing", "test.Deep", nil)}},
		"of other types than declared": {changes: []Change{Emit(a, "test.Thing", "Happened", 5), Emit("no path", "test.Thing", "Happened", "x")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, echo)
			signals := listen(t, r)
			if got := announced(t, r, signals, c.changes...); !slices.Equal(got, c.want) {
				t.Errorf("announced\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
			}
		})
	}
}

func TestAValueThatCannotBeEncodedSpoilsNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	signals := listen(t, r)
	bad := thing("a", 2).with("Name", "\xff")
	got := announced(t, r, signals, Put("/test/things/a", "test.Thing", bad))
	if want := []string{`/things/a PropertiesChanged test.Thing map[Size:@t 2] [Name]`}; !slices.Equal(got, want) {
		t.Errorf("announced %q, want %q", got, want)
	}
	var all map[string]dbus.Variant
	if err := r.call("/test/things/a", propertiesName+".GetAll", "test.Thing").Store(&all); err != nil {
		t.Fatal(err)
	}
	if _, there := all["Name"]; there || len(all) != 4 {
		t.Errorf("GetAll gives %v", all)
	}
	wantError(t, r.call("/test/things/a", propertiesName+".Get", "test.Thing", "Name"), "org.kvmmanager.Error.Internal")
	r.alive(t)
}

func TestAValueOfAnotherTypeThanDeclaredIsLeftOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	r.tree.Apply(Put("/test/things/a", "test.Thing", thing("a", 2).with("Size", "two")))
	var all map[string]dbus.Variant
	if err := r.call("/test/things/a", propertiesName+".GetAll", "test.Thing").Store(&all); err != nil || len(all) != 4 {
		t.Errorf("GetAll gives %v, %v", all, err)
	}
	if !strings.Contains(r.log.String(), "Size") {
		t.Error("the log does not name the property")
	}
}

func TestTreeAnswersItsOwner(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	tree.Apply(Put("/test/b", "test.Deep", nil), Put("/test/a", "test.Thing", thing("a", 1)), Put("/test/ab", "test.Deep", nil))
	if !tree.Has("/test/a", "test.Thing") || tree.Has("/test/a", "test.Deep") || tree.Has("/test/c", "test.Deep") {
		t.Error("Has is wrong")
	}
	if p, ok := tree.Properties("/test/a", "test.Thing"); !ok || p.(props)["Size"] != uint64(1) {
		t.Errorf("Properties gives %v, %v", p, ok)
	}
	if _, ok := tree.Properties("/test/a", "test.Deep"); ok {
		t.Error("Properties gives what is not there")
	}
	if got := tree.Paths("/"); !slices.Equal(got, []dbus.ObjectPath{"/test/a", "/test/ab", "/test/b"}) {
		t.Errorf("the objects are %q", got)
	}
	if got := tree.Paths("/test/a"); !slices.Equal(got, []dbus.ObjectPath{"/test/a"}) {
		t.Errorf("the objects at a are %q", got)
	}
}

func TestWhatIsUnlistedCanBeReadAtItsPathOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	signals := listen(t, r)
	const a = dbus.ObjectPath("/test/things/a")
	listed := func() (managed, child bool) {
		t.Helper()
		var objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant
		var xml string
		if err := r.call("/test", objectManagerName+".GetManagedObjects").Store(&objects); err != nil {
			t.Fatal(err)
		}
		if err := r.call("/test/things", introspectableName+".Introspect").Store(&xml); err != nil {
			t.Fatal(err)
		}
		return objects[a] != nil, strings.Contains(xml, `<node name="a"/>`)
	}
	want := func(what string, want bool) {
		t.Helper()
		if managed, child := listed(); managed != want || child != want {
			t.Errorf("%s: in the list of objects %v, among the nodes %v", what, managed, child)
		}
	}
	r.tree.Apply(Put("/test/things/b", "test.Extra", nil)) // keeps the node above
	announced(t, r, signals)
	want("at first", true)
	if got := announced(t, r, signals, Unlist(a), Unlist(a)); !slices.Equal(got, []string{" InterfacesRemoved /test/things/a [test.Thing]"}) {
		t.Errorf("unlisting says %q", got)
	}
	want("unlisted", false)
	var name dbus.Variant
	if err := r.call(a, propertiesName+".Get", "test.Thing", "Name").Store(&name); err != nil || name.Value() != "a" {
		t.Errorf("its name is %v, %v", name, err)
	}
	if err := r.call(a, "test.Thing.Echo", "x").Err; err != nil {
		t.Error(err)
	}
	if got := announced(t, r, signals, Put(a, "test.Thing", thing("a", 2))); len(got) != 1 || !strings.Contains(got[0], "InterfacesAdded") {
		t.Errorf("listing it again says %q", got)
	}
	want("listed again", true)
	if got := announced(t, r, signals, Unlist(a), Remove(a), Unlist(a)); len(got) != 1 {
		t.Errorf("unlisting and removing it says %q", got)
	}
	wantError(t, r.call(a, propertiesName+".Get", "test.Thing", "Name"), "org.freedesktop.DBus.Error.UnknownObject")
}
