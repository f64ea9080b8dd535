//go:build display

package ui_test

import (
	"slices"
	"testing"
)

func TestANewVMCanBeAskedFor(t *testing.T) {
	_, _, app := fake(t, 1)
	app.await(t, "button", "New Virtual Machine").act(t)
	next := app.await(t, "button", "Next")
	if next.is(sensitive) {
		t.Error("one can go on without a name and a file")
	}
	app.await(t, "button", "Choose File…")
	app.each(func(n node) bool {
		// The item that a combo box shows is part of it, and named by the box.
		if role := n.role(); role != "list item" && slices.Contains(roles, role) && n.name() == "" {
			t.Errorf("a %s has no name: %s", n.role(), n.Path)
		}
		return true
	})
}

func TestWithoutVMsOneIsOffered(t *testing.T) {
	_, _, app := fake(t, 0)
	app.await(t, "button", "New Virtual Machine…").act(t)
	app.await(t, "button", "Next")
}
