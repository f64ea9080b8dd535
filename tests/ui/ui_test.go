//go:build display

package ui_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
)

// roles are those of what a person can use. A screen reader says their names.
var roles = []string{"push button", "button", "toggle button", "entry", "text", "text box", "search box", "list item", "menu item", "combo box", "tab", "page tab", "switch", "spin button", "check box", "checkbox"}

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
	for _, tab := range []string{"overview", "screen", "hardware", "snapshots"} {
		app.do(t, "show", tab)
		app.haveNames(t, "the tab "+tab, 8)
	}
	app.choose(t, editItem)
	app.await(t, "button", "Save")
	app.haveNames(t, "the dialog for editing", 16)
	app.await(t, "button", "Cancel").act(t)
	app.inWindow(t, "preferences")
	app.await(t, "label", "Notifications")
	app.haveNames(t, "the preferences", 12)
}

// haveNames looks whether a screen reader can name everything that is shown and
// can be used, of which there are so many at least.
func (n node) haveNames(t *testing.T, where string, least int) {
	t.Helper()
	used, nameless := 0, []string{}
	awaitThat(t, fmt.Sprintf("%s with %d things that can be used", where, least), func() bool {
		used, nameless = 0, nil
		n.each(func(n node) bool {
			if role := n.role(); slices.Contains(roles, role) {
				used++
				if n.name() == "" && !n.says() {
					nameless = append(nameless, fmt.Sprintf("%s %s", role, n.Path))
				}
			}
			return true
		})
		return used >= least
	})
	if len(nameless) > 0 {
		t.Errorf("in %s, these have no name: %v", where, nameless)
	}
}

func TestAMenuSaysWhySomethingCannotBeDone(t *testing.T) {
	_, _, app := fake(t, 1)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	for _, item := range app.menu(t) {
		if !item.is(sensitive) && item.text("Description") == "The virtual machine is not running" {
			return
		}
	}
	t.Error("no item says that the VM does not run")
}

func TestTheClientOutlivesTheServiceAndLibvirt(t *testing.T) {
	s := service(t)
	app := open(t)
	app.await(t, "list item", "A tiny guest")
	for _, args := range [][]string{
		{"kill", "--signal=KILL", "kvmmanagerd.service"},
		{"restart", "kvmmanagerd.service"},
		{"kill", "--signal=KILL", "libvirtd.service"},
		{"restart", "libvirtd.service"},
	} {
		if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
			t.Fatalf("systemctl %v: %v: %s", args, err, out)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := s.AwaitReady(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		title := "After " + strings.Join(args, " ")
		awaitThat(t, "service that takes a title", func() bool { return s.SetTitle(t.Context(), tiny, title) == nil })
		app.await(t, "list item", title)
	}
	if err := s.SetTitle(t.Context(), tiny, "A tiny guest"); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotsAreShownAsTheyComeAndGo(t *testing.T) {
	world, _, app := fake(t, 1)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.do(t, "show", "snapshots")
	app.await(t, "label", "No Snapshots")
	path := model.VMPath(fakehv.UUID(0))
	with := fakehv.VM(0, "vm-0")
	first := &model.Snapshot{Name: "fresh", VM: path, VMState: model.VMShutOff, Kind: model.SnapshotInternal}
	with.Snapshots = []*model.Snapshot{first, {
		Name: "updated & tested", VM: path, Parent: first.Path(), Current: true, VMState: model.VMRunning, Kind: model.SnapshotInternal,
	}}
	first.Children = []model.Path{with.Snapshots[1].Path()}
	world.HV.Put(with)
	app.await(t, "list item", "fresh")
	app.await(t, "list item", "updated & tested")
	app.await(t, "label", "Current")
	world.HV.Put(fakehv.VM(0, "vm-0"))
	app.await(t, "label", "No Snapshots")
}

func TestAPageInItsOwnWindowOutlivesTheMainWindow(t *testing.T) {
	world, _, app := fake(t, 1)
	app.do(t, "open", vm(0))
	app.await(t, "button", "Start")
	app.choose(t, detachItem)
	awaitThat(t, "second window", func() bool { return len(app.children()) == 2 })
	app.await(t, "window", "Virtual Machines")
	app.inWindow(t, "close")
	awaitThat(t, "page without the main window", func() bool {
		_, main := app.find("window", "Virtual Machines")
		return !main
	})
	running := fakehv.VM(0, "vm-0")
	running.State, running.ID = model.VMRunning, 1
	world.HV.Put(running)
	app.await(t, "button", "Shut Down")
	app.do(t, "open", vm(0))
	app.await(t, "window", "Virtual Machines")
}
