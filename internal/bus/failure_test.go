package bus

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"
)

func TestLongWordsOfACallerAreNotRepeatedInFull(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo)
	long := strings.Repeat("é", 1<<19)
	path := dbus.ObjectPath("/" + strings.Repeat("x", 1<<16))
	for what, err := range map[string]error{
		"a path":       r.call(path, introspectableName+".Introspect").Err,
		"a method":     r.call("/test", strings.Repeat("x", 255)).Err,
		"an interface": r.call("/test/things/a", propertiesName+".GetAll", long).Err,
		"a property":   r.call("/test/things/a", propertiesName+".Get", "test.Thing", long).Err,
		"one to set":   r.call("/test/things/a", propertiesName+".Set", "test.Thing", long, dbus.MakeVariant("")).Err,
	} {
		if err == nil {
			t.Errorf("%s is known", what)
		} else if text := err.Error(); len(text) > 1000 || !utf8.ValidString(text) {
			t.Errorf("%s is answered with %d bytes", what, len(text))
		}
	}
}
