package wire

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// DecodeSpec is Decode for what a caller asks for: a key that the struct does
// not have, or a value of another type than the field's, is InvalidArgument,
// also in the records inside. A list that is given is not nil, even if it is
// empty. A key of such a record is named like “source.kind”
// and one in a list like “disks[0].size”.
func DecodeSpec(values map[string]dbus.Variant, into any) error {
	if err := checkRecord(values, reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	if err := Decode(values, into); err != nil {
		return errs.Wrap(errs.InvalidArgument, err, "The specification cannot be read.")
	}
	keepEmpty(values, reflect.ValueOf(into).Elem())
	return nil
}

// keepEmpty makes the lists that were given without an element differ from those
// that were not given.
func keepEmpty(values map[string]dbus.Variant, into reflect.Value) {
	p := planOf(into.Type())
	for key := range values {
		if f := into.Field(p.fields[p.byName[key]].index); f.Kind() == reflect.Slice && f.IsNil() {
			f.Set(reflect.MakeSlice(f.Type(), 0, 0))
		}
	}
}

func checkRecord(values map[string]dbus.Variant, t reflect.Type, at string) error {
	p := planOf(t)
	for key, value := range values {
		i, known := p.byName[key]
		if !known {
			return errs.New(errs.InvalidArgument, "There is no key “%s”. Known keys: %s.", at+model.Printable(key), strings.Join(p.names(), ", "))
		}
		f := p.fields[i]
		if got := value.Signature().String(); got != f.sig.String() {
			return errs.New(errs.InvalidArgument, "The key “%s” must have the type %s, not %s.", at+key, f.sig, got)
		}
		if err := checkInside(value.Value(), t.Field(f.index).Type, at+key); err != nil {
			return err
		}
	}
	return nil
}

// checkInside looks into a value that is a record or a list of records.
func checkInside(value any, t reflect.Type, at string) error {
	if t == timeType || t == resultType {
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := value.(type) {
	case map[string]dbus.Variant:
		return checkRecord(v, t, at+".")
	case []map[string]dbus.Variant:
		for i, record := range v {
			if err := checkInside(record, t.Elem(), at+index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// names is the keys of a record in alphabetical order.
func (p *plan) names() []string {
	names := make([]string, len(p.fields))
	for i, f := range p.fields {
		names[i] = f.name
	}
	slices.Sort(names)
	return names
}
