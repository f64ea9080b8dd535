package bus

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

const (
	emitsChangedAnnotation = "org.freedesktop.DBus.Property.EmitsChangedSignal"
	// maxSizeAnnotation says how many bytes the body of a call of a method may
	// have, where that is more or less than maxCallSize.
	maxSizeAnnotation = "org.kvmmanager.MaxSize"
)

var (
	validInterface = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$`)
	validMember    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// The shape of introspection data, as D-Bus's DTD has it.
type (
	xmlNode struct {
		XMLName    xml.Name       `xml:"node"`
		Interfaces []xmlInterface `xml:"interface"`
	}
	xmlInterface struct {
		Name        string          `xml:"name,attr"`
		Methods     []xmlMember     `xml:"method"`
		Signals     []xmlMember     `xml:"signal"`
		Properties  []xmlProperty   `xml:"property"`
		Annotations []xmlAnnotation `xml:"annotation"`
	}
	xmlMember struct {
		Name        string          `xml:"name,attr"`
		Args        []xmlArg        `xml:"arg"`
		Annotations []xmlAnnotation `xml:"annotation"`
	}
	xmlArg struct {
		Name        string          `xml:"name,attr"`
		Type        string          `xml:"type,attr"`
		Direction   string          `xml:"direction,attr"`
		Annotations []xmlAnnotation `xml:"annotation"`
	}
	xmlProperty struct {
		Name        string          `xml:"name,attr"`
		Type        string          `xml:"type,attr"`
		Access      string          `xml:"access,attr"`
		Annotations []xmlAnnotation `xml:"annotation"`
	}
	xmlAnnotation struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
)

// ParseInterfaces reads introspection data: a node with any number of
// interfaces. It refuses what the tree could not serve as declared: invalid
// names and types, members declared twice, writable properties.
func ParseInterfaces(data []byte) ([]*Interface, error) {
	var node xmlNode
	if err := xml.Unmarshal(data, &node); err != nil {
		return nil, fmt.Errorf("cannot parse introspection data: %w", err)
	}
	ifaces := make([]*Interface, 0, len(node.Interfaces))
	for i := range node.Interfaces {
		iface, err := node.Interfaces[i].parse()
		if err != nil {
			return nil, fmt.Errorf("cannot use interface %q: %w", node.Interfaces[i].Name, err)
		}
		ifaces = append(ifaces, iface)
	}
	return ifaces, nil
}

func (x *xmlInterface) parse() (*Interface, error) {
	if len(x.Name) > 255 || !validInterface.MatchString(x.Name) {
		return nil, fmt.Errorf("invalid name")
	}
	iface := &Interface{Name: x.Name, Annotations: annotations(x.Annotations)}
	for _, read := range []func(*Interface) error{x.methods, x.properties, x.signals} {
		if err := read(iface); err != nil {
			return nil, err
		}
	}
	iface.xml = renderInterface(iface)
	return iface, nil
}

func (x *xmlInterface) methods(iface *Interface) error {
	for _, m := range x.Methods {
		if err := checkMember(m.Name, iface.Method(m.Name) != nil); err != nil {
			return err
		}
		in, out, err := m.split("in")
		if err != nil {
			return err
		}
		if len(signature(in)) > 255 || len(signature(out)) > 255 {
			return fmt.Errorf("method %s has too many arguments", m.Name)
		}
		size, err := m.maxSize()
		if err != nil {
			return err
		}
		iface.Methods = append(iface.Methods, &Method{
			Name: m.Name, In: in, Out: out, InSig: signature(in), OutSig: signature(out), MaxSize: size,
			Annotations: annotations(m.Annotations),
		})
	}
	return nil
}

func (x *xmlInterface) signals(iface *Interface) error {
	for _, s := range x.Signals {
		if err := checkMember(s.Name, iface.Signal(s.Name) != nil); err != nil {
			return err
		}
		in, args, err := s.split("out")
		if err != nil {
			return err
		}
		if len(in) > 0 {
			return fmt.Errorf("signal %s has an argument of direction in", s.Name)
		}
		if len(signature(args)) > 255 {
			return fmt.Errorf("signal %s has too many arguments", s.Name)
		}
		iface.Signals = append(iface.Signals, &Signal{
			Name: s.Name, Args: args, Sig: signature(args), Annotations: annotations(s.Annotations),
		})
	}
	return nil
}

func (x *xmlInterface) properties(iface *Interface) error {
	emits := EmitsValue
	for _, a := range x.Annotations {
		if a.Name == emitsChangedAnnotation {
			emits = a.Value
		}
	}
	for _, p := range x.Properties {
		if err := checkMember(p.Name, iface.Property(p.Name) != nil); err != nil {
			return err
		}
		if err := checkType(p.Type); err != nil {
			return fmt.Errorf("property %s: %w", p.Name, err)
		}
		if p.Access != "read" {
			return fmt.Errorf("property %s: access is %q, only read can be served", p.Name, p.Access)
		}
		prop := &Property{Name: p.Name, Type: p.Type, Emits: emits}
		for _, a := range annotations(p.Annotations) {
			if a.Name == emitsChangedAnnotation {
				prop.Emits = a.Value
				continue
			}
			prop.Annotations = append(prop.Annotations, a)
		}
		switch prop.Emits {
		case EmitsValue, EmitsInvalidates, EmitsConst, EmitsNothing:
		default:
			return fmt.Errorf("property %s: unknown EmitsChangedSignal %q", p.Name, prop.Emits)
		}
		iface.Properties = append(iface.Properties, prop)
	}
	return nil
}

// split sorts the arguments by direction; undirected is what an argument
// without one has.
func (m *xmlMember) split(undirected string) (in, out []Arg, err error) {
	for _, a := range m.Args {
		if err := checkType(a.Type); err != nil {
			return nil, nil, fmt.Errorf("%s: argument %q: %w", m.Name, a.Name, err)
		}
		arg := Arg{Name: a.Name, Type: a.Type, Annotations: annotations(a.Annotations)}
		direction := a.Direction
		if direction == "" {
			direction = undirected
		}
		switch direction {
		case "in":
			in = append(in, arg)
		case "out":
			out = append(out, arg)
		default:
			return nil, nil, fmt.Errorf("%s: argument %q: unknown direction %q", m.Name, a.Name, a.Direction)
		}
	}
	return in, out, nil
}

// maxSize returns how long the body of a call may be.
func (m *xmlMember) maxSize() (int, error) {
	for _, a := range m.Annotations {
		if a.Name != maxSizeAnnotation {
			continue
		}
		size, err := strconv.ParseUint(a.Value, 10, 31)
		if err != nil || size > maxBytesPerUser/2 {
			return 0, fmt.Errorf("method %s: %s is %q, not a number of bytes", m.Name, maxSizeAnnotation, a.Value)
		}
		return int(size), nil
	}
	return maxCallSize, nil
}

func checkMember(name string, known bool) error {
	if len(name) > 255 || !validMember.MatchString(name) {
		return fmt.Errorf("invalid member name %q", name)
	}
	if known {
		return fmt.Errorf("%s is declared twice", name)
	}
	return nil
}

// checkType says whether t is one complete type.
func checkType(t string) error {
	if _, err := dbus.ParseSignature(t); err != nil {
		return fmt.Errorf("invalid type %q: %w", t, err)
	}
	if n := singleType(t); n == 0 || n != len(t) {
		return fmt.Errorf("%q is not one complete type", t)
	}
	return nil
}

// singleType is the length of the first complete type of a valid signature.
func singleType(sig string) int {
	if sig == "" {
		return 0
	}
	n := len(sig) - len(strings.TrimLeft(sig, "a"))
	depth := 0
	for n < len(sig) {
		switch sig[n] {
		case '(', '{':
			depth++
		case ')', '}':
			depth--
		}
		n++
		if depth == 0 {
			break
		}
	}
	return n
}

func annotations(xs []xmlAnnotation) []Annotation {
	var as []Annotation
	for _, x := range xs {
		as = append(as, Annotation(x))
	}
	return as
}
