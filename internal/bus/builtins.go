package bus

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// builtins answers the methods of the standard interfaces. They find the state
// only when the answer is about to be written, see link.sendFresh.
var builtins = map[string]func(s *service, args []any) error{
	peerName + ".Ping":                       (*service).ping,
	peerName + ".GetMachineId":               (*service).machineID,
	introspectableName + ".Introspect":       (*service).introspect,
	propertiesName + ".Get":                  (*service).get,
	propertiesName + ".GetAll":               (*service).getAll,
	propertiesName + ".Set":                  (*service).set,
	objectManagerName + ".GetManagedObjects": (*service).managedObjects,
}

func (s *service) ping([]any) error { return s.answer("", nil) }

func (s *service) machineID([]any) error {
	var err error
	for _, file := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		var id []byte
		if id, err = os.ReadFile(file); err == nil {
			return s.answer("s", stringBody(strings.TrimSpace(string(id))))
		}
	}
	return fmt.Errorf("cannot read the machine's id: %w", err)
}

func (s *service) introspect([]any) error {
	_, o := s.tree.find(s.in.path)
	ifaces := slices.Concat(standardOf(s.in.path == s.tree.root), o.interfaces())
	return s.answer("s", stringBody(introspection(ifaces, s.tree.children(s.in.path))))
}

// get answers Properties.Get.
func (s *service) get(args []any) error {
	iface, name := args[0].(string), args[1].(string)
	return s.answer("v", func() ([][]byte, error) {
		_, p, err := s.part(iface)
		if err != nil {
			return nil, err
		}
		decl := p.iface.Property(name)
		if decl == nil {
			return nil, unknownProperty(iface, name)
		}
		value, ok := p.value(decl, s.tree.log)
		if !ok {
			return nil, unknownProperty(iface, name)
		}
		body, _, err := marshal("v", []any{value})
		return [][]byte{body}, err
	})
}

// getAll answers Properties.GetAll.
func (s *service) getAll(args []any) error {
	iface := args[0].(string)
	return s.answer("a{sv}", func() ([][]byte, error) {
		o, p, err := s.part(iface)
		if err != nil {
			return nil, err
		}
		if o == nil {
			return [][]byte{noElements}, nil
		}
		return [][]byte{o.encoding(s.tree.log).all(slices.Index(o.parts, p))}, nil
	})
}

// set refuses: no property can be written.
func (s *service) set(args []any) error {
	iface, name := args[0].(string), args[1].(string)
	_, p, err := s.part(iface)
	if err != nil {
		return err
	}
	if p.iface.Property(name) == nil {
		return unknownProperty(iface, name)
	}
	return propertyReadOnly(iface, name)
}

// managedObjects answers GetManagedObjects. What has no encoding yet gets it
// before other messages have to wait.
func (s *service) managedObjects([]any) error {
	_, _ = listed(s.tree.managed(), maxObjects, s.tree.log)
	return s.answer("a{oa{sa{sv}}}", func() ([][]byte, error) {
		list, err := listed(s.tree.managed(), maxObjects, s.tree.log)
		return managedObjects(list), err
	})
}

// part finds an interface of the call's object. For a standard one, which has
// no properties, there is no object.
func (s *service) part(iface string) (*object, *part, error) {
	_, o := s.tree.find(s.in.path)
	if p := o.part(iface); p != nil {
		return o, p, nil
	}
	for _, i := range standardOf(s.in.path == s.tree.root) {
		if i.Name == iface {
			return nil, &part{iface: i}, nil
		}
	}
	return nil, nil, unknownInterface(s.in.path, iface)
}

// noElements is the body of an empty a{sv}.
var noElements = make([]byte, 8)

func stringBody(text string) func() ([][]byte, error) {
	body := encoder{}
	body.string(text)
	return func() ([][]byte, error) { return [][]byte{body.b}, nil }
}

// answer sends what the tree itself knows. compose runs when nothing can be
// written before the answer any more.
func (s *service) answer(signature string, compose func() ([][]byte, error)) error {
	if !s.in.wantsReply() {
		return nil
	}
	return s.sent(s.link.sendFresh(func() (*header, [][]byte) {
		if compose == nil {
			return s.in.reply(signature), nil
		}
		body, err := compose()
		if err != nil {
			return s.failure(err)
		}
		return s.in.reply(signature), body
	}))
}
