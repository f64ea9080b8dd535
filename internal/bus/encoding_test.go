package bus

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// decodeBody decodes a message's body with godbus.
func decodeBody(tb testing.TB, signature string, pieces ...[]byte) any {
	tb.Helper()
	body := bytes.Join(pieces, nil)
	h := signalHeader("/x", "a.b", "C", signature)
	args, err := unmarshal(append(h.encode(1, len(body)), body...))
	if err != nil {
		tb.Fatalf("godbus cannot decode %s: %v", signature, err)
	}
	if len(args) == 1 {
		return args[0]
	}
	return args
}

func TestManagedObjectsAreEncodedLikeGodbusWould(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, 2, 3, 50} {
		tree := benchTree(t, count)
		for pass := range 2 { // first made, then from the cache
			pieces := managedObjects(allOf(tree.managed(), tree.log))
			if got := decodeBody(t, "a{oa{sa{sv}}}", pieces...); !reflect.DeepEqual(got, plain(tree)) {
				t.Errorf("%d objects, pass %d: the values differ", count, pass)
			}
		}
	}
}

// single is an object with one property, whose encoding has one order only.
func single(tb testing.TB, path dbus.ObjectPath, value any) (*Tree, *object) {
	tb.Helper()
	text := fmt.Sprintf(`<node><interface name="test.One"><property name="Value" type="%s" access="read"/></interface></node>`, dbus.SignatureOf(value))
	ifaces, err := ParseInterfaces([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	tree := New("/", ifaces, nil, nil, newTestLog())
	tree.Apply(Put(path, "test.One", props{"Value": value}))
	_, o := tree.find(path)
	return tree, o
}

// checkSingle compares all three uses of an encoding with godbus's, byte for
// byte.
func checkSingle(tb testing.TB, path dbus.ObjectPath, value any) {
	tb.Helper()
	tree, o := single(tb, path, value)
	values := map[string]dbus.Variant{"Value": dbus.MakeVariant(value)}
	ifaces := map[string]map[string]dbus.Variant{"test.One": values}
	for use, c := range map[string]struct {
		got  []byte
		want []any
	}{
		"GetAll":            {o.encoding(tree.log).all(0), []any{values}},
		"InterfacesAdded":   {o.encoding(tree.log).body(), []any{path, ifaces}},
		"GetManagedObjects": {bytes.Join(managedObjects(allOf([]*object{o}, tree.log)), nil), []any{map[dbus.ObjectPath]map[string]map[string]dbus.Variant{path: ifaces}}},
	} {
		want, _, err := marshalBody(c.want)
		if err != nil {
			continue // godbus refuses it, and it is left out
		}
		if !bytes.Equal(c.got, want) {
			tb.Errorf("%s of %v at %s:\n% x, want\n% x", use, value, path, c.got, want)
		}
	}
}

func TestEncodingIsGodbusByteForByte(t *testing.T) {
	t.Parallel()
	for sig, value := range everyType {
		for _, path := range []dbus.ObjectPath{"/", "/a", "/ab", "/abc", "/abcd", "/abcde", "/abcdef", "/abcdefg", "/abcdefgh"} {
			t.Run(sig+" at "+string(path), func(t *testing.T) {
				t.Parallel()
				checkSingle(t, path, value)
			})
		}
	}
}

func FuzzEncoding(f *testing.F) {
	f.Add("path", "text", uint64(5), 1.5, byte(3), true)
	f.Fuzz(func(t *testing.T, path, text string, number uint64, real float64, small byte, truth bool) {
		p := dbus.ObjectPath("/" + path)
		if !p.IsValid() || math.IsNaN(real) {
			return
		}
		for _, value := range []any{
			text, number, real, small, truth,
			[]string{text, path},
			[]byte(text), dbus.MakeVariant(text),
			[]map[string]dbus.Variant{{path: dbus.MakeVariant(small)}, {text: dbus.MakeVariant(number)}},
			map[string]dbus.Variant{text: dbus.MakeVariant([]dbus.Variant{dbus.MakeVariant(truth)})},
			struct {
				A byte
				B string
				C uint64
			}{small, text, number},
		} {
			checkSingle(t, p, value)
		}
	})
}

func TestAnEncodingCanBeMoved(t *testing.T) {
	t.Parallel()
	// Objects of all lengths modulo 8 behind each other; godbus is the judge.
	ifaces := testInterfaces(t)
	tree := New("/test", ifaces, nil, nil, newTestLog())
	for i := range 40 {
		name := fmt.Sprintf("/test/%0*d", i%11+2, i)
		tree.Apply(Put(dbus.ObjectPath(name), "test.Deep", nil), Put(dbus.ObjectPath(name), "test.Thing", thing(fmt.Sprintf("%0*d", i%9, i), uint64(i))))
	}
	got := decodeBody(t, "a{oa{sa{sv}}}", managedObjects(allOf(tree.managed(), tree.log))...)
	if !reflect.DeepEqual(got, plain(tree)) {
		t.Errorf("the values are %v", got)
	}
}

func TestAChangedObjectIsEncodedAnew(t *testing.T) {
	t.Parallel()
	tree, old := single(t, "/x", "old")
	before := old.encoding(tree.log)
	tree.Apply(Put("/x", "test.One", props{"Value": "new"}))
	_, now := tree.find("/x")
	all := decodeBody(t, "a{sv}", now.encoding(tree.log).all(0)).(map[string]dbus.Variant)
	if all["Value"].Value() != "new" {
		t.Errorf("the value is %v", all)
	}
	after := now.encoding(tree.log)
	if old.encoding(tree.log) != before || now.encoding(tree.log) != after || before == after {
		t.Error("an encoding was made twice")
	}
}

func TestHeadersAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, want := range []*header{
		{typ: dbus.TypeMethodCall, flags: 5, path: "/a", iface: "a.b", member: "C", destination: ":1.1", sender: "", signature: "a{sv}", fdCount: 3},
		{typ: dbus.TypeError, errorName: "a.b.C", replySerial: 9, destination: "x.y", signature: "s"},
		signalHeader("/", "a.b", "C", ""),
	} {
		body := make([]byte, 8)
		frame := append(want.encode(77, len(body)), body...)
		got, err := readHeader(t, frame)
		if err != nil {
			t.Fatal(err)
		}
		if got.bodyLength != len(body) {
			t.Errorf("the body has %d bytes, want %d", got.bodyLength, len(body))
		}
		got.serial, got.bodyLength = 0, 0
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v, want %+v", got, want)
		}
	}
}

func TestMalformedHeadersAreErrors(t *testing.T) {
	t.Parallel()
	good := signalHeader("/a", "a.b", "C", "").encode(1, 0)
	mangled := func(at int, b byte) []byte {
		m := bytes.Clone(good)
		m[at] = b
		return m
	}
	for name, frame := range map[string][]byte{
		"an unknown byte order":   mangled(0, 'x'),
		"a string without end":    mangled(20, 0xff),
		"a field of another type": mangled(18, 'd'),
		"a signature without end": mangled(17, 0xff),
		"fields beyond the end":   mangled(12, 0xff),
		"fields that end midway":  mangled(12, good[12]-3),
	} {
		if _, err := readHeader(t, frame); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, at := range []int{4, 12} {
		frame := bytes.Clone(good)
		binary.LittleEndian.PutUint32(frame[at:], maxMessage+1)
		if _, err := readHeader(t, frame); err == nil {
			t.Errorf("a length of more than D-Bus allows was accepted at %d", at)
		}
	}
}

// readHeader reads the header of a message after which the connection ends.
func readHeader(t *testing.T, frame []byte) (*header, error) {
	t.Helper()
	l, other := socketpair(t, nil)
	if _, err := other.Write(frame); err != nil {
		t.Fatal(err)
	}
	_ = other.Close()
	return l.in.next()
}

func allOf(objects []*object, log *slog.Logger) []*encoding {
	list, _ := listed(objects, maxObjects, log)
	return list
}

// longThing has a text of its own in a list that would be too long.
type longThing struct{ thing Properties }

func (l longThing) Get(name string) (dbus.Variant, bool) {
	if name == "Name" {
		return dbus.MakeVariant(strings.Repeat("x", 100<<10)), true
	}
	return l.thing.Get(name)
}
func (l longThing) Brief(name string) (dbus.Variant, bool) { return l.thing.Get(name) }
func (l longThing) Changed(Properties) []string            { return nil }

func TestAListThatIsTooLongIsShortenedWhereItIsLong(t *testing.T) {
	t.Parallel()
	tree := New("/test", testInterfaces(t), echo, somebody, newTestLog())
	const n = 10
	for i := range n {
		tree.Apply(Put(dbus.ObjectPath(fmt.Sprint("/test/long", i)), "test.Thing", longThing{thing("a", 1)}))
		tree.Apply(Put(dbus.ObjectPath(fmt.Sprint("/test/short", i)), "test.Thing", thing("b", 1)))
	}
	size := func(room int) (total int, err error) {
		list, err := listed(tree.managed(), room, tree.log)
		for _, e := range list {
			total += len(e.padded)
		}
		return total, err
	}
	if total, err := size(maxObjects); err != nil || total < n*100<<10 {
		t.Errorf("with room for all: %d, %v", total, err)
	}
	if total, err := size(n / 2 * 100 << 10); err != nil || total > n/2*100<<10 || total < (n/2-2)*100<<10 {
		t.Errorf("with room for half: %d, %v", total, err)
	}
	if total, err := size(8 << 10); err != nil || total > 8<<10 {
		t.Errorf("with room for short ones: %d, %v", total, err)
	}
	if _, err := size(500); err == nil {
		t.Error("without room there is a list")
	}
	var paths []dbus.ObjectPath
	for after := dbus.ObjectPath("/"); ; {
		part := Part{After: after, Most: 3, Bytes: 150 << 10}
		pieces := part.body(tree)
		objects := decodeBody(t, "a{oa{sa{sv}}}", pieces[:len(pieces)-1]...).(map[dbus.ObjectPath]map[string]map[string]dbus.Variant)
		if len(objects) == 0 || len(objects) > 3 {
			t.Fatalf("a part of %d objects", len(objects))
		}
		paths = append(paths, slices.Sorted(maps.Keys(objects))...)
		if _, after = tree.part(part); after == "/" {
			break
		}
	}
	if want := tree.Paths("/test"); !slices.Equal(paths, want) {
		t.Errorf("in parts there are %v, want %v", paths, want)
	}
}
