package busfuzz

import (
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Vocabulary is what means something to the service that is called.
type Vocabulary struct {
	Words []string // names, ids, UUIDs
	Paths []dbus.ObjectPath
}

// Generator makes values. One seed makes one sequence of them.
type Generator struct {
	rand  *rand.Rand
	words Vocabulary
	fds   []int
	room  int // bytes that the texts of this call may still have
}

// NewGenerator makes a generator. Without descriptors it makes none that are
// valid.
func NewGenerator(seed, stream uint64, fds []int) *Generator {
	return &Generator{rand: rand.New(rand.NewPCG(seed, stream)), fds: fds} //nolint:gosec // has to be repeatable
}

// Use makes the generator draw from this vocabulary from now on.
func (g *Generator) Use(v Vocabulary) { g.words = v }

// Values makes one value for each complete type of the signature.
func (g *Generator) Values(signature string) ([]any, error) {
	types, err := goTypes(signature)
	if err != nil {
		return nil, err
	}
	g.refill()
	values := make([]any, len(types))
	for i, t := range types {
		values[i] = g.value(t, 0).Interface()
	}
	return values, nil
}

// refill makes most calls small: a few large ones do as well, and time is
// better spent on many.
func (g *Generator) refill() {
	switch n := g.rand.IntN(100); {
	case n < 80:
		g.room = 2 << 10
	case n < 97:
		g.room = 70 << 10
	default:
		g.room = 3 << 20
	}
}

// Signature makes up a signature of at most three complete types.
func (g *Generator) Signature() string {
	var b strings.Builder
	for range g.rand.IntN(4) {
		b.WriteString(pick(g, signatures))
	}
	return b.String()
}

// chance is true in this many of 100 cases.
func (g *Generator) chance(percent int) bool { return g.rand.IntN(100) < percent }

func pick[T any](g *Generator, from []T) T { return from[g.rand.IntN(len(from))] }

// value makes a value of a Go type that goType gives.
func (g *Generator) value(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t {
	case basic['o']:
		v.SetString(string(g.path()))
		return v
	case basic['g']:
		return reflect.ValueOf(dbus.ParseSignatureMust(pick(g, signatures)))
	case basic['h']:
		v.SetInt(int64(pick(g, g.fds)))
		return v
	case basic['v']:
		return reflect.ValueOf(g.variant(depth))
	}
	switch t.Kind() {
	case reflect.Slice:
		return g.array(t, depth)
	case reflect.Map:
		return g.dictionary(t, depth)
	case reflect.Struct:
		for i := range t.NumField() {
			v.Field(i).Set(g.value(t.Field(i).Type, depth+1))
		}
	case reflect.String:
		v.SetString(g.text())
	case reflect.Bool:
		v.SetBool(g.chance(50))
	case reflect.Float64:
		v.SetFloat(pick(g, floats))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(g.number() & (1<<t.Bits() - 1))
	default:
		v.SetInt(int64(g.number()<<(64-t.Bits())) >> (64 - t.Bits()))
	}
	return v
}

// number has all its bits in use at times, so that what is cut off it is a
// lowest or highest number or near one.
func (g *Generator) number() uint64 {
	switch g.rand.IntN(3) {
	case 0:
		return uint64(g.rand.IntN(10))
	case 1:
		return g.rand.Uint64() >> g.rand.IntN(64)
	default:
		return pick(g, numbers)
	}
}

// length is how many elements a container gets: few, but at times very many,
// if they are simple.
func (g *Generator) length(element reflect.Type, depth int) int {
	simple := element.Kind() != reflect.Slice && element.Kind() != reflect.Map && element.Kind() != reflect.Struct
	if depth == 0 && simple && g.chance(2) {
		return 2000
	}
	return g.rand.IntN(5)
}

func (g *Generator) array(t reflect.Type, depth int) reflect.Value {
	n := g.length(t.Elem(), depth)
	v := reflect.MakeSlice(t, n, n)
	for i := range n {
		v.Index(i).Set(g.value(t.Elem(), depth+1))
	}
	return v
}

func (g *Generator) dictionary(t reflect.Type, depth int) reflect.Value {
	v := reflect.MakeMap(t)
	for range g.length(t.Elem(), depth) {
		v.SetMapIndex(g.value(t.Key(), depth+1), g.value(t.Elem(), depth+1))
	}
	return v
}

// variant holds anything, now and then many variants deep.
func (g *Generator) variant(depth int) dbus.Variant {
	if depth > 3 {
		return dbus.MakeVariant(g.text())
	}
	if g.chance(2) {
		v := dbus.MakeVariant(g.text())
		for range 1 + g.rand.IntN(55) {
			v = dbus.MakeVariant(v)
		}
		return v
	}
	return g.typed(pick(g, signatures), depth)
}

// typed is a variant that holds a value of one complete type.
func (g *Generator) typed(signature string, depth int) dbus.Variant {
	t, _ := goType(signature)
	return dbus.MakeVariantWithSignature(g.value(t, depth+1).Interface(), dbus.ParseSignatureMust(signature))
}

// path is a valid path, since others do not get past the bus.
func (g *Generator) path() dbus.ObjectPath {
	if len(g.words.Paths) > 0 && g.chance(60) {
		return pick(g, g.words.Paths)
	}
	path := pick(g, paths)
	if len(path) > g.room {
		return "/"
	}
	g.room -= len(path)
	return path
}

// text is a word that the service knows, a hostile one, or XML of either, as
// far as there is room for it.
func (g *Generator) text() string {
	s := g.longText()
	if len(s) > g.room {
		s = strings.ToValidUTF8(s[:max(g.room, 0)], "")
	}
	g.room -= len(s)
	return s
}

func (g *Generator) longText() string {
	switch n := g.rand.IntN(100); {
	case n < 35 && len(g.words.Words) > 0:
		return pick(g, g.words.Words)
	case n < 50:
		return g.xml()
	case n < 52 && g.room >= 1<<20:
		return strings.Repeat(pick(g, fillers), 1<<20/4)
	case n < 55:
		return pick(g, words) + pick(g, words)
	default:
		return pick(g, words)
	}
}

// options are for the last argument of a method: those that it takes, with the
// right type or a wrong one, and such as nobody takes.
func (g *Generator) options(takes map[string]string) map[string]dbus.Variant {
	options := map[string]dbus.Variant{}
	for _, key := range sortedKeys(takes) {
		switch n := g.rand.IntN(10); {
		case n < 2:
			options[key] = g.typed(takes[key], 0)
		case n == 9 && g.chance(50):
			options[key] = g.variant(0)
		}
	}
	if g.chance(5) {
		options[g.text()] = g.variant(0)
	}
	return options
}
