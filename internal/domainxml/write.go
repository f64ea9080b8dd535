package domainxml

import (
	"encoding/xml"
	"slices"
	"strings"
)

// document writes a tree that parseRaw made.
func (n *node) document() (string, error) {
	var b strings.Builder
	err := n.write(&b, "")
	return b.String(), err
}

// write writes a tree. With a margin, which begins with a line feed, each element is
// on a line of its own.
func (n *node) write(b *strings.Builder, margin string) error {
	if n.raw != "" {
		b.WriteString(n.raw)
		return nil
	}
	name := rawName(n.space, n.name)
	b.WriteString("<" + name)
	for _, a := range n.attrs {
		b.WriteString(" " + rawName(a.Name.Space, a.Name.Local) + `="`)
		if err := xml.EscapeText(b, []byte(a.Value)); err != nil {
			return err
		}
		b.WriteByte('"')
	}
	b.WriteByte('>')
	if err := xml.EscapeText(b, []byte(n.text)); err != nil {
		return err
	}
	inner := margin
	if margin != "" {
		inner += "  "
	}
	for _, c := range n.children {
		b.WriteString(inner)
		if err := c.write(b, inner); err != nil {
			return err
		}
	}
	if len(n.children) > 0 {
		b.WriteString(margin)
	}
	b.WriteString("</" + name + ">")
	return nil
}

// rawName is a name with its prefix.
func rawName(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

// set gives an attribute a value.
func (n *node) set(name, value string) {
	for i := range n.attrs {
		if a := &n.attrs[i]; a.Name.Local == name && a.Name.Space == "" {
			a.Value = value
			return
		}
	}
	n.attrs = append(n.attrs, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}

// unset removes attributes.
func (n *node) unset(names ...string) {
	n.attrs = slices.DeleteFunc(n.attrs, func(a xml.Attr) bool {
		return a.Name.Space == "" && slices.Contains(names, a.Name.Local)
	})
}

// drop removes all children with a name.
func (n *node) drop(name string) {
	n.children = slices.DeleteFunc(n.children, func(c *node) bool { return c.name == name && c.space == "" })
}

// put gives the child with a name this text; there is one afterwards.
func (n *node) put(name, text string) {
	c := n.find(name)
	if c == nil {
		c = &node{name: name}
		n.children = append(n.children, c)
	}
	c.text = text
}
