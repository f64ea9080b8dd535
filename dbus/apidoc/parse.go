package apidoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// emitsChanged is the annotation that says how a property's changes are
// announced.
const emitsChanged = "org.freedesktop.DBus.Property.EmitsChangedSignal"

// sinceVersion is the annotation that says with which version of the API an
// interface or member came.
const sinceVersion = "org.gtk.GDBus.Since"

// element is an XML element with the comment before it.
type element struct {
	name     string
	attrs    map[string]string
	comment  string
	children []*element
}

// Parse reads an introspection document with one interface.
func Parse(document []byte) (*Interface, error) {
	root, err := readTree(document)
	if err != nil {
		return nil, fmt.Errorf("cannot read the introspection XML: %w", err)
	}
	if root.name != "node" || len(root.children) != 1 {
		return nil, errors.New("an introspection document must be a node with one interface")
	}
	iface, err := parseInterface(root.children[0])
	if err != nil {
		return nil, fmt.Errorf("cannot read the interface %s: %w", root.children[0].attrs["name"], err)
	}
	return iface, nil
}

// readTree reads XML into elements. A comment belongs to the element after it.
func readTree(document []byte) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(document))
	top := &element{}
	open := []*element{top}
	comment := ""
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.Comment:
			comment = string(t)
		case xml.StartElement:
			e := &element{name: t.Name.Local, attrs: map[string]string{}, comment: comment}
			for _, a := range t.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			parent := open[len(open)-1]
			parent.children = append(parent.children, e)
			open, comment = append(open, e), ""
		case xml.EndElement:
			open = open[:len(open)-1]
			if comment != "" {
				return nil, fmt.Errorf("a comment at the end of a %s documents nothing", t.Name.Local)
			}
		}
	}
	if len(top.children) != 1 {
		return nil, errors.New("it has no single root element")
	}
	return top.children[0], nil
}

func parseInterface(e *element) (*Interface, error) {
	name := e.attrs["name"]
	if e.name != "interface" {
		return nil, fmt.Errorf("%s is not an interface", e.name)
	}
	c, err := parseComment(e.comment, name)
	if err != nil {
		return nil, err
	}
	i := &Interface{Name: name, Short: c.takeArg("short_description")}
	i.Text, i.Sections = sections(c.text)
	if err := c.complete(name, i.Short, i.Text); err != nil {
		return nil, err
	}
	if i.Since, err = e.since(); err != nil {
		return nil, err
	}
	for _, child := range e.children {
		if child.name == "annotation" {
			continue
		}
		if err := i.addMember(child); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func (i *Interface) addMember(e *element) error {
	name := e.attrs["name"]
	c, err := parseComment(e.comment, name)
	if err != nil {
		return err
	}
	since, err := e.since()
	if err != nil {
		return err
	}
	switch e.name {
	case "property":
		p := Property{Name: name, Since: since, Type: e.attrs["type"], Text: c.text, Keys: keys(c.text)}
		p.Emits, err = parseProperty(e)
		i.Properties = append(i.Properties, p)
		return errors.Join(err, c.complete(name, c.text))
	case "method":
		m := Method{Name: name, Since: since, Text: c.text, Errors: c.errors, Action: c.action}
		m.In, m.Out, err = c.parseArgs(e)
		i.Methods = append(i.Methods, m)
		return errors.Join(err, c.complete(name, c.text, c.errors, c.action))
	case "signal":
		s := Signal{Name: name, Since: since, Text: c.text}
		s.Args, _, err = c.parseArgs(e)
		i.Signals = append(i.Signals, s)
		return errors.Join(err, c.complete(name, c.text))
	default:
		return fmt.Errorf("%s is no member of an interface", e.name)
	}
}

// parseProperty gives the annotation that every property must have.
func parseProperty(e *element) (string, error) {
	if e.attrs["access"] != "read" {
		return "", fmt.Errorf("the property %s is not read-only", e.attrs["name"])
	}
	emits := e.annotation(emitsChanged)
	if emits == "" {
		return "", fmt.Errorf("the property %s does not say how its changes are announced", e.attrs["name"])
	}
	return emits, nil
}

// annotation returns the value of an annotation of e; empty when there is none.
func (e *element) annotation(name string) string {
	for _, child := range e.children {
		if child.name == "annotation" && child.attrs["name"] == name {
			return child.attrs["value"]
		}
	}
	return ""
}

// since returns the version of the API that e came with.
func (e *element) since() (uint32, error) {
	n, err := strconv.ParseUint(e.annotation(sinceVersion), 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s does not say since which version of the API it is there: annotation %s", e.attrs["name"], sinceVersion)
	}
	return uint32(n), nil
}

// parseArgs divides the arguments by direction; those of a signal have none,
// and come first.
func (c *comment) parseArgs(e *element) (in, out []Arg, err error) {
	for _, child := range e.children {
		if child.name == "annotation" {
			continue
		}
		a := Arg{Name: child.attrs["name"], Type: child.attrs["type"]}
		if a.Text = c.takeArg(a.Name); a.Text == "" {
			err = errors.Join(err, fmt.Errorf("%s does not document the argument %q", e.attrs["name"], a.Name))
		}
		a.Keys = keys(a.Text)
		if child.attrs["direction"] == "out" {
			out = append(out, a)
		} else {
			in = append(in, a)
		}
	}
	return in, out, err
}

// complete checks that each part has words, and that every documented argument
// was taken.
func (c *comment) complete(name string, parts ...string) error {
	for _, part := range parts {
		if part == "" {
			return fmt.Errorf("%s lacks a part of its documentation: text, and for methods errors and action", name)
		}
	}
	for arg := range c.args {
		return fmt.Errorf("%s documents an argument %q that it does not have", name, arg)
	}
	return nil
}
