package wire

import (
	"fmt"
	"reflect"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
)

// Decode fills a struct from properties or from a record. Keys that the struct
// does not have are skipped, since the other side may be newer; a value of
// another type than the field's is an error, and the field keeps its value.
// Fields without a key keep their values.
func Decode(values map[string]dbus.Variant, into any) error {
	v := reflect.ValueOf(into).Elem()
	p := planOf(v.Type())
	for name, value := range values {
		i, ok := p.byName[name]
		if !ok {
			continue
		}
		if err := decode(value.Value(), v.Field(p.fields[i].index)); err != nil {
			return fmt.Errorf("cannot decode %s: %w", name, err)
		}
	}
	return nil
}

func decode(from any, into reflect.Value) error {
	switch t := into.Type(); t {
	case pathType:
		return decodePath(from, into)
	case timeType:
		us, ok := from.(uint64)
		if !ok {
			return mismatch(from, into)
		}
		into.Set(reflect.ValueOf(timeOf(us)))
		return nil
	case resultType:
		return decodeResult(from, into)
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return decode(from, into.Elem())
	case reflect.Struct:
		dict, ok := from.(map[string]dbus.Variant)
		if !ok {
			return mismatch(from, into)
		}
		return Decode(dict, into.Addr().Interface())
	case reflect.Slice:
		return decodeSlice(reflect.ValueOf(from), into)
	}
	v := reflect.ValueOf(from)
	if !v.IsValid() || v.Kind() != into.Kind() {
		return mismatch(from, into)
	}
	into.Set(v.Convert(into.Type()))
	return nil
}

func decodePath(from any, into reflect.Value) error {
	p, ok := from.(dbus.ObjectPath)
	if !ok {
		return mismatch(from, into)
	}
	if p == "/" {
		p = ""
	}
	into.SetString(string(p))
	return nil
}

func decodeSlice(from, into reflect.Value) error {
	if !from.IsValid() || from.Kind() != reflect.Slice {
		return fmt.Errorf("it is not a list")
	}
	if from.Len() == 0 {
		into.SetZero()
		return nil
	}
	out := reflect.MakeSlice(into.Type(), from.Len(), from.Len())
	for i := range from.Len() {
		if err := decode(from.Index(i).Interface(), out.Index(i)); err != nil {
			return err
		}
	}
	into.Set(out)
	return nil
}

func decodeResult(from any, into reflect.Value) error {
	dict, ok := from.(map[string]dbus.Variant)
	if !ok {
		return mismatch(from, into)
	}
	if len(dict) == 0 {
		into.SetZero()
		return nil
	}
	out := make(map[string]any, len(dict))
	for k, v := range dict {
		out[k] = plain(v.Value())
	}
	into.Set(reflect.ValueOf(out))
	return nil
}

// plain is the model's form of a D-Bus value of a Result.
func plain(v any) any {
	switch v := v.(type) {
	case dbus.ObjectPath:
		if v == "/" {
			return model.Path("")
		}
		return model.Path(v)
	case []dbus.ObjectPath:
		out := make([]model.Path, len(v))
		for i := range v {
			out[i], _ = plain(v[i]).(model.Path)
		}
		return out
	default:
		return v
	}
}

func timeOf(us uint64) time.Time {
	if us == 0 || us > 1<<62 {
		return time.Time{}
	}
	return time.UnixMicro(int64(us))
}

func mismatch(from any, into reflect.Value) error {
	return fmt.Errorf("a %T does not fit into %v", from, into.Type())
}
