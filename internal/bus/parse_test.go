package bus

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseInterfacesReadsWhatIsDeclared(t *testing.T) {
	t.Parallel()
	ifaces := testInterfaces(t)
	thing := ifaces[1]
	if thing.Name != "test.Thing" || len(ifaces) != 5 {
		t.Fatalf("got %d interfaces, the second is %s", len(ifaces), thing.Name)
	}
	if m := thing.Method("Open"); m.InSig != "" || m.OutSig != "ha{sv}" || m.Out[0].Name != "file" {
		t.Errorf("Open is %+v", m)
	}
	if s := thing.Signal("Happened"); s.Sig != "s" || s.Args[0].Name != "what" {
		t.Errorf("Happened is %+v", s)
	}
	var got []string
	for _, p := range thing.Properties {
		got = append(got, p.Name+" "+p.Type+" "+p.Emits)
	}
	want := []string{"Name s true", "Size t true", "Log as invalidates", "Kind s const", "Quiet u false"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("properties are %q, want %q", got, want)
	}
	if thing.Method("Nope") != nil || thing.Signal("Nope") != nil || thing.Property("Nope") != nil {
		t.Error("a member that is not declared was found")
	}
}

func TestAnInterfaceSetsTheModeOfItsProperties(t *testing.T) {
	t.Parallel()
	ifaces, err := ParseInterfaces([]byte(`<node><interface name="a.b">
		<annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>
		<property name="P" type="s" access="read"/></interface></node>`))
	if err != nil {
		t.Fatal(err)
	}
	if got := ifaces[0].Property("P").Emits; got != EmitsConst {
		t.Errorf("the property emits %q, want const", got)
	}
}

func TestParseInterfacesRefusesWhatCannotBeServed(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a writable property":      `<property name="P" type="s" access="readwrite"/>`,
		"a property without type":  `<property name="P" access="read"/>`,
		"two types in one":         `<property name="P" type="ss" access="read"/>`,
		"an unknown type":          `<property name="P" type="z" access="read"/>`,
		"half a type":              `<property name="P" type="a" access="read"/>`,
		"a dict entry alone":       `<property name="P" type="{sv}" access="read"/>`,
		"a property twice":         `<property name="P" type="s" access="read"/><property name="P" type="s" access="read"/>`,
		"a method twice":           `<method name="M"/><method name="M"/>`,
		"a signal twice":           `<signal name="S"/><signal name="S"/>`,
		"an invalid member name":   `<method name="a.b"/>`,
		"a too long member name":   `<method name="` + strings.Repeat("m", 256) + `"/>`,
		"an unknown direction":     `<method name="M"><arg type="s" direction="up"/></method>`,
		"a signal that takes":      `<signal name="S"><arg type="s" direction="in"/></signal>`,
		"an unknown emits mode":    `<property name="P" type="s" access="read"><annotation name="` + emitsChangedAnnotation + `" value="maybe"/></property>`,
		"a signature of 256 types": `<method name="M">` + strings.Repeat(`<arg type="s"/>`, 256) + `</method>`,
		"a signal of 256 types":    `<signal name="S">` + strings.Repeat(`<arg type="s"/>`, 256) + `</signal>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ParseInterfaces([]byte(`<node><interface name="a.b">` + body + `</interface></node>`)); err == nil {
				t.Error("it was accepted")
			}
		})
	}
	for _, text := range []string{"", "<node>", `<node><interface name="nodots"/></node>`, `<other/>`} {
		if _, err := ParseInterfaces([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func FuzzParseInterfaces(f *testing.F) {
	f.Add([]byte(testXML))
	f.Add([]byte(standardXML))
	f.Fuzz(func(t *testing.T, data []byte) {
		ifaces, err := ParseInterfaces(data)
		if err != nil {
			return
		}
		// What is accepted can be served: rendered, and read back the same.
		again, err := ParseInterfaces([]byte(introspection(ifaces, nil)))
		if err != nil {
			t.Fatalf("what is served cannot be parsed: %v", err)
		}
		if len(again) != len(ifaces) {
			t.Fatalf("%d interfaces are served as %d", len(ifaces), len(again))
		}
		for i := range ifaces {
			if again[i].xml != ifaces[i].xml {
				t.Fatalf("served as %s, then as %s", ifaces[i].xml, again[i].xml)
			}
		}
	})
}
