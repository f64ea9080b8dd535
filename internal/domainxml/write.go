package domainxml

import (
	"encoding/xml"
	"slices"
	"strings"
)

// document writes a tree that parseRaw made.
func (n *node) document() (string, error) {
	var b strings.Builder
	e := xml.NewEncoder(&b)
	if err := n.encode(e); err != nil {
		return "", err
	}
	if err := e.Close(); err != nil {
		return "", err
	}
	return b.String(), nil
}

func (n *node) encode(e *xml.Encoder) error {
	start := xml.StartElement{Name: rawName(n.space, n.name)}
	for _, a := range n.attrs {
		start.Attr = append(start.Attr, xml.Attr{Name: rawName(a.Name.Space, a.Name.Local), Value: a.Value})
	}
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	if n.text != "" {
		if err := e.EncodeToken(xml.CharData(n.text)); err != nil {
			return err
		}
	}
	for _, c := range n.children {
		if err := c.encode(e); err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}

// rawName keeps a prefix as part of the name, so that the encoder makes up none
// of its own.
func rawName(prefix, local string) xml.Name {
	if prefix != "" {
		local = prefix + ":" + local
	}
	return xml.Name{Local: local}
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
