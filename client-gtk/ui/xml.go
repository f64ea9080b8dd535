package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
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
	buffer      *gtk.TextBuffer
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
	d.buffer = d.view.Buffer()
	d.edit.SetSensitive(why == "")
	d.edit.SetTooltipText(why)
	d.edit.ConnectClicked(func() { d.load(true) })
	d.apply.ConnectClicked(d.save)
	object[*gtk.Button](b, "copy").ConnectClicked(func() { d.view.Clipboard().SetText(all(d.buffer)) })
	d.buffer.ConnectModifiedChanged(func() { d.dialog.SetCanClose(!d.buffer.Modified()) })
	d.dialog.ConnectCloseAttempt(func() {
		askDestructive(d.dialog, i18n.T("Discard What You Have Written?"), i18n.T("The definition stays as it is."), i18n.T("_Discard"), nil, func() { d.dialog.ForceClose() })
	})
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
			d.service.Fail(i18n.F("The Definition of “%s” Cannot Be Read", store.Title(d.vm)), err)
			return
		}
		d.version = version
		d.buffer.SetText(xml)
		d.buffer.SetModified(false)
		d.view.SetEditable(edit)
		if edit {
			d.view.GrabFocus()
		}
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

// save stores what is written, unless somebody else was faster: it stays for a
// person to copy from then.
func (d *definition) save() {
	heading := i18n.F("“%s” Was Not Changed", store.Title(d.vm))
	wake := asleep(d.dialog)
	d.service.SetXML(d.vm.Path(), all(d.buffer), d.version, func(err error) {
		wake()
		switch kind, sentence := errs.Of(err); {
		case err == nil:
			d.dialog.ForceClose()
		case kind == errs.AuthenticationDismissed:
		case kind == errs.VersionMismatch:
			askDestructive(d.dialog, heading,
				i18n.T("Somebody else has changed the virtual machine meanwhile. Copy what you want to keep of your text, then load the definition as it is now."),
				i18n.T("_Load It"), nil, func() { d.load(true) })
		default:
			tell(d.dialog, heading, sentence)
		}
	})
}
