package objects

import (
	"maps"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// options are a call's checked options: every key is declared, and every value
// has the declared type.
type options map[string]any

// Options that many methods take.
const (
	optWait            = "wait"
	optBindLifetime    = "bind-lifetime"
	optExpectedVersion = "expected-version"
	optApply           = "apply"
	optPool            = "pool"
)

// jobOptions are taken by every method that returns a job.
func jobOptions(more ...string) map[string]string {
	return declare(append([]string{optWait, "b", optBindLifetime, "b"}, more...)...)
}

// declare makes a table of pairs of key and signature.
func declare(pairs ...string) map[string]string {
	table := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		table[pairs[i]] = pairs[i+1]
	}
	return table
}

func parseOptions(arg any, declared map[string]string) (options, error) {
	given, ok := arg.(map[string]dbus.Variant)
	if !ok {
		return nil, errs.New(errs.Internal, "The method takes no options.")
	}
	parsed := options{}
	for key, value := range given {
		sig, ok := declared[key]
		if !ok && key == optWait {
			sig, ok = "b", true // taken everywhere: what is no job is done when it answers
		}
		switch {
		case key == optPool && ok && value.Signature().String() == "s": // its name; see forms.go
		case !ok:
			return nil, errs.New(errs.InvalidArgument, "There is no option “%s”. %s", model.Printable(key), known(declared))
		case value.Signature().String() != sig:
			return nil, errs.New(errs.InvalidArgument, "The option “%s” must have the type %s, not %s.", key, sig, value.Signature())
		}
		parsed[key] = value.Value()
	}
	return parsed, nil
}

func known(declared map[string]string) string {
	if len(declared) == 0 {
		return "This method takes none."
	}
	return "Known options: " + strings.Join(slices.Sorted(maps.Keys(declared)), ", ") + "."
}

func (o options) flag(key string) bool {
	on, _ := o[key].(bool)
	return on
}

func (o options) number(key string) uint32 {
	n, _ := o[key].(uint32)
	return n
}

func (o options) list(key string) []string {
	list, _ := o[key].([]string)
	return list
}

// apply is the option of the same name; both is the default.
func (o options) apply() (inventory.Apply, error) {
	word, given := o[optApply].(string)
	switch a := inventory.Apply(word); {
	case !given:
		return inventory.ApplyBoth, nil
	case a == inventory.ApplyNow, a == inventory.ApplyNextBoot, a == inventory.ApplyBoth:
		return a, nil
	default:
		return "", errs.New(errs.InvalidArgument, "The option “apply” must be now, next-boot or both, not “%s”.", model.Printable(word))
	}
}
