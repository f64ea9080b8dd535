package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// showAddDevice lets a person choose what kind of device to add.
func showAddDevice(parent gtk.Widgetter, service Service, vm *model.VM, host *model.Host, permissions map[string]client.Permission) {
	dialog := adw.NewDialog()
	dialog.SetTitle(i18n.T("Add Device"))
	dialog.SetContentWidth(480)
	dialog.SetContentHeight(640)
	group := adw.NewPreferencesGroup()
	for _, kind := range store.Addable {
		row := adw.NewActionRow()
		row.SetUseMarkup(false)
		row.SetTitle(words.DeviceKind(kind))
		row.SetSubtitle(words.AddHint(kind))
		why := words.WhyNotAdd(kind, vm, host, permissions)
		row.SetSensitive(why == "")
		row.SetTooltipText(why)
		row.AddSuffix(opener(row, func() {
			dialog.Close()
			showAdd(parent, service, vm, kind, why)
		}))
		group.Add(row)
	}
	page := adw.NewPreferencesPage()
	page.Add(group)
	view := adw.NewToolbarView()
	view.AddTopBar(adw.NewHeaderBar())
	view.SetContent(page)
	dialog.SetChild(view)
	dialog.Present(parent)
}
