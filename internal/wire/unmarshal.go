package wire

import (
	"fmt"
	"reflect"

	"org.kvmmanager/internal/model"
)

// Unmarshal reads values of these types into the variables that the pointers
// point to. It follows the rules of Decode, but every type must be the
// variable's own.
func Unmarshal(r *Reader, signature string, into ...any) error {
	want := ""
	for _, p := range into {
		want += typeCode(reflect.TypeOf(p).Elem())
	}
	if signature != want {
		return fmt.Errorf("cannot decode the message: its types are %q instead of %q", signature, want)
	}
	for _, p := range into {
		r.value(reflect.ValueOf(p).Elem())
	}
	return r.err
}

// Struct reads an a{sv} into the struct that a pointer points to. Keys that it
// does not have, or that come with another type, are skipped: the other side
// may be newer. Fields without a key keep their values.
func (r *Reader) Struct(into any) { r.fields(reflect.ValueOf(into).Elem()) }

func (r *Reader) fields(into reflect.Value) {
	p := planOf(into.Type())
	for end := r.Array(8); r.More(end); {
		r.Entry()
		i, known := p.byName[string(r.bytes())]
		sig := r.signature()
		if !known || p.fields[i].sig.String() != string(sig) {
			r.Skip(string(sig))
			continue
		}
		r.value(into.Field(p.fields[i].index))
	}
}

// value reads a value of the variable's own type.
func (r *Reader) value(into reflect.Value) {
	switch into.Type() {
	case pathType:
		into.SetString(string(r.Path()))
		return
	case timeType:
		into.Set(reflect.ValueOf(timeOf(r.Uint64())))
		return
	case resultType:
		into.Set(reflect.ValueOf(r.result()))
		return
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(r.Text())
	case reflect.Bool:
		into.SetBool(r.Bool())
	case reflect.Int32:
		into.SetInt(int64(int32(r.Uint32())))
	case reflect.Uint32:
		into.SetUint(uint64(r.Uint32()))
	case reflect.Uint64:
		into.SetUint(r.Uint64())
	case reflect.Float64:
		into.SetFloat(r.Float64())
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		r.value(into.Elem())
	case reflect.Struct:
		r.fields(into)
	default: // reflect.Slice; typeCode has refused everything else
		r.list(into)
	}
}

// list reads an array into a slice of its own: the old one belongs to a value
// that somebody may be reading.
func (r *Reader) list(into reflect.Value) {
	element := typeCode(into.Type().Elem())
	end := r.Array(alignment(element))
	n := r.count(element, end)
	if n == 0 {
		into.SetZero()
		return
	}
	out := reflect.MakeSlice(into.Type(), n, n)
	for i := range n {
		r.value(out.Index(i))
	}
	into.Set(out)
}

// count is the number of elements up to the end of an array.
func (r *Reader) count(element string, end int) int {
	start, n := r.pos, 0
	for r.More(end) {
		r.Skip(element)
		n++
	}
	r.pos = start
	if r.err != nil {
		return 0
	}
	return n
}

// result reads a dictionary of any values, in the model's form; nil when it is
// empty. Values of types that the model has no form for are left out.
func (r *Reader) result() map[string]any {
	var out map[string]any
	for end := r.Array(8); r.More(end); {
		r.Entry()
		key, sig := r.Text(), r.Signature()
		if v := r.plain(sig); v != nil {
			if out == nil {
				out = make(map[string]any)
			}
			out[key] = v
		}
	}
	return out
}

// plainTypes are the model's types for values whose type only their message
// tells.
var plainTypes = map[string]reflect.Type{
	"s": reflect.TypeFor[string](), "o": pathType, "b": reflect.TypeFor[bool](),
	"i": reflect.TypeFor[int32](), "u": reflect.TypeFor[uint32](), "t": reflect.TypeFor[uint64](),
	"d": reflect.TypeFor[float64](), "as": reflect.TypeFor[[]string](), "ao": reflect.TypeFor[[]model.Path](),
	"a{sv}": resultType,
}

func (r *Reader) plain(sig string) any {
	t := plainTypes[sig]
	if t == nil {
		r.Skip(sig)
		return nil
	}
	v := reflect.New(t).Elem()
	r.value(v)
	return v.Interface()
}
