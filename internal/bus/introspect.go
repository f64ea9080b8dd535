package bus

import (
	"encoding/xml"
	"slices"
	"strings"
)

const introspectHeader = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node>
`

// renderInterface is the interface's introspection data, without the comments
// that document it in the source.
func renderInterface(i *Interface) string {
	var b strings.Builder
	b.WriteString(" <interface" + attr("name", i.Name) + ">\n")
	renderAnnotations(&b, "  ", i.Annotations)
	for _, m := range i.Methods {
		args := append(directed("in", m.In), directed("out", m.Out)...)
		renderMember(&b, "method", m.Name, args, m.Annotations)
	}
	for _, p := range i.Properties {
		b.WriteString("  <property" + attr("name", p.Name) + attr("type", p.Type) + attr("access", "read") + ">\n")
		renderAnnotations(&b, "   ", append([]Annotation{{emitsChangedAnnotation, p.Emits}}, p.Annotations...))
		b.WriteString("  </property>\n")
	}
	for _, s := range i.Signals {
		renderMember(&b, "signal", s.Name, directed("", s.Args), s.Annotations)
	}
	b.WriteString(" </interface>\n")
	return b.String()
}

type directedArg struct {
	Arg
	direction string
}

func directed(direction string, args []Arg) []directedArg {
	ds := make([]directedArg, 0, len(args))
	for _, a := range args {
		ds = append(ds, directedArg{a, direction})
	}
	return ds
}

func renderMember(b *strings.Builder, kind, name string, args []directedArg, as []Annotation) {
	b.WriteString("  <" + kind + attr("name", name) + ">\n")
	renderAnnotations(b, "   ", as)
	for _, a := range args {
		b.WriteString("   <arg")
		if a.Name != "" {
			b.WriteString(attr("name", a.Name))
		}
		b.WriteString(attr("type", a.Type))
		if a.direction != "" {
			b.WriteString(attr("direction", a.direction))
		}
		if len(a.Annotations) == 0 {
			b.WriteString("/>\n")
			continue
		}
		b.WriteString(">\n")
		renderAnnotations(b, "    ", a.Annotations)
		b.WriteString("   </arg>\n")
	}
	b.WriteString("  </" + kind + ">\n")
}

func renderAnnotations(b *strings.Builder, indent string, as []Annotation) {
	for _, a := range as {
		b.WriteString(indent + "<annotation" + attr("name", a.Name) + attr("value", a.Value) + "/>\n")
	}
}

func attr(name, value string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(value)) // a Builder does not fail
	return " " + name + `="` + b.String() + `"`
}

// introspection is the answer of Introspect for a node. The text of each
// interface is made once, when it is parsed; here they are only joined.
func introspection(ifaces []*Interface, children []string) string {
	n := len(introspectHeader) + len("</node>\n")
	for _, i := range ifaces {
		n += len(i.xml)
	}
	for _, c := range children {
		n += len(c) + len(" <node name=\"\"/>\n")
	}
	slices.Sort(children)
	var b strings.Builder
	b.Grow(n)
	b.WriteString(introspectHeader)
	for _, i := range ifaces {
		b.WriteString(i.xml)
	}
	for _, c := range children {
		b.WriteString(` <node name="` + c + "\"/>\n") // a path element needs no escaping
	}
	b.WriteString("</node>\n")
	return b.String()
}
