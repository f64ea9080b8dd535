package rig

import (
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
)

func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	truth := Truth{VM(1).Path(): {"Name": "one", "State": "running", "Autostart": "true"}}
	shown := func(pairs ...any) Managed {
		return Managed{VM(1).Path(): {api.VMInterface: props(append([]any{"Host", LocalHost}, pairs...)...)}}
	}
	stranger := func(host dbus.ObjectPath) Managed {
		all := shown("Name", "one", "State", "running", "Autostart", true)
		all[VM(2).Path()] = map[string]map[string]dbus.Variant{api.VMInterface: props("Host", host, "Name", "two")}
		return all
	}
	for name, c := range map[string]struct {
		all  Managed
		want []string
	}{
		"none when all is equal":                  {shown("Name", "one", "State", "running", "Autostart", true), nil},
		"a VM that is not shown":                  {Managed{}, []string{"one is not shown"}},
		"another value":                           {shown("Name", "one", "State", "paused", "Autostart", true), []string{`State of one is shown as "paused", and is "running"`}},
		"a VM too many":                           {stranger(LocalHost), []string{"two is shown, and does not exist"}},
		"a VM of another host is not our concern": {stranger("/org/kvmmanager/hosts/demo"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := truth.Differences(c.all); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
