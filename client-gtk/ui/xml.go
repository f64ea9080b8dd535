package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

//go:embed xml.ui
var xmlUI string

// definition is the dialog with a VM's XML: that of now to read, the stored one
// to edit.
type definition struct {
	service     Service
	vm          *model.VM
	version     uint64 // of what is shown
	dialog      *adw.Dialog
	view        *gtk.TextView
	banner      *adw.Banner
	edit, apply *gtk.Button
}

// showXML shows a VM's definition. why is why it cannot be edited, or empty.
func showXML(parent gtk.Widgetter, service Service, vm *model.VM, why string) {
	b := build(xmlUI)
	d := &definition{
		service: service, vm: vm, dialog: object[*adw.Dialog](b, "dialog"), view: object[*gtk.TextView](b, "text"),
		banner: object[*adw.Banner](b, "banner"), edit: object[*gtk.Button](b, "edit"), apply: object[*gtk.Button](b, "apply"),
	}
	d.edit.SetSensitive(why == "")
	d.edit.SetTooltipText(why)
	d.edit.ConnectClicked(func() { d.load(true) })
	d.apply.ConnectClicked(d.save)
	object[*gtk.Button](b, "copy").ConnectClicked(func() { d.view.Clipboard().SetText(all(d.view.Buffer())) })
	d.load(false)
	d.dialog.Present(parent)
}

// load gets the definition, to read it or to edit it.
func (d *definition) load(edit bool) {
	if now := d.service.VM(d.vm.Path()); now != nil {
		d.vm = now
	}
	version := d.vm.ConfigVersion
	d.service.XML(d.vm.Path(), edit, edit, func(xml string, err error) {
		if err != nil {
			d.service.Fail(i18n.F("The Definition of “%s” Cannot Be Read", d.vm.Name), err)
			return
		}
		d.version = version
		d.view.Buffer().SetText(xml)
		d.view.SetEditable(edit)
		d.edit.SetVisible(!edit)
		d.apply.SetVisible(edit)
		text := ""
		switch {
		case edit && d.vm.State.Active():
			text = i18n.T("What is stored takes effect when the virtual machine was off and is started again.")
		case len(d.vm.PendingChanges) > 0:
			text = i18n.T("This is what the virtual machine has now. What is stored differs.")
		}
		d.banner.SetTitle(text)
		d.banner.SetRevealed(text != "")
	})
}

func (d *definition) save() {
	d.service.SetXML(d.vm.Path(), all(d.view.Buffer()), d.version, func(err error) {
		switch kind, sentence := errs.Of(err); {
		case err == nil:
			d.dialog.Close()
		case kind == errs.AuthenticationDismissed:
		case kind == errs.VersionMismatch:
			tell(d.dialog, i18n.F("“%s” Was Not Changed", d.vm.Name), words.Lost(err))
			d.load(true)
		default:
			tell(d.dialog, i18n.F("“%s” Was Not Changed", d.vm.Name), sentence)
		}
	})
}
