//go:build display

package ui_test

import (
	"context"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/servicetest"
)

// run has a VM of the fake hypervisor run, with a screen and a serial port.
func run(world *servicetest.World, n int, name string) {
	running := fakehv.VM(n, name)
	running.State, running.ID = model.VMRunning, int32(n+1)
	world.HV.Put(running)
}

func TestTheSerialPortIsThereWhenTheScreenIsNot(t *testing.T) {
	world, _, app := fake(t, 1)
	world.HV.Hook("display", func(context.Context, string) error {
		return errs.New(errs.InvalidState, "Somebody else looks at it.")
	})
	run(world, 0, "vm-0")
	app.do(t, "open", vm(0))
	app.await(t, "button", "Shut Down")
	app.do(t, "show", "screen")
	app.await(t, "label", "The Screen Cannot Be Opened")
	app.tabOnto(t, "toggle button", "Screen (VNC)")
	app.press(t, "space")
	awaitThat(t, "choice", app.opened)
	app.arrow(t, "serial port", func(n node) bool { return n.labelled("Serial port 1") })
	app.press(t, "Return")
	awaitThat(t, "terminal that has the keyboard", func() bool { return app.hasFocus("terminal") })
	app.await(t, "terminal", "Serial port 1")
	app.await(t, "button", "Release Keyboard")
	app.press(t, "h", "i")
	awaitThat(t, "what was typed", func() bool {
		terminal, _ := app.find("terminal", "Serial port 1")
		return strings.Contains(terminal.content(), "hi")
	})
	app.press(t, "ctrl+f")
	if !app.hasFocus("terminal") {
		t.Error("a shortcut of the program took the keyboard from the guest")
	}
	app.press(t, "ctrl+alt")
	awaitThat(t, "keyboard that is free", func() bool { return !app.hasFocus("terminal") })
	app.press(t, "ctrl+f")
	awaitThat(t, "search that has the keyboard", func() bool { return app.hasFocus("search box") })
}

func TestAConsoleThatOpensLateLeavesTheKeyboardWhereItIs(t *testing.T) {
	world, _, app := fake(t, 1)
	goOn := make(chan struct{})
	world.HV.Hook("console serial0", func(ctx context.Context, _ string) error {
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	running := fakehv.VM(0, "vm-0")
	running.State, running.ID, running.Graphics = model.VMRunning, 1, nil
	world.HV.Put(running)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Shut Down")
	app.do(t, "show", "screen")
	app.await(t, "label", "Connecting…")
	app.press(t, "ctrl+f")
	awaitThat(t, "search that has the keyboard", func() bool { return app.hasFocus("search box") })
	close(goOn)
	app.await(t, "terminal", "Serial port 1")
	app.press(t, "h", "i")
	app.await(t, "label", "Nothing Found")
}

func TestTheReleaseKeysLeaveAScreen(t *testing.T) {
	s := service(t)
	if _, err := s.Start(t.Context(), tiny); err != nil {
		t.Fatal(err)
	}
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	app.do(t, "open", string(tiny))
	app.await(t, "button", "Shut Down")
	app.do(t, "show", "screen")
	app.await(t, "image", "Screen (VNC)")
	app.press(t, "shift") // the window has the focus, and in it the screen
	app.await(t, "button", "Release Keyboard")
	app.press(t, "ctrl+alt")
	awaitThat(t, "keyboard that is free", func() bool {
		_, taken := app.find("button", "Release Keyboard")
		return !taken
	})
	app.press(t, "ctrl+f")
	awaitThat(t, "search that has the keyboard", func() bool { return app.hasFocus("search box") })
}

func TestAPageInItsOwnWindowHasGraphsWhenTheMainWindowShowsNoVM(t *testing.T) {
	world, _, app := fake(t, 1)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.choose(t, detachItem)
	awaitThat(t, "second window", func() bool { return len(app.children()) == 2 })
	run(world, 0, "vm-0")
	app.do(t, "open", string(model.HostPath("local")))
	app.await(t, "label", "Health")
	app.last(t, "tab", "Overview").act(t)
	app.await(t, "label", "50 %")
}
