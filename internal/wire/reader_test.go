package wire_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// message is a whole message as godbus writes it, and where its body starts.
func message(tb testing.TB, order binary.ByteOrder, values ...any) (frame []byte, body int) {
	tb.Helper()
	m := &dbus.Message{Type: dbus.TypeSignal, Body: values, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/")), dbus.FieldInterface: dbus.MakeVariant("a.b"),
		dbus.FieldMember: dbus.MakeVariant("C"), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(values...)),
	}}
	var out bytes.Buffer
	if err := m.EncodeTo(&out, order); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes(), out.Len() - int(order.Uint32(out.Bytes()[4:]))
}

func reader(tb testing.TB, values ...any) *wire.Reader {
	tb.Helper()
	frame, body := message(tb, binary.LittleEndian, values...)
	return wire.NewReader(frame[body:], binary.LittleEndian)
}

// properties is a struct as GetAll gives it.
func properties(v any) map[string]dbus.Variant {
	props, values := wire.PropsOf(v), map[string]dbus.Variant{}
	for name := range wire.Signatures(reflect.TypeOf(v).Elem()) {
		values[name], _ = props.Get(name)
	}
	return values
}

func TestAReaderReadsEveryModelType(t *testing.T) {
	t.Parallel()
	for _, value := range []any{
		&model.Manager{}, &model.Host{}, &model.VM{}, &model.Network{}, &model.StoragePool{}, &model.Job{},
		&model.Check{}, &model.Capabilities{}, &model.Sample{}, &model.Device{}, &model.VMPlan{},
	} {
		typ := reflect.TypeOf(value).Elem()
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			want, got := reflect.New(typ), reflect.New(typ)
			seed := 0
			fill(want.Elem(), &seed)
			frame, body := message(t, order, properties(want.Interface()))
			if err := wire.Unmarshal(wire.NewReader(frame[body:], order), "a{sv}", got.Interface()); err != nil {
				t.Fatalf("%v: %v", typ, err)
			}
			if !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Errorf("%v came back different:\n got %+v\nwant %+v", typ, got, want)
			}
			empty := reflect.New(typ)
			frame, body = message(t, order, properties(empty.Interface()))
			wire.NewReader(frame[body:], order).Struct(got.Interface())
			if !reflect.DeepEqual(got.Interface(), empty.Interface()) {
				t.Errorf("%v does not become empty: %+v", typ, got)
			}
		}
	}
}

func TestAReaderSkipsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	type nested struct {
		A byte
		B []struct {
			C int64
			D map[string]dbus.Variant
		}
	}
	vm := model.VM{Name: "old", Title: "kept", VCPUs: 2}
	r := reader(t, map[string]dbus.Variant{
		"Name": dbus.MakeVariant("new"), "VCPUs": dbus.MakeVariant("two"), "Unknown": dbus.MakeVariant(int16(-1)),
		"Nested": dbus.MakeVariant(nested{1, []struct {
			C int64
			D map[string]dbus.Variant
		}{{2, map[string]dbus.Variant{"x": dbus.MakeVariant(dbus.MakeVariant(1.5))}}}}),
		"Bytes": dbus.MakeVariant([]byte("abc")), "Signature": dbus.MakeVariant(dbus.SignatureOf("x")),
	}, "the next value")
	r.Struct(&vm)
	if next := r.Text(); next != "the next value" || r.Err() != nil {
		t.Errorf("after it: %q, %v", next, r.Err())
	}
	if want := (model.VM{Name: "new", Title: "kept", VCPUs: 2}); !reflect.DeepEqual(vm, want) {
		t.Errorf("got %+v", vm)
	}
}

func TestAReaderMakesListsOfTheirOwn(t *testing.T) {
	t.Parallel()
	old := []string{"a", "b"}
	vm := model.VM{Tags: old}
	reader(t, map[string]dbus.Variant{"Tags": dbus.MakeVariant([]string{"c"})}).Struct(&vm)
	if old[0] != "a" || len(vm.Tags) != 1 || vm.Tags[0] != "c" {
		t.Errorf("the old list is %v, the new one %v", old, vm.Tags)
	}
}

func TestUnmarshalWantsTheVeryTypes(t *testing.T) {
	t.Parallel()
	var text string
	var path model.Path
	if err := wire.Unmarshal(reader(t, "x", dbus.ObjectPath("/")), "so", &text, &path); err != nil || text != "x" || path != "" {
		t.Errorf("got %q, %q, %v", text, path, err)
	}
	for _, signature := range []string{"", "s", "ss", "soo"} {
		if err := wire.Unmarshal(reader(t, "x"), signature, &text, &path); err == nil {
			t.Errorf("%q was taken for so", signature)
		}
	}
}

func TestAReaderStopsAtTheEnd(t *testing.T) {
	t.Parallel()
	seed := 0
	vm := &model.VM{}
	fill(reflect.ValueOf(vm).Elem(), &seed)
	frame, body := message(t, binary.LittleEndian, properties(vm))
	for end := body; end < len(frame); end++ {
		r := wire.NewReader(frame[body:end], binary.LittleEndian)
		r.Struct(&model.VM{})
		if r.Err() == nil {
			t.Fatalf("%d of %d bytes are enough", end-body, len(frame)-body)
		}
	}
}

// FuzzReader looks for panics and endless loops.
func FuzzReader(f *testing.F) {
	seed := 0
	vm := &model.VM{}
	fill(reflect.ValueOf(vm).Elem(), &seed)
	frame, body := message(f, binary.LittleEndian, properties(vm))
	f.Add(frame[body:], "a{sv}")
	f.Add([]byte{0, 0, 0, 0}, "a")
	f.Add([]byte(strings.Repeat("\x01v\x00", 200)), "v")
	f.Add([]byte{1, 2, 3}, "(")
	f.Fuzz(func(_ *testing.T, data []byte, signature string) {
		wire.NewReader(data, binary.LittleEndian).Struct(&model.VM{})
		wire.NewReader(data, binary.BigEndian).Struct(&model.Job{})
		wire.NewReader(data, binary.LittleEndian).Skip(signature)
	})
}

// BenchmarkDecode reads 1,000 VMs, with 12 devices each, out of the answer of
// GetManagedObjects: by way of godbus's variants, and straight.
func BenchmarkDecode(b *testing.B) {
	objects := map[dbus.ObjectPath]map[string]map[string]dbus.Variant{}
	for n := range 1000 {
		objects[wire.ObjectPath(model.VMPath(strconv.Itoa(n)))] = map[string]map[string]dbus.Variant{"org.kvmmanager.VM": properties(benchVM(n))}
	}
	frame, body := message(b, binary.LittleEndian, objects)
	b.Run("variants", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := dbus.DecodeMessage(bytes.NewReader(frame))
			if err != nil {
				b.Fatal(err)
			}
			for _, interfaces := range m.Body[0].(map[dbus.ObjectPath]map[string]map[string]dbus.Variant) {
				if err := wire.Decode(interfaces["org.kvmmanager.VM"], &model.VM{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("straight", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			r := wire.NewReader(frame[body:], binary.LittleEndian)
			for end := r.Array(8); r.More(end); {
				r.Entry()
				r.Path()
				for end := r.Array(8); r.More(end); {
					r.Entry()
					r.Text()
					r.Struct(&model.VM{})
				}
			}
			if r.Err() != nil {
				b.Fatal(r.Err())
			}
		}
	})
}

func benchVM(n int) *model.VM {
	name := "vm" + strconv.Itoa(n)
	vm := &model.VM{
		UUID: name, Name: name, Host: "/org/kvmmanager/hosts/local", State: model.VMRunning, StateReason: "booted",
		VCPUs: 4, MaxVCPUs: 8, Memory: 4 << 30, MaxMemory: 4 << 30, Architecture: "x86_64", MachineType: "pc-q35-10.0",
		Firmware: model.FirmwareUEFI, CPUMode: "host-passthrough", OSID: "http://debian.org/debian/13", OSName: "Debian 13",
		Tags: []string{"production", "web"}, IPAddresses: []string{"192.168.122.77"},
		Disks: []*model.Device{{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Bus: "virtio", Target: "vda", Source: "/var/lib/libvirt/images/" + name + ".qcow2", Format: "qcow2", Capacity: 20 << 30}},
	}
	for range 11 {
		vm.Devices = append(vm.Devices, &model.Device{ID: "controller-0", Kind: model.KindController, Model: "pcie-root-port", Address: "pci:0000:05:00.0"})
	}
	return vm
}
