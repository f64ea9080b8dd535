package domainxml

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// MaxXML is how large the XML of a caller may be. libvirt's own documents are
// a hundredth of it.
const MaxXML = 1 << 20

// Check looks at a caller's XML before libvirt sees it: it must be one plain
// <domain> document of bounded size and depth, without the document type,
// entities and processing instructions that no domain needs. It returns the
// VM's name, and its UUID in libvirt's form or empty. Whether it makes sense is
// libvirt's to say. Errors are InvalidArgument.
func Check(doc string) (name, uuid string, err error) {
	if len(doc) > MaxXML {
		return "", "", invalid("The XML is too large: %d bytes, and %d are allowed.", len(doc), MaxXML)
	}
	if !utf8.ValidString(doc) {
		return "", "", invalid("The XML is not valid UTF-8.")
	}
	c := checker{d: xml.NewDecoder(strings.NewReader(doc))}
	if err := c.run(); err != nil {
		return "", "", err
	}
	return c.identity()
}

// declaration is the beginning of a document that says how it is encoded.
var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*\?>`)

// Decoded returns a caller's XML as what it is, UTF-8: without a byte order mark,
// without the name of the encoding that its file had, and without an empty UUID,
// which libvirt takes for none and its schema refuses. Documents that say that
// they have characters of several bytes stay as they are, and are refused.
func Decoded(doc string) string {
	if len(doc) > MaxXML {
		return doc // which is refused
	}
	doc = withoutEmptyUUID(strings.TrimPrefix(doc, "\ufeff"))
	m := declaration.FindStringSubmatchIndex(doc)
	if m == nil {
		return doc
	}
	name := strings.ToUpper(doc[m[2]:m[3]])
	if name == "UTF-8" || strings.Contains(name, "16") && !strings.HasPrefix(name, "ISO-8859") || strings.Contains(name, "32") || strings.Contains(name, "UCS") {
		return doc
	}
	return doc[m[1]:]
}

// withoutEmptyUUID returns a document without its first <uuid>, if that is empty.
func withoutEmptyUUID(doc string) string {
	if !strings.Contains(doc, "<uuid") {
		return doc
	}
	d := xml.NewDecoder(strings.NewReader(doc))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	start := int64(-1) // of the element, while it is empty
	for depth := 0; ; {
		before := d.InputOffset()
		token, err := d.RawToken()
		if err != nil {
			return doc // what is wrong with it is said elsewhere
		}
		switch t := token.(type) {
		case xml.StartElement:
			if start >= 0 {
				return doc
			}
			if depth++; depth == 2 && t.Name == (xml.Name{Local: "uuid"}) {
				start = before
			}
		case xml.EndElement:
			if depth--; start >= 0 {
				return doc[:start] + doc[d.InputOffset():]
			}
		default:
			if start >= 0 {
				return doc
			}
		}
	}
}

func invalid(format string, args ...any) error {
	return errs.New(errs.InvalidArgument, format, args...)
}

// checker walks through a document once.
type checker struct {
	d          *xml.Decoder
	depth      int
	seenRoot   bool
	field      *strings.Builder // the name or uuid that is being read
	name, uuid *strings.Builder // nil until its first element starts
}

func (c *checker) run() error {
	for {
		token, err := c.d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errs.Wrap(errs.InvalidArgument, err, "The XML is not well-formed: %s.", syntax(err))
		}
		if err := c.token(token); err != nil {
			return err
		}
	}
	if !c.seenRoot {
		return invalid("The XML is empty.")
	}
	return nil
}

// syntax is the decoder's own words for people.
func syntax(err error) string {
	var s *xml.SyntaxError
	if errors.As(err, &s) {
		return strings.TrimSuffix(strings.TrimPrefix(s.Error(), "XML syntax error on "), ".")
	}
	return strings.TrimPrefix(err.Error(), "xml: ")
}

func (c *checker) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return c.start(t)
	case xml.EndElement:
		c.depth--
		if c.depth == 1 {
			c.field = nil
		}
	case xml.CharData:
		return c.text(t)
	case xml.Comment:
		if string(t) == redactedMark {
			return invalid("This definition is not complete: what may hold secrets was left out of it. Get it again with the right to configure the virtual machine.")
		}
	case xml.Directive:
		return invalid("The XML has a document type or entity declaration, which is not allowed.")
	case xml.ProcInst:
		if t.Target != "xml" || c.seenRoot {
			return invalid("The XML has a processing instruction, which is not allowed.")
		}
	}
	return nil
}

func (c *checker) start(t xml.StartElement) error {
	switch {
	case c.depth == 0 && c.seenRoot:
		return invalid("The XML has more than one root element.")
	case c.depth == 0 && t.Name != xml.Name{Local: "domain"}:
		return invalid("The XML describes no VM: its root element is <%s> and not <domain>.", t.Name.Local)
	case c.depth == maxDepth:
		return invalid("The XML is nested too deep: %d levels are allowed.", maxDepth)
	}
	c.seenRoot = true
	if c.depth == 1 {
		c.startField(t.Name)
	}
	c.depth++
	return nil
}

// startField remembers the first name and the first uuid, which are the ones
// that libvirt reads.
func (c *checker) startField(name xml.Name) {
	switch {
	case name == xml.Name{Local: "name"} && c.name == nil:
		c.name = &strings.Builder{}
		c.field = c.name
	case name == xml.Name{Local: "uuid"} && c.uuid == nil:
		c.uuid = &strings.Builder{}
		c.field = c.uuid
	}
}

func (c *checker) text(data []byte) error {
	if c.depth == 0 && strings.TrimSpace(string(data)) != "" {
		return invalid("The XML has text outside its root element.")
	}
	if c.field != nil {
		c.field.Write(data)
	}
	return nil
}

// identity validates what the document calls the VM.
func (c *checker) identity() (name, uuid string, err error) {
	if c.name == nil {
		return "", "", invalid("The XML has no <name> for the VM.")
	}
	name = c.name.String()
	if err := model.ValidateVMName(name); err != nil {
		return "", "", invalid("%s", err.Error())
	}
	if c.uuid == nil || c.uuid.Len() == 0 { // libvirt makes one for both
		return name, "", nil
	}
	uuid, err = model.ParseUUID(strings.TrimSpace(c.uuid.String()))
	if err != nil {
		return "", "", invalid("%s", err.Error())
	}
	return name, uuid, nil
}
