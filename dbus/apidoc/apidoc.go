// Package apidoc reads the documentation out of the introspection XML, for the
// generator of the API reference and for tests that hold the program to it. It
// is strict: an element that is not documented is an error.
//
// A comment before an element documents it. It starts with the element's name
// and a colon, then come lines of the form "@argument: text", then paragraphs
// of Markdown. List items of the form "- `key` (type): text" document the keys
// of a dictionary, or "- `key` (type, since N): text" if the key is younger than
// what it is documented with. The last paragraphs of a method start with
// "Errors:" and "Action:". In an interface's comment, lines that start with "# "
// begin sections. The annotation org.gtk.GDBus.Since of an interface or member is
// the version of the API that it came with.
package apidoc

// Interface is one D-Bus interface with its documentation.
type Interface struct {
	Name       string
	Since      uint32 // version of the API
	Short      string // a few words
	Text       string // Markdown
	Sections   []Section
	Properties []Property
	Methods    []Method
	Signals    []Signal
}

// Section is a part of an interface's documentation with a title.
type Section struct {
	Title string
	Text  string
	Keys  []Key
}

// Property is a property of an interface.
type Property struct {
	Name, Type string
	Since      uint32
	Emits      string // value of the annotation EmitsChangedSignal
	Text       string
	Keys       []Key
}

// Method is a method of an interface.
type Method struct {
	Name    string
	Since   uint32
	In, Out []Arg
	Text    string
	Errors  string
	Action  string
}

// Signal is a signal of an interface.
type Signal struct {
	Name  string
	Since uint32
	Args  []Arg
	Text  string
}

// Arg is an argument of a method or signal.
type Arg struct {
	Name, Type string
	Text       string
	Keys       []Key
}

// Key is a documented key of a dictionary.
type Key struct {
	Name, Type string
	Since      uint32 // 0: as what it is documented with
}

// Options is the keys that a method takes in its last argument, with their
// types.
func (m *Method) Options() map[string]string {
	options := map[string]string{}
	if n := len(m.In); n > 0 {
		for _, key := range m.In[n-1].Keys {
			options[key.Name] = key.Type
		}
	}
	return options
}

// Actions is the polkit actions that a method can ask for; empty when it is
// open to everybody.
func (m *Method) Actions() []string { return actionName.FindAllString(m.Action, -1) }

// Method finds a method by name; nil when there is none.
func (i *Interface) Method(name string) *Method {
	for n := range i.Methods {
		if i.Methods[n].Name == name {
			return &i.Methods[n]
		}
	}
	return nil
}

// Section finds a section by title; nil when there is none.
func (i *Interface) Section(title string) *Section {
	for n := range i.Sections {
		if i.Sections[n].Title == title {
			return &i.Sections[n]
		}
	}
	return nil
}
