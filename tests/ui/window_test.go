//go:build display

package ui_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/internal/testutil/servicetest"
)

// runConsole has a VM run that has a serial port and no screen.
func runConsole(world *servicetest.World, n int, name string) {
	running := fakehv.VM(n, name)
	running.State, running.ID, running.Graphics = model.VMRunning, int32(n+1), nil
	world.HV.Put(running)
}

// lookAtConsole opens the serial port of a VM and gives it the keyboard.
func (a application) lookAtConsole(t *testing.T, n int) {
	t.Helper()
	a.do(t, "open", vm(n))
	a.await(t, "button", "Shut Down")
	a.press(t, "ctrl+2")
	awaitThat(t, "terminal that has the keyboard", func() bool { return a.hasFocus("terminal") })
}

func TestTheProgramHasItsShortcutsAgainWhenAGuestHasEnded(t *testing.T) {
	for name, end := range map[string]func(*servicetest.World){
		"turned off": func(w *servicetest.World) { w.HV.Put(fakehv.VM(0, "vm-0")) },
		"deleted":    func(w *servicetest.World) { w.HV.Drop(fakehv.UUID(0)) },
		"out of reach": func(w *servicetest.World) {
			w.HV.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
		},
		"paused, and turned off": func(w *servicetest.World) {
			paused := fakehv.VM(0, "vm-0")
			paused.State, paused.ID, paused.Graphics = model.VMPaused, 1, nil
			w.HV.Put(paused)
			w.HV.Put(fakehv.VM(0, "vm-0"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			world, _, app := fake(t, 2)
			runConsole(world, 0, "vm-0")
			app.lookAtConsole(t, 0)
			end(world)
			if name == "out of reach" { // the port stays open while the host is away
				app.press(t, "ctrl+alt")
			}
			awaitThat(t, "keyboard that is free", func() bool { return !app.hasFocus("terminal") })
			app.press(t, "ctrl+f")
			awaitThat(t, "search that has the keyboard", func() bool { return app.hasFocus("search box") })
		})
	}
}

func TestFullscreenHasOneBarAndIsLeftByKeyboardAndPointer(t *testing.T) {
	world, _, app := fake(t, 1)
	runConsole(world, 0, "vm-0")
	manager := exec.Command("openbox")
	manager.Env = append(os.Environ(), app.env...)
	if err := manager.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = manager.Process.Kill(); _ = manager.Wait() })
	app.lookAtConsole(t, 0)
	bars := func() (n int) {
		app.each(func(n2 node) bool {
			if role := n2.role(); n2.name() == "Fullscreen" || n2.name() == "Leave Fullscreen" || role == "toggle button" && n2.name() == "More Actions" {
				n++
			}
			return true
		})
		return n
	}
	for _, leave := range []func(node){
		func(button node) { button.act(t) },
		func(node) { // while the guest has the keyboard
			app.press(t, "ctrl+alt")
			awaitThat(t, "button that has the keyboard", func() bool {
				n, ok := app.keyboard()
				return ok && n.name() == "Leave Fullscreen"
			})
			app.press(t, "Return")
		},
		func(node) { // with the pointer, when the bar is hidden
			awaitThat(t, "bar that is hidden", func() bool { return bars() == 0 })
			app.xdotool(t, "mousemove", "640", "0")
			app.await(t, "button", "Leave Fullscreen").act(t)
		},
		func(node) {
			app.press(t, "ctrl+alt")
			awaitThat(t, "keyboard that is free", func() bool { return !app.hasFocus("terminal") })
			app.press(t, "F11")
		},
	} {
		app.await(t, "button", "Fullscreen").act(t)
		button := app.await(t, "button", "Leave Fullscreen")
		app.await(t, "label", "vm-0")
		if n := bars(); n != 1 {
			t.Errorf("there are %d bars", n)
		}
		terminal := app.await(t, "terminal", "Serial port 1")
		x, y := terminal.middle(t)
		app.xdotool(t, "mousemove", itoa(x), itoa(y), "click", "1")
		awaitThat(t, "terminal that has the keyboard", func() bool { return app.hasFocus("terminal") })
		leave(button)
		app.await(t, "button", "Fullscreen")
		app.await(t, "toggle button", "More Actions")
	}
}

func TestWhatIsDeletedIsNamedAndDeletedWhenTheWindowCloses(t *testing.T) {
	world, _, app := fake(t, 2)
	disk := func(source string) *model.Device {
		return &model.Device{ID: "disk-vda", Kind: model.KindDisk, Type: "file", Target: "vda", Source: source}
	}
	for n, source := range []string{"/p/first.qcow2", "/p/second.qcow2"} {
		v := fakehv.VM(n, "vm-"+itoa(n))
		v.Disks = []*model.Device{disk(source)}
		v.HasSavedState = n == 1
		world.HV.Put(v)
	}
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	x, y := app.await(t, "list item", "vm-1").middle(t)
	app.xdotool(t, "mousemove", itoa(x), itoa(y), "keydown", "ctrl", "click", "1", "keyup", "ctrl")
	app.await(t, "label", "vm-0, vm-1")
	app.press(t, "Delete")
	app.await(t, "label", "Delete 2 Virtual Machines?")
	app.await(t, "label", "The virtual machines and the selected disks will be permanently deleted.\n\nThe saved state is lost.\n\nvm-0, vm-1")
	if !app.await(t, "checkbox", "vda · first.qcow2").is(checked) || !app.await(t, "checkbox", "vda · second.qcow2").is(checked) {
		t.Error("the disks of several VMs are kept, those of one are not")
	}
	app.await(t, "button", "Delete").act(t)
	app.await(t, "button", "Undo")
	app.press(t, "ctrl+w")
	app.awaitEnd(t)
	calls := world.HV.Calls()
	for _, wanted := range []string{"delete " + fakehv.UUID(0), "delete " + fakehv.UUID(1), "delete-volume /p/first.qcow2", "delete-volume /p/second.qcow2"} {
		if !slices.Contains(calls, wanted) {
			t.Errorf("%s did not happen: %v", wanted, calls)
		}
	}
}

func TestAGuestThatIgnoresShutDownCanBeForcedOff(t *testing.T) {
	world, _, app := fake(t, 1)
	run(world, 0, "vm-0")
	world.HV.Hook("shutdown", func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	})
	app.do(t, "open", vm(0))
	app.await(t, "button", "Shut Down").act(t)
	app.await(t, "label", "Shutting Down…")
	app.await(t, "label", "“vm-0” has not reacted to Shut Down yet.")
	app.await(t, "button", "Force Off").act(t)
	app.await(t, "label", "Force “vm-0” Off?")
}

func TestTheMenuBeginsWithWhatIsDoneMost(t *testing.T) {
	_, _, app := fake(t, 1)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.menu(t)[0].act(t)
	app.await(t, "button", "Shut Down")
	app.press(t, "ctrl+4")
	app.await(t, "label", "No Snapshots")
	app.press(t, "ctrl+Return")
	app.await(t, "button", "Start")
}

func TestANameThatIsTakenIsSaidBelowTheField(t *testing.T) {
	_, _, app := fake(t, 1)
	app.await(t, "button", "New Virtual Machine").act(t)
	next := app.await(t, "button", "Next")
	name := app.await(t, "text box", "Name")
	name.write(t, "vm-0")
	app.await(t, "label", "A virtual machine “vm-0” exists already.")
	if next.is(sensitive) {
		t.Error("one can go on with a name that is taken")
	}
	name.write(t, "a/b")
	app.await(t, "label", "The name of a VM cannot contain a slash.")
	name.write(t, "new")
	awaitThat(t, "field without a complaint", func() bool {
		_, shown := app.find("label", "The name of a VM cannot contain a slash.")
		return !shown
	})
}

func TestAHostThatIsNotConnectedIsNotAnEmptyOne(t *testing.T) {
	world, _, app := fake(t, 0)
	create := app.await(t, "button", "New Virtual Machine")
	app.await(t, "label", "No Virtual Machines")
	world.HV.GoDown(errs.New(errs.Disconnected, "libvirt does not answer."))
	app.await(t, "label", "“This Computer” Is Not Connected")
	awaitThat(t, "button that cannot be pressed", func() bool { return !create.is(sensitive) })
	world.HV.ComeUp()
	app.await(t, "label", "No Virtual Machines")
	awaitThat(t, "button that can be pressed", func() bool { return create.is(sensitive) })
}

func TestAnActiveFilterCanBeSeen(t *testing.T) {
	_, _, app := fake(t, 1)
	app.inWindow(t, "filter", "active")
	app.await(t, "label", "Only: Running")
	app.await(t, "button", "Show All").act(t)
	app.await(t, "list item", "vm-0")
	awaitThat(t, "list without a filter", func() bool {
		_, shown := app.find("label", "Only: Running")
		return !shown
	})
}

func itoa(n int) string { return strconv.Itoa(n) }
