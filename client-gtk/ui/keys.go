package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display/input"
	"org.kvmmanager/client-gtk/i18n"
)

// askKeys asks for keys to press together.
func askKeys(parent gtk.Widgetter, send func(names []string)) {
	entry := gtk.NewEntry()
	entry.SetPlaceholderText("Ctrl+Alt+F2")
	entry.SetActivatesDefault(true)
	dialog := adw.NewAlertDialog(i18n.T("Send Keys"), i18n.T("Write the keys that are pressed together, with + between them."))
	dialog.SetExtraChild(entry)
	dialog.AddResponse("cancel", i18n.T("_Cancel"))
	dialog.AddResponse("send", i18n.T("_Send"))
	dialog.SetResponseAppearance("send", adw.ResponseSuggested)
	dialog.SetDefaultResponse("send")
	dialog.SetCloseResponse("cancel")
	dialog.SetResponseEnabled("send", false)
	entry.ConnectChanged(func() {
		_, known := input.Parse(entry.Text())
		dialog.SetResponseEnabled("send", known)
	})
	dialog.ConnectResponse(func(response string) {
		if names, known := input.Parse(entry.Text()); known && response == "send" {
			send(names)
		}
	})
	dialog.Present(parent)
}
