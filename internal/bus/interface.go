package bus

import "strings"

// The modes of org.freedesktop.DBus.Property.EmitsChangedSignal.
const (
	EmitsValue       = "true"        // PropertiesChanged carries the new value
	EmitsInvalidates = "invalidates" // PropertiesChanged only names the property
	EmitsConst       = "const"       // the value stays as long as the object
	EmitsNothing     = "false"       // changes are not announced
)

// Interface is a D-Bus interface as its introspection data declares it.
// Members are in the order of the XML.
type Interface struct {
	Name        string
	Methods     []*Method
	Properties  []*Property
	Signals     []*Signal
	Annotations []Annotation

	xml string // what Introspect serves
}

// Method is a declared method. Its signatures are those of all arguments of
// that direction together.
type Method struct {
	Name        string
	In, Out     []Arg
	InSig       string
	OutSig      string
	MaxSize     int // of a call's body, in bytes
	Annotations []Annotation
}

// Signal is a declared signal.
type Signal struct {
	Name        string
	Args        []Arg
	Sig         string
	Annotations []Annotation
}

// Arg is one argument of a method or signal.
type Arg struct {
	Name, Type  string
	Annotations []Annotation
}

// Property is a declared property. All are read-only.
type Property struct {
	Name, Type  string
	Emits       string // one of the Emits constants
	Annotations []Annotation
}

// Annotation is a name and value that says more about what it belongs to.
type Annotation struct {
	Name, Value string
}

// Method is the method of this name, or nil.
func (i *Interface) Method(name string) *Method {
	for _, m := range i.Methods {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Signal is the signal of this name, or nil.
func (i *Interface) Signal(name string) *Signal {
	for _, s := range i.Signals {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Property is the property of this name, or nil.
func (i *Interface) Property(name string) *Property {
	for _, p := range i.Properties {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// signature joins the types of args.
func signature(args []Arg) string {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(a.Type)
	}
	return b.String()
}
