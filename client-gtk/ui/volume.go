package ui

import (
	"context"
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

//go:embed volume.ui
var volumeUI string

// volumeDialog is everything about one volume.
type volumeDialog struct {
	view    *volumesView
	service Service
	path    model.Path
	volume  *model.StorageVolume
	dialog  *adw.Dialog
	facts   *rows
	buttons map[store.VolumeAction]*gtk.Button
}

func newVolumeDialog(view *volumesView, path model.Path) *volumeDialog {
	b := build(volumeUI)
	d := &volumeDialog{
		view: view, service: view.tab.page.service, path: path, dialog: object[*adw.Dialog](b, "dialog"),
		facts: newRows(object[*adw.PreferencesGroup](b, "facts")), buttons: map[store.VolumeAction]*gtk.Button{},
	}
	for action, do := range map[store.VolumeAction]func(){
		store.ResizeVolume: d.resize, store.CloneVolume: d.clone, store.DownloadVolume: d.download,
		store.UploadVolume: d.upload, store.WipeVolume: d.wipe, store.DeleteVolume: d.remove,
	} {
		button := object[*gtk.Button](b, string(action))
		button.ConnectClicked(do)
		d.buttons[action] = button
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
	for action, button := range d.buttons {
		allow(button, words.WhyNotVolume(action, tab.pool, users, tab.page.host, tab.page.permissions))
	}
}

func (d *volumeDialog) resize() {
	volume, size := d.volume, newSizeRow(d.volume.Capacity, mebibyte)
	dialog := entryDialog(i18n.F("Resize “%s”", volume.Name),
		i18n.T("The guest's file systems stay as large as they are, until they are enlarged in the guest. What is cut off is lost."), i18n.T("_Resize"), size)
	dialog.ConnectResponse(func(response string) {
		bytes := size.bytes()
		switch {
		case response != "yes" || bytes == volume.Capacity:
		case bytes < volume.Capacity:
			askDestructive(d.dialog, i18n.F("Shrink “%s”?", volume.Name), i18n.F("Everything beyond %s is lost.", words.Size(bytes)), i18n.T("_Shrink"), nil,
				func() { d.service.ResizeVolume(volume, bytes, true) })
		default:
			d.service.ResizeVolume(volume, bytes, false)
		}
	})
	dialog.Present(d.dialog)
}

func (d *volumeDialog) clone() {
	volume := d.volume
	dialog, name := nameDialog(i18n.F("Clone “%s”", volume.Name), i18n.T("Everything in the volume is copied into a new one."),
		d.view.list.FreeName(volume.Pool, volume.Name), i18n.T("C_lone"), model.ValidateVolumeName)
	dialog.ConnectResponse(func(response string) {
		if response == "yes" {
			d.service.CloneVolume(volume, name.Text())
		}
	})
	dialog.Present(d.dialog)
}

func (d *volumeDialog) download() {
	volume, chooser := d.volume, gtk.NewFileDialog()
	chooser.SetTitle(i18n.F("Download “%s”", volume.Name))
	chooser.SetInitialName(volume.Name)
	chooser.Save(context.Background(), d.window(), func(result gio.AsyncResulter) {
		if file, err := chooser.SaveFinish(result); err == nil {
			d.service.Download(volume, file.Path())
		}
	})
}

func (d *volumeDialog) upload() {
	volume, chooser := d.volume, gtk.NewFileDialog()
	chooser.SetTitle(i18n.F("Replace “%s”", volume.Name))
	chooser.Open(context.Background(), d.window(), func(result gio.AsyncResulter) {
		file, err := chooser.OpenFinish(result)
		if err != nil {
			return // dismissed
		}
		askDestructive(d.dialog, i18n.F("Replace “%s”?", volume.Name), i18n.T("What is in the volume is overwritten with the file."), i18n.T("_Replace"), nil,
			func() { d.service.Replace(volume, file.Path()) })
	})
}

func (d *volumeDialog) wipe() {
	volume := d.volume
	askDestructive(d.dialog, i18n.F("Wipe “%s”?", volume.Name), i18n.T("Everything in the volume is overwritten and lost. The volume stays."), i18n.T("_Wipe"), nil,
		func() { d.service.WipeVolume(volume) })
}

func (d *volumeDialog) remove() {
	volume := d.volume
	askDestructive(d.dialog, i18n.F("Delete “%s”?", volume.Name), i18n.T("The volume is deleted with everything in it."), i18n.T("_Delete"), nil, func() {
		d.dialog.Close()
		d.service.DeleteVolume(volume)
	})
}

func (d *volumeDialog) window() *gtk.Window {
	window, _ := d.dialog.Root().CastType(gtk.GTypeWindow).(*gtk.Window)
	return window
}
