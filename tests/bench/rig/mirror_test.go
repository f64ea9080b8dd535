package rig

import (
	"reflect"
	"testing"

	"github.com/godbus/dbus/v5"
)

func props(pairs ...any) map[string]dbus.Variant { return Options(pairs...) }

func TestSignalsChangeTheMirror(t *testing.T) {
	t.Parallel()
	const path = dbus.ObjectPath("/a")
	for name, c := range map[string]struct {
		signal *dbus.Signal
		want   Managed
	}{
		"a new object is added": {
			&dbus.Signal{Name: interfacesAdded, Body: []any{dbus.ObjectPath("/b"), map[string]map[string]dbus.Variant{"i": props("X", "1")}}},
			Managed{path: {"i": props("X", "1", "Y", "2")}, "/b": {"i": props("X", "1")}},
		},
		"a new interface keeps the old one": {
			&dbus.Signal{Name: interfacesAdded, Body: []any{path, map[string]map[string]dbus.Variant{"j": props()}}},
			Managed{path: {"i": props("X", "1", "Y", "2"), "j": props()}},
		},
		"an object without interfaces is gone": {
			&dbus.Signal{Name: interfacesRemoved, Body: []any{path, []string{"i"}}},
			Managed{},
		},
		"changed properties leave the others alone": {
			&dbus.Signal{Name: propertiesChanged, Path: path, Body: []any{"i", props("X", "3"), []string{}}},
			Managed{path: {"i": props("X", "3", "Y", "2")}},
		},
		"a change of an unknown object makes none": {
			&dbus.Signal{Name: propertiesChanged, Path: "/c", Body: []any{"i", props("X", "3"), []string{}}},
			Managed{path: {"i": props("X", "1", "Y", "2")}},
		},
		"a signal with another body is left out": {
			&dbus.Signal{Name: propertiesChanged, Path: path, Body: []any{uint32(3)}},
			Managed{path: {"i": props("X", "1", "Y", "2")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := Managed{path: {"i": props("X", "1", "Y", "2")}}
			all.apply(c.signal)
			if !reflect.DeepEqual(all, c.want) {
				t.Errorf("got %v, want %v", all, c.want)
			}
		})
	}
}

func TestTextOfWhatIsNotThereIsEmpty(t *testing.T) {
	t.Parallel()
	all := Managed{"/a": {"i": props("S", "text", "N", uint32(1))}}
	for property, want := range map[string]string{"S": "text", "N": "", "Z": ""} {
		if got := all.Text("/a", "i", property); got != want {
			t.Errorf("%s is %q", property, got)
		}
	}
}
