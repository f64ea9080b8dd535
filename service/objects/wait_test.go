package objects

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
)

// TestEveryMethodTakesWait although it may be no job, so that scripts need not know
// which are; another type is refused as ever.
func TestEveryMethodTakesWait(t *testing.T) {
	t.Parallel()
	for name, m := range table() {
		for _, value := range []any{true, false, "yes"} {
			_, err := parseOptions(map[string]dbus.Variant{"wait": dbus.MakeVariant(value)}, m.options)
			if _, isBool := value.(bool); isBool != (err == nil) || err != nil && !errs.Is(err, errs.InvalidArgument) {
				t.Errorf("%s with wait %v: %v", name, value, err)
			}
		}
	}
}
