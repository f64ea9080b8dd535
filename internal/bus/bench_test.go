package bus

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/testutil/bustest"
)

// benchXML declares an interface of the size of a VM's: 45 properties, most of
// them short, some lists of records.
func benchXML() string {
	text := `<node><interface name="test.VM">`
	for i := range 45 {
		text += fmt.Sprintf(`<property name="Property%02d" type="%s" access="read"/>`, i, benchType(i))
	}
	return text + `</interface></node>`
}

func benchType(i int) string { return []string{"s", "t", "b", "s", "u", "s", "as", "s", "aa{sv}"}[i%9] }

func benchProps(n int) props {
	p := make(props)
	for i := range 45 {
		p[fmt.Sprintf("Property%02d", i)] = map[string]any{
			"s": fmt.Sprintf("value %d of object %d", i, n), "t": uint64(n) << 20, "b": n%2 == 0, "u": uint32(i),
			"as": []string{"one", "two"},
			"aa{sv}": []map[string]dbus.Variant{{
				"id": dbus.MakeVariant(fmt.Sprintf("disk-%d", n)), "kind": dbus.MakeVariant("disk"),
				"capacity": dbus.MakeVariant(uint64(n)), "source": dbus.MakeVariant("/var/lib/libvirt/images/some.qcow2"),
			}},
		}[benchType(i)]
	}
	return p
}

func benchTree(tb testing.TB, n int) *Tree {
	tb.Helper()
	ifaces, err := ParseInterfaces([]byte(benchXML()))
	if err != nil {
		tb.Fatal(err)
	}
	tree := New("/test", ifaces, nil, nil, slog.Default())
	var changes []Change
	for i := range n {
		changes = append(changes, Put(dbus.ObjectPath(fmt.Sprintf("/test/vms/vm%04d", i)), "test.VM", benchProps(i)))
	}
	tree.Apply(changes...)
	return tree
}

// plain is the tree's objects as godbus would be given them.
func plain(tree *Tree) map[dbus.ObjectPath]map[string]map[string]dbus.Variant {
	all := make(map[dbus.ObjectPath]map[string]map[string]dbus.Variant)
	for _, o := range tree.managed() {
		all[o.path] = make(map[string]map[string]dbus.Variant)
		for _, p := range o.parts {
			values := make(map[string]dbus.Variant)
			for _, decl := range p.iface.Properties {
				if v, ok := p.value(decl, tree.log); ok {
					values[decl.Name] = v
				}
			}
			all[o.path][p.iface.Name] = values
		}
	}
	return all
}

// BenchmarkManagedObjects composes the answer for 1,000 objects of 45
// properties.
func BenchmarkManagedObjects(b *testing.B) {
	tree := benchTree(b, 1000)
	b.Run("godbus", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := marshalBody([]any{plain(tree)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			objects := tree.managed()
			for _, o := range objects {
				o.cache.Store(nil)
			}
			managedObjects(allOf(objects, tree.log))
		}
	})
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		size := 0
		for b.Loop() {
			size = 0
			for _, piece := range managedObjects(allOf(tree.managed(), tree.log)) {
				size += len(piece)
			}
		}
		b.ReportMetric(float64(size), "bytes")
	})
}

// BenchmarkCall is whole calls over a real bus.
func BenchmarkCall(b *testing.B) {
	tree := benchTree(b, 1000)
	daemon := bustest.Start(b)
	server, err := tree.Connect(daemon.Address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	client := daemon.Connect(b)
	object := func(path dbus.ObjectPath) dbus.BusObject { return client.Object(server.Names()[0], path) }
	for name, call := range map[string]func() *dbus.Call{
		"GetManagedObjects": func() *dbus.Call { return object("/test").Call(objectManagerName+".GetManagedObjects", 0) },
		"GetAll":            func() *dbus.Call { return object("/test/vms/vm0500").Call(propertiesName+".GetAll", 0, "test.VM") },
		"Get": func() *dbus.Call {
			return object("/test/vms/vm0500").Call(propertiesName+".Get", 0, "test.VM", "Property01")
		},
		"Ping": func() *dbus.Call { return object("/test").Call(peerName+".Ping", 0) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call().Err; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("GetManagedObjects without decoding", func(b *testing.B) {
		raw := newRawClient(b, daemon.Address)
		for b.Loop() {
			raw.call(b, &header{destination: server.Names()[0], path: "/test", iface: objectManagerName, member: "GetManagedObjects"}, nil, nil)
		}
	})
}
