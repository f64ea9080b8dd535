package wire_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// fill sets every field to a value of its own, so that a field that does not
// make the round trip shows.
func fill(v reflect.Value, seed *int) {
	*seed++
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.UnixMicro(int64(1_700_000_000_000_000 + *seed))))
		return
	case reflect.TypeFor[map[string]any]():
		v.Set(reflect.ValueOf(map[string]any{"kept": []string{"disk-vda"}, "vm": model.VMPath("a-b"), "n": uint64(*seed)}))
		return
	case reflect.TypeFor[model.Path]():
		v.SetString(string(model.HostPath("h" + string(rune('a'+*seed%26)))))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("väl\"<&>ue " + string(rune('a'+*seed%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32:
		v.SetInt(int64(-*seed))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*seed))
	case reflect.Float64:
		v.SetFloat(float64(*seed) / 3)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), seed)
		fill(v.Index(1), seed)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), seed)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("wire") != "-" {
				fill(v.Field(i), seed)
			}
		}
	}
}

func TestEveryModelTypeMakesTheRoundTrip(t *testing.T) {
	t.Parallel()
	for _, value := range []any{
		&model.Manager{}, &model.Host{}, &model.VM{}, &model.Network{}, &model.StoragePool{}, &model.Job{},
		&model.Check{}, &model.Capabilities{}, &model.Sample{}, &model.Device{}, &model.VMPlan{},
	} {
		typ := reflect.TypeOf(value).Elem()
		for _, filled := range []bool{true, false} {
			want := reflect.New(typ)
			if seed := 0; filled {
				fill(want.Elem(), &seed)
			}
			props := wire.PropsOf(want.Interface())
			values := map[string]dbus.Variant{}
			for name, sig := range wire.Signatures(typ) {
				v, ok := props.Get(name)
				if !ok || v.Signature().String() != sig {
					t.Errorf("%v.%s: declared %s, encoded %s as %T", typ, name, sig, v.Signature(), v.Value())
				}
				values[name] = overTheBus(t, v)
			}
			got := reflect.New(typ)
			if err := wire.Decode(values, got.Interface()); err != nil {
				t.Fatalf("%v: %v", typ, err)
			}
			if !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Errorf("%v came back different:\n got %+v\nwant %+v", typ, got, want)
			}
			if changed := props.Changed(wire.PropsOf(got.Interface())); len(changed) > 0 {
				t.Errorf("%v: equal values differ in %v", typ, changed)
			}
		}
	}
}

// overTheBus is what the other side decodes.
func overTheBus(t *testing.T, v dbus.Variant) dbus.Variant {
	t.Helper()
	sent := dbus.Message{
		Type: dbus.TypeSignal, Body: []any{v},
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/")), dbus.FieldInterface: dbus.MakeVariant("a.b"),
			dbus.FieldMember: dbus.MakeVariant("c"), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(v)),
		},
	}
	var buffer bytes.Buffer
	if err := sent.EncodeTo(&buffer, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	received, err := dbus.DecodeMessage(&buffer)
	if err != nil {
		t.Fatal(err)
	}
	return received.Body[0].(dbus.Variant)
}

func TestChangedNamesJustWhatDiffers(t *testing.T) {
	t.Parallel()
	base := model.VM{Name: "a", Tags: []string{"x"}, Disks: []*model.Device{{ID: "disk-vda", Capacity: 1}}}
	tests := map[string]struct {
		change func(*model.VM)
		want   []string
	}{
		"nothing":                   {func(*model.VM) {}, nil},
		"a string":                  {func(v *model.VM) { v.Name = "b" }, []string{"Name"}},
		"an empty list for no list": {func(v *model.VM) { v.BootOrder = []string{} }, nil},
		"a list's element":          {func(v *model.VM) { v.Tags = []string{"y"} }, []string{"Tags"}},
		"inside a record":           {func(v *model.VM) { v.Disks = []*model.Device{{ID: "disk-vda", Capacity: 2}} }, []string{"Disks"}},
		"two at once":               {func(v *model.VM) { v.State = model.VMRunning; v.ID = 3 }, []string{"Id", "State"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := base
			test.change(&next)
			if got := wire.PropsOf(&next).Changed(wire.PropsOf(&base)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestARecordLeavesOutZeroValues(t *testing.T) {
	t.Parallel()
	got := wire.Record(&model.Device{ID: "disk-vda", Kind: model.KindDisk, Alias: "virtio-disk0"})
	if len(got) != 2 || got[0].Key != "id" || got[0].Value.Value() != "disk-vda" || got[1].Value.Value() != "disk" {
		t.Errorf("got %v", got)
	}
}

func TestBytesThatAreNoTextAreReplaced(t *testing.T) {
	t.Parallel()
	got := wire.Variant("a\xff\x00b").Value()
	if got != "a\uFFFD\uFFFDb" {
		t.Errorf("got %q", got)
	}
}

func TestDecodeRefusesAnotherType(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"Name": uint32(1), "State": true, "VCPUs": "2", "Host": "/", "StartedAt": "now", "Tags": "x",
		"Disks": []string{"a"}, "ID": int32(1),
	} {
		vm := model.VM{Name: "kept"}
		err := wire.Decode(map[string]dbus.Variant{name: dbus.MakeVariant(v)}, &vm)
		if known := name != "ID"; known != (err != nil) { // the property is called Id
			t.Errorf("%s from %T: %v", name, v, err)
		}
	}
}
