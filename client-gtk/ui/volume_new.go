package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// newVolumeSize is what is offered for a new volume, in bytes.
const newVolumeSize = 20 * gibibyte

// showNewVolume lets a person make an empty volume in a pool.
func showNewVolume(parent gtk.Widgetter, service Service, pool *model.StoragePool) {
	name, size, format := adw.NewEntryRow(), newSizeRow(newVolumeSize, mebibyte), adw.NewComboRow()
	name.SetTitle(i18n.T("Name"))
	name.SetActivatesDefault(true)
	formats := store.VolumeFormats(pool.Kind)
	format.SetTitle(i18n.T("Format"))
	format.SetModel(gtk.NewStringList(formats))
	format.SetVisible(len(formats) > 0)
	dialog := entryDialog(i18n.F("New Volume in “%s”", pool.Name), "", i18n.T("C_reate"), name, size, format)
	dialog.SetResponseEnabled("yes", false)
	name.ConnectChanged(func() { dialog.SetResponseEnabled("yes", model.ValidateVolumeName(name.Text()) == nil) })
	dialog.ConnectResponse(func(response string) {
		if response != "yes" {
			return
		}
		spec := model.VolumeSpec{Name: name.Text(), Capacity: size.bytes()}
		if len(formats) > 0 {
			spec.Format = formats[format.Selected()]
		}
		service.CreateVolume(pool, spec)
	})
	dialog.Present(parent)
}

// entryDialog asks for what goes into rows.
func entryDialog(heading, text, button string, rows ...gtk.Widgetter) *adw.AlertDialog {
	dialog := yesDialog(heading, text, button, rows)
	dialog.SetResponseAppearance("yes", adw.ResponseSuggested)
	dialog.SetDefaultResponse("yes")
	return dialog
}

// nameDialog asks for a name that is valid.
func nameDialog(heading, text, name, button string, validate func(string) error) (*adw.AlertDialog, *adw.EntryRow) {
	entry := adw.NewEntryRow()
	entry.SetTitle(i18n.T("Name"))
	entry.SetText(name)
	entry.SetActivatesDefault(true)
	dialog := entryDialog(heading, text, button, entry)
	check := func() { dialog.SetResponseEnabled("yes", validate(entry.Text()) == nil) }
	entry.ConnectChanged(check)
	check()
	return dialog, entry
}
