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

// TestTheAddressOfAMediumIsLookedAt chooses the last source, with the keyboard.
func TestTheAddressOfAMediumIsLookedAt(t *testing.T) {
	_, _, app := fake(t, 1)
	app.await(t, "button", "New Virtual Machine").act(t)
	next := app.await(t, "button", "Next")
	app.await(t, "text box", "Name").write(t, "web")
	app.tabTo(t, "combo box")
	app.press(t, "space", "End", "Return")
	address := app.await(t, "text box", "Address, such as https://example.org/debian.iso")
	address.write(t, "https://example.org/debian/")
	app.await(t, "label", "The address is that of a folder. Give that of an ISO image: from a folder with a kernel nothing can be installed.")
	if next.is(sensitive) {
		t.Error("one can go on with a folder")
	}
	address.write(t, "https://example.org/debian.iso")
	awaitThat(t, "one can go on", func() bool { return next.is(sensitive) })
	next.act(t)
	app.await(t, "button", "Review").act(t)
	app.await(t, "label", "https://example.org/debian.iso")
}

func TestWithoutVMsOneIsOffered(t *testing.T) {
	_, _, app := fake(t, 0)
	app.await(t, "button", "New Virtual Machine…").act(t)
	app.await(t, "button", "Next")
}
