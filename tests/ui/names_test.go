//go:build display

package ui_test

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

func TestShortcutsAndAboutHaveNames(t *testing.T) {
	_, _, app := fake(t, 1)
	err := app.session.Object("org.kvmmanager.Client", "/org/kvmmanager/Client").Call("org.freedesktop.Application.ActivateAction", 0,
		"about", []dbus.Variant{}, map[string]dbus.Variant{}).Err
	if err != nil {
		t.Fatal(err)
	}
	app.await(t, "dialog", "About")
	app.haveNames(t, "the dialog about the program", 6)
	app.press(t, "Escape")
	app.inWindow(t, "show-help-overlay")
	app.await(t, "label", "Release the keyboard")
	app.haveNames(t, "the shortcuts", 4)
}

func TestEveryKindOfDeviceIsAskedForByName(t *testing.T) {
	world, _, app := fake(t, 1)
	world.HV.PutNetwork(&model.Network{UUID: fakehv.UUID(10), Name: "lan", Mode: "nat", Active: true, Persistent: true})
	world.HV.PutPool(&model.StoragePool{UUID: fakehv.UUID(20), Name: "images", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true})
	app.do(t, "open", vm(0))
	app.do(t, "show", "hardware")
	asked := 0
	for _, kind := range store.Addable {
		app.click(t, "Add Device…")
		kinds := app.dialog(t, "Add Device")
		row := kinds.await(t, "button", store.Words{}.DeviceKind(kind))
		if !row.is(sensitive) { // not for this VM
			app.closeDialog(t, kinds)
			continue
		}
		asked++
		row.act(t)
		form := app.dialog(t, store.Words{}.DeviceKind(kind))
		form.haveNames(t, "the dialog for a "+string(kind), 2)
		app.closeDialog(t, form)
	}
	for row, title := range map[string]string{"Boot order": "Boot Order", "Machine type": "Processor and Machine", "Definition": "Definition"} {
		app.click(t, row)
		opened := app.dialog(t, title)
		opened.haveNames(t, title, 2)
		app.closeDialog(t, opened)
	}
}

func TestWhatIsAskedAboutAVolumeHasNames(t *testing.T) {
	world, _, app := fake(t, 1)
	pool := fakehv.UUID(20)
	world.HV.PutVolume(pool, inventory.VolumeInfo{Name: "a.qcow2", Capacity: 1 << 30, Format: "qcow2"}, nil)
	world.HV.PutPool(&model.StoragePool{UUID: pool, Name: "images", Kind: "dir", State: model.PoolRunning, Active: true, Persistent: true})
	app.do(t, "open", localHost)
	app.do(t, "show", "storage")
	app.await(t, "list item", "a.qcow2")
	app.arrowTo(t, "Volumes", "a.qcow2")
	app.press(t, "Return")
	volume := app.dialog(t, "a.qcow2")
	for button, heading := range map[string]string{
		"Resize…": "Resize “a.qcow2”", "Clone…": "Clone “a.qcow2”", "Wipe…": "Wipe “a.qcow2”?", "Delete…": "Delete “a.qcow2”?",
	} {
		volume.await(t, "button", button).act(t)
		asked := app.dialog(t, heading)
		asked.haveNames(t, heading, 2)
		app.closeDialog(t, asked)
	}
}

// dialog waits for a dialog. It is not deep below its window, where a look at
// everything takes its time.
func (a application) dialog(t *testing.T, title string) (found node) {
	t.Helper()
	const deepest = 4
	awaitThat(t, "dialog "+title, func() bool {
		level := a.children()
		for range deepest {
			var below []node
			for _, n := range level {
				if role := n.role(); strings.HasSuffix(role, "dialog") && n.name() == title && n.is(showing) {
					found = n
					return true
				}
				below = append(below, n.children()...)
			}
			level = below
		}
		return false
	})
	return found
}

// closeDialog closes a dialog by keyboard.
func (a application) closeDialog(t *testing.T, dialog node) {
	t.Helper()
	a.press(t, "Escape")
	awaitThat(t, "dialog that is closed", func() bool { return !dialog.is(showing) })
}
