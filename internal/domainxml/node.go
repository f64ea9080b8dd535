package domainxml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Bounds for documents from libvirt. libvirt itself cannot send more than
// 32 MiB, and libxml2 nests no deeper than 256 elements.
const (
	maxDocument = 32 << 20
	maxNodes    = 1 << 18
	maxDepth    = 256
)

// node is one XML element. All its methods work on a nil node, so that a
// converter can walk through what may be absent.
type node struct {
	name     string
	space    string // namespace URI
	attrs    []xml.Attr
	text     string // its own character data
	children []*node
	raw      string // in metadata: what document writes, byte for byte; see keepMetadata
}

// parse makes a tree of a document whose root element must be called root.
func parse(doc, root string) (*node, error) {
	if len(doc) > maxDocument {
		return nil, fmt.Errorf("cannot read <%s>: %d bytes are too many", root, len(doc))
	}
	n, err := readTree(xml.NewDecoder(strings.NewReader(doc)).Token)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read <%s>: %w", root, err)
	case n == nil:
		return nil, fmt.Errorf("cannot read <%s>: the document is empty", root)
	case n.name != root || n.space != "":
		return nil, fmt.Errorf("cannot read <%s>: the document is <%s>", root, n.name)
	}
	return n, nil
}

// parseRaw is parse for a document that is to be changed and written again:
// prefixes of names stay as they are written, and stand in place of namespaces.
// The document must be libvirt's own, since nobody checks here that it is
// well-formed.
func parseRaw(doc, root string) (*node, error) {
	if _, err := parse(doc, root); err != nil {
		return nil, err
	}
	n, err := readTree(xml.NewDecoder(strings.NewReader(doc)).RawToken)
	if err != nil {
		return nil, err
	}
	return n, n.keepMetadata(doc)
}

// keepMetadata replaces the children of the root's <metadata> with nodes that
// document writes as they are in doc: comments, mixed text, CDATA sections and
// white space belong to the programs that put them there. What stands between
// the elements becomes nodes without a name.
func (n *node) keepMetadata(doc string) error {
	metadata := n.find("metadata")
	if metadata == nil {
		return nil
	}
	elements := metadata.children
	metadata.children, metadata.text = nil, ""
	keep := func(from, to int64) {
		if from < to {
			metadata.children = append(metadata.children, &node{raw: doc[from:to]})
		}
	}
	d := xml.NewDecoder(strings.NewReader(doc))
	depth, inside, start := 0, false, int64(0) // start of what is not kept yet
	for {
		before := d.InputOffset()
		token, err := d.RawToken()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 2 && t.Name == xml.Name{Local: "metadata"}:
				inside, start = true, d.InputOffset()
			case depth == 3 && inside:
				keep(start, before)
				start = before
			}
		case xml.EndElement:
			depth--
			switch {
			case depth == 2 && inside:
				if len(elements) == 0 {
					return errors.New("cannot read <metadata>")
				}
				elements[0].raw = doc[start:d.InputOffset()]
				metadata.children = append(metadata.children, elements[0])
				elements, start = elements[1:], d.InputOffset()
			case depth == 1 && inside:
				keep(start, before)
				return nil
			}
		}
	}
}

// readTree reads elements until the input ends, and returns the first one. What is
// nested too deep is left out: it can only be the far end of a chain of disk
// images.
func readTree(next func() (xml.Token, error)) (*node, error) {
	var first *node
	var open []*node
	tooDeep := 0 // elements that are open and left out
	for count := 0; ; {
		token, err := next()
		if errors.Is(err, io.EOF) {
			return first, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) == maxDepth {
				tooDeep++
				continue
			}
			if count++; count > maxNodes {
				return nil, errors.New("it has too many elements")
			}
			n := &node{name: t.Name.Local, space: t.Name.Space, attrs: slices.Clone(t.Attr)}
			if first == nil {
				first = n
			}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, n)
			}
			open = append(open, n)
		case xml.EndElement:
			if tooDeep > 0 {
				tooDeep--
				continue
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && tooDeep == 0 {
				open[len(open)-1].addText(t)
			}
		}
	}
}

// addText skips the white space between elements before it costs a string.
func (n *node) addText(data []byte) {
	if n.text == "" && strings.TrimSpace(string(data)) == "" {
		return
	}
	n.text += string(data)
}

// all is every child element with this name and no namespace.
func (n *node) all(name string) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if n == nil {
			return
		}
		for _, c := range n.children {
			if c.name == name && c.space == "" && !yield(c) {
				return
			}
		}
	}
}

// find is the first child with the first name, its first child with the second
// one, and so on; nil when any of them is absent.
func (n *node) find(path ...string) *node {
	for _, name := range path {
		var next *node
		for c := range n.all(name) {
			next = c
			break
		}
		n = next
	}
	return n
}

// clone returns a copy that shares nothing with n.
func (n *node) clone() *node {
	if n == nil {
		return nil
	}
	c := *n
	c.attrs = slices.Clone(n.attrs)
	c.children = make([]*node, len(n.children))
	for i, child := range n.children {
		c.children[i] = child.clone()
	}
	return &c
}

// has says whether there is a child element with this name.
func (n *node) has(name string) bool { return n.find(name) != nil }

// content is the element's text without the space around it.
func (n *node) content() string { return strings.TrimSpace(n.verbatim()) }

// verbatim is the element's text as it is, for what people have written.
func (n *node) verbatim() string {
	if n == nil {
		return ""
	}
	return n.text
}

// attr is the value of an attribute, empty when absent.
func (n *node) attr(name string) string {
	value, _ := n.lookup(name)
	return value
}

// lookup is the value of an attribute and whether it is there.
func (n *node) lookup(name string) (string, bool) {
	if n == nil {
		return "", false
	}
	for i := range n.attrs {
		if a := &n.attrs[i]; a.Name.Local == name && a.Name.Space == "" {
			return a.Value, true
		}
	}
	return "", false
}

// yes says whether an attribute has one of libvirt's words for true.
func (n *node) yes(name string) bool {
	value := n.attr(name)
	return value == "yes" || value == "on"
}
