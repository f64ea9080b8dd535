package wire_test

import (
	"encoding/binary"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// shownModels is every kind of object below the root.
var shownModels = []any{&model.VM{}, &model.Snapshot{}, &model.Network{}, &model.StoragePool{}, &model.StorageVolume{}, &model.Job{}}

// fillLong fills what a value has of texts and lists with more than there is room
// for.
func fillLong(v reflect.Value, text string, n int) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		return
	case reflect.TypeFor[map[string]any]():
		v.Set(reflect.ValueOf(map[string]any{"text": text, "list": slices.Repeat([]string{text}, n)}))
		return
	case reflect.TypeFor[model.Path]():
		v.SetString(string(model.HostPath(strings.Repeat("h", 100))))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fillLong(v.Index(i), text, min(n, 2))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillLong(v.Elem(), text, n)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("wire") != "-" && f.Name != "Truncated" {
				fillLong(v.Field(i), text, n)
			}
		}
	}
}

// lengthOf is how long a value is on the bus.
func lengthOf(t *testing.T, v dbus.Variant) int {
	t.Helper()
	m := dbus.Message{Type: dbus.TypeSignal, Body: []any{v}, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/")), dbus.FieldInterface: dbus.MakeVariant("a.b"),
		dbus.FieldMember: dbus.MakeVariant("c"), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(v)),
	}}
	var b strings.Builder
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

// TestNoPropertyIsLongerThanItMayBe walks over every property of every object, full
// of long texts and of long lists.
func TestNoPropertyIsLongerThanItMayBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		n    int
	}{
		"long texts": {strings.Repeat("ä", 8<<10), 2},
		"long lists": {strings.Repeat("x", 100), 1000},
	} {
		for _, m := range shownModels {
			typ := reflect.TypeOf(m).Elem()
			value := reflect.New(typ)
			fillLong(value.Elem(), c.text, c.n)
			props := wire.PropsOf(value.Interface())
			cut, _ := props.Get("Truncated")
			whole := map[string]dbus.Variant{}
			for _, e := range props.Whole() {
				whole[e.Key] = e.Value
			}
			briefSum := 0
			for property, sig := range wire.Signatures(typ) {
				if property == "Truncated" {
					continue
				}
				v, _ := props.Get(property)
				most := 34 << 10
				if sig == "ao" {
					most = 260 << 10
				}
				if n := lengthOf(t, v); n > most {
					t.Errorf("%s: %v.%s has %d bytes", name, typ, property, n)
				}
				short := !reflect.DeepEqual(v.Value(), whole[property].Value())
				if short != slices.Contains(cut.Value().([]string), property) {
					t.Errorf("%s: %v.%s: shortened is %v, and Truncated is %v", name, typ, property, short, cut.Value())
				}
				if s, ok := v.Value().(string); ok && short && !strings.HasSuffix(s, "…") {
					t.Errorf("%s: %v.%s does not end with …", name, typ, property)
				}
				b, _ := props.Brief(property)
				briefSum += lengthOf(t, b)
			}
			if briefSum > 48<<10 {
				t.Errorf("%s: a brief %v has %d bytes", name, typ, briefSum)
			}
		}
	}
}

func TestATextIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for n := 4090; n < 4100; n++ {
		text := strings.Repeat("x", n%4) + strings.Repeat("語", n/3+1)
		v, _ := wire.PropsOf(&model.VM{Description: text}).Get("Description")
		got := v.Value().(string)
		if len(got) > 4096 || strings.ToValidUTF8(got, "") != got || !strings.HasSuffix(got, "…") && got != text {
			t.Errorf("%d bytes become %d, ending with %q", len(text), len(got), got[len(got)-8:])
		}
	}
}

func TestTruncatedIsAnnouncedWithWhatIsCut(t *testing.T) {
	t.Parallel()
	short, long := wire.PropsOf(&model.VM{Description: "a"}), wire.PropsOf(&model.VM{Description: strings.Repeat("a", 5000)})
	for _, changed := range [][]string{long.Changed(short), short.Changed(long)} {
		if !slices.Equal(changed, []string{"Description", "Truncated"}) {
			t.Errorf("changed are %v", changed)
		}
	}
	var _ bus.Brief = long
}
