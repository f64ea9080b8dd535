//go:build display

package ui_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	accessible = "org.a11y.atspi.Accessible"
	rootPath   = dbus.ObjectPath("/org/a11y/atspi/accessible/root")
)

// node is an object of the accessibility tree, as a screen reader sees it.
type node struct {
	bus  *dbus.Conn
	Name string // of the program on the accessibility bus
	Path dbus.ObjectPath
}

func (n node) object() dbus.BusObject { return n.bus.Object(n.Name, n.Path) }

// text is a property that is a text; empty when the object is gone.
func (n node) text(property string) string {
	v, err := n.object().GetProperty(accessible + "." + property)
	if err != nil {
		return ""
	}
	s, _ := v.Value().(string)
	return s
}

func (n node) name() string { return n.text("Name") }

func (n node) role() string {
	var role string
	_ = n.object().Call(accessible+".GetRoleName", 0).Store(&role)
	return role
}

// is says whether a state is set, by its number in AT-SPI's list.
func (n node) is(state uint) bool {
	var words []uint32
	_ = n.object().Call(accessible+".GetState", 0).Store(&words)
	return int(state/32) < len(words) && words[state/32]&(1<<(state%32)) != 0
}

// The states that the tests look at.
const (
	checked   = 4
	focused   = 12
	sensitive = 24
	showing   = 25
)

func (n node) children() []node {
	var refs []struct {
		Name string
		Path dbus.ObjectPath
	}
	_ = n.object().Call(accessible+".GetChildren", 0).Store(&refs)
	list := make([]node, len(refs))
	for i, r := range refs {
		list[i] = node{n.bus, r.Name, r.Path}
	}
	return list
}

// each visits what is shown below a node, and the node.
func (n node) each(visit func(node) (goOn bool)) bool {
	if !visit(n) {
		return false
	}
	for _, child := range n.children() {
		if child.is(showing) && !child.each(visit) {
			return false
		}
	}
	return true
}

// says is whether there is anything to read in it.
func (n node) says() (text bool) {
	n.each(func(c node) bool {
		text = c.name() != ""
		return !text
	})
	return text
}

// find looks for something that is shown, by its role and name.
func (n node) find(role, name string) (found node, ok bool) {
	n.each(func(c node) bool {
		if c.role() == role && c.name() == name {
			found, ok = c, true
		}
		return !ok
	})
	return found, ok
}

// await waits until something is shown.
func (n node) await(t *testing.T, role, name string) node {
	t.Helper()
	var found node
	t.Cleanup(func() {
		if t.Failed() && found.Path == "" {
			n.each(func(c node) bool { t.Logf("shown: %s %q", c.role(), c.name()); return true })
		}
	})
	awaitThat(t, fmt.Sprintf("%s %q", role, name), func() (ok bool) {
		found, ok = n.find(role, name)
		return ok
	})
	return found
}

// act does the first thing that a screen reader could do with it, or with what
// it consists of besides labels.
func (n node) act(t *testing.T) {
	t.Helper()
	n.each(func(c node) bool {
		v, err := c.object().GetProperty("org.a11y.atspi.Action.NActions")
		actions, _ := v.Value().(int32)
		if err == nil && actions > 0 && c.role() != "label" {
			n = c
			return false
		}
		return true
	})
	var done bool
	if err := n.object().Call("org.a11y.atspi.Action.DoAction", 0, int32(0)).Store(&done); err != nil || !done {
		t.Fatalf("%s %q does nothing: %v", n.role(), n.name(), err)
	}
}

// write replaces a text that can be edited.
func (n node) write(t *testing.T, text string) {
	t.Helper()
	var done bool
	if err := n.object().Call("org.a11y.atspi.EditableText.SetTextContents", 0, text).Store(&done); err != nil || !done {
		t.Fatalf("%s %q cannot be written: %v", n.role(), n.name(), err)
	}
}

// set sets a number.
func (n node) set(t *testing.T, value float64) {
	t.Helper()
	if err := n.object().SetProperty("org.a11y.atspi.Value.CurrentValue", dbus.MakeVariant(value)); err != nil {
		t.Fatalf("%s %q cannot be set: %v", n.role(), n.name(), err)
	}
}

// content is what is written in a text.
func (n node) content() (text string) {
	_ = n.object().Call("org.a11y.atspi.Text.GetText", 0, int32(0), int32(-1)).Store(&text)
	return text
}

// middle is where its middle is in the window, in pixels.
func (n node) middle(t *testing.T) (x, y int) {
	t.Helper()
	const inWindow = uint32(1)
	var at struct{ X, Y, Width, Height int32 }
	if err := n.object().Call("org.a11y.atspi.Component.GetExtents", 0, inWindow).Store(&at); err != nil {
		t.Fatalf("%s %q is nowhere: %v", n.role(), n.name(), err)
	}
	return int(at.X + at.Width/2), int(at.Y + at.Height/2)
}

// patience is for a program that starts and a guest that boots, under load.
const patience = 60 * time.Second

func awaitThat(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("there is no %s", what)
		case <-tick.C:
		}
	}
}
