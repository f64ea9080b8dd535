package busfuzz

import (
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// The standard interfaces.
const (
	peerName          = "org.freedesktop.DBus.Peer"
	introspectable    = "org.freedesktop.DBus.Introspectable"
	propertiesName    = "org.freedesktop.DBus.Properties"
	objectManagerName = "org.freedesktop.DBus.ObjectManager"
)

// Target is an object of the service.
type Target struct {
	Path       dbus.ObjectPath
	Interfaces []Interface
}

// Interface is one of an object's interfaces.
type Interface struct {
	Name       string
	Methods    []Method
	Properties []string
}

// Method is a method of an interface, with the types that it takes, and what
// it calls them.
type Method struct {
	Name, In string
	Args     []string
}

// Survey is what there is to call at some moment.
type Survey struct {
	Targets    []Target // with at least one interface
	Vocabulary Vocabulary
	hosts      map[dbus.ObjectPath]dbus.ObjectPath // host of each object that has one
	jobs       map[dbus.ObjectPath]string          // State of each job
}

// node is an introspection document.
type node struct {
	Interfaces []struct {
		Name    string `xml:"name,attr"`
		Methods []struct {
			Name string `xml:"name,attr"`
			Args []struct {
				Name      string `xml:"name,attr"`
				Type      string `xml:"type,attr"`
				Direction string `xml:"direction,attr"`
			} `xml:"arg"`
		} `xml:"method"`
		Properties []struct {
			Name string `xml:"name,attr"`
		} `xml:"property"`
	} `xml:"interface"`
	Nodes []struct {
		Name string `xml:"name,attr"`
	} `xml:"node"`
}

// survey reads the service's tree and what its objects say of themselves.
func (c *conn) survey(service string) (*Survey, error) {
	s := &Survey{hosts: map[dbus.ObjectPath]dbus.ObjectPath{}, jobs: map[dbus.ObjectPath]string{}}
	if err := c.introspect(service, "/", s); err != nil {
		return nil, err
	}
	for _, target := range s.Targets {
		s.Vocabulary.Paths = append(s.Vocabulary.Paths, target.Path)
		if target.has(objectManagerName) {
			if err := c.harvest(service, target.Path, s); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(s.Vocabulary.Words)
	s.Vocabulary.Words = slices.Compact(s.Vocabulary.Words)
	return s, nil
}

// introspect adds the object at path and those below it. One that vanishes
// meanwhile is left out.
func (c *conn) introspect(service string, path dbus.ObjectPath, s *Survey) error {
	answer, err := c.ask(&Call{Destination: service, Path: path, Interface: introspectable, Member: "Introspect"})
	if err != nil {
		return fmt.Errorf("cannot introspect %s: %w", path, err)
	}
	if answer.Type == dbus.TypeError {
		if path == "/" {
			return fmt.Errorf("cannot introspect /: %v", answer.Body)
		}
		return nil
	}
	target, children, err := parse(path, answer.Body[0].(string))
	if err != nil {
		return err
	}
	if len(target.Interfaces) > 0 {
		s.Targets = append(s.Targets, target)
	}
	for _, child := range children {
		if err := c.introspect(service, child, s); err != nil {
			return err
		}
	}
	return nil
}

func parse(path dbus.ObjectPath, document string) (t Target, children []dbus.ObjectPath, err error) {
	var n node
	if err := xml.Unmarshal([]byte(document), &n); err != nil {
		return t, nil, fmt.Errorf("cannot read the introspection of %s: %w", path, err)
	}
	t.Path = path
	for _, i := range n.Interfaces {
		iface := Interface{Name: i.Name}
		for _, m := range i.Methods {
			method := Method{Name: m.Name}
			for _, arg := range m.Args {
				if arg.Direction != "out" {
					method.In += arg.Type
					method.Args = append(method.Args, arg.Name)
				}
			}
			iface.Methods = append(iface.Methods, method)
		}
		for _, p := range i.Properties {
			iface.Properties = append(iface.Properties, p.Name)
		}
		t.Interfaces = append(t.Interfaces, iface)
	}
	for _, child := range n.Nodes {
		children = append(children, dbus.ObjectPath(strings.TrimSuffix(string(path), "/")+"/"+child.Name))
	}
	return t, children, nil
}

// method finds a method by name; nil when there is none.
func (i *Interface) method(name string) *Method {
	for n := range i.Methods {
		if i.Methods[n].Name == name {
			return &i.Methods[n]
		}
	}
	return nil
}

func (t *Target) has(iface string) bool {
	return slices.ContainsFunc(t.Interfaces, func(i Interface) bool { return i.Name == iface })
}

// harvest collects the words in the properties below an object manager, and
// who belongs to whom.
func (c *conn) harvest(service string, root dbus.ObjectPath, s *Survey) error {
	answer, err := c.ask(&Call{Destination: service, Path: root, Interface: objectManagerName, Member: "GetManagedObjects"})
	if err != nil {
		return fmt.Errorf("cannot read the objects: %w", err)
	}
	var objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant
	if err := dbus.Store(answer.Body, &objects); err != nil {
		return fmt.Errorf("cannot read the objects: %w", err)
	}
	for path, ifaces := range objects {
		for iface, props := range ifaces {
			for name, value := range props {
				s.collect(value.Value())
				switch {
				case name == "Host":
					s.hosts[path], _ = value.Value().(dbus.ObjectPath)
				case iface == "org.kvmmanager.Host":
					s.hosts[path] = path
				case iface == "org.kvmmanager.Job" && name == "State":
					s.jobs[path], _ = value.Value().(string)
				}
			}
		}
	}
	return nil
}

// collect takes the short words out of a property's value.
func (s *Survey) collect(value any) {
	const most = 100
	switch v := value.(type) {
	case string:
		if v != "" && len(v) <= most {
			s.Vocabulary.Words = append(s.Vocabulary.Words, v)
		}
	case []string:
		for _, text := range v {
			s.collect(text)
		}
	case map[string]dbus.Variant:
		for _, inner := range v {
			s.collect(inner.Value())
		}
	case []map[string]dbus.Variant:
		for _, record := range v {
			s.collect(record)
		}
	}
}

// only is the survey without what belongs to other hosts than these. Without
// any, it is the whole.
func (s *Survey) only(hosts []dbus.ObjectPath) *Survey {
	if hosts == nil {
		return s
	}
	// What has no host of its own, such as a volume, is on that of what it is in.
	other := func(at dbus.ObjectPath) bool {
		for p := string(at); p != "/"; p = path.Dir(p) {
			if host, has := s.hosts[dbus.ObjectPath(p)]; has {
				return !slices.Contains(hosts, host)
			}
		}
		return false
	}
	return &Survey{
		Targets: slices.DeleteFunc(slices.Clone(s.Targets), func(t Target) bool { return other(t.Path) }),
		Vocabulary: Vocabulary{
			Words: s.Vocabulary.Words,
			Paths: slices.DeleteFunc(slices.Clone(s.Vocabulary.Paths), other),
		},
		hosts: s.hosts, jobs: s.jobs,
	}
}
