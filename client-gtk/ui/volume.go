package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"

	"org.kvmmanager/internal/model"
)

//go:embed volume.ui
var volumeUI string

// volumeDialog is everything about one volume.
type volumeDialog struct {
	view   *volumesView
	path   model.Path
	volume *model.StorageVolume
	dialog *adw.Dialog
	facts  *rows
}

func newVolumeDialog(view *volumesView, path model.Path) *volumeDialog {
	b := build(volumeUI)
	d := &volumeDialog{
		view: view, path: path, dialog: object[*adw.Dialog](b, "dialog"),
		facts: newRows(object[*adw.PreferencesGroup](b, "facts")),
	}
	d.fill()
	return d
}

// fill shows what the volume is now. The dialog closes when it is gone.
func (d *volumeDialog) fill() {
	row, tab := d.view.list.Find(d.path), d.view.tab
	if row == nil || tab.pool == nil {
		d.dialog.Close()
		return
	}
	d.volume = row.StorageVolume
	d.dialog.SetTitle(d.volume.Name)
	users := d.view.users(d.volume)
	d.facts.set(asFacts(words.VolumeFacts(d.volume, users)))
}
