//go:build display

package ui_test

import (
	"slices"
	"testing"

	"org.kvmmanager/internal/model"
)

// roles are those of what a person can use. A screen reader says their names.
var roles = []string{"push button", "button", "toggle button", "entry", "text", "list item", "menu item", "combo box", "tab", "page tab", "switch", "spin button", "check box", "checkbox"}

func TestAVMIsStartedAndForcedOffFromItsPage(t *testing.T) {
	s := service(t)
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.do(t, "open", string(tiny))
	app.await(t, "button", "Start").act(t)
	awaitThat(t, "running guest", func() bool { return s.VM(tiny).State == model.VMRunning })
	app.await(t, "button", "Shut Down")
	if _, err := s.PowerOff(t.Context(), tiny); err != nil {
		t.Fatal(err)
	}
	app.await(t, "button", "Start")
}

func TestEverythingThatCanBeUsedHasAName(t *testing.T) {
	service(t)
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.do(t, "open", string(tiny))
	app.await(t, "button", "Start")
	used := 0
	app.each(func(n node) bool {
		if role := n.role(); slices.Contains(roles, role) {
			used++
			if n.name() == "" {
				t.Errorf("a %s has no name: %s", role, n.Path)
			}
		}
		return true
	})
	if used < 8 {
		t.Errorf("only %d things can be used", used)
	}
}
