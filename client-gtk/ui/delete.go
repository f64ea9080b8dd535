package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// showDelete asks whether to delete a VM, and which of its disks with it.
func showDelete(parent gtk.Widgetter, service Service, vm *model.VM, permissions map[string]client.Permission) {
	dialog := adw.NewAlertDialog(i18n.F("Delete “%s”?", store.Title(vm)),
		i18n.T("The configuration and a saved state are deleted. So are the disks that are checked, with everything on them."))
	box := gtk.NewBox(gtk.OrientationVertical, 6)
	checks := map[string]*gtk.CheckButton{}
	for _, choice := range words.DiskChoices(vm, service.VMs(), permissions) {
		check := gtk.NewCheckButtonWithLabel(choice.Label)
		check.SetActive(choice.Deleted)
		check.SetSensitive(choice.Can)
		box.Append(check)
		checks[choice.ID] = check
	}
	if len(checks) > 0 {
		dialog.SetExtraChild(box)
	} else {
		dialog.SetBody(i18n.T("The configuration and a saved state are deleted."))
	}
	dialog.AddResponse("cancel", i18n.T("_Cancel"))
	dialog.AddResponse("yes", i18n.T("_Delete"))
	dialog.SetResponseAppearance("yes", adw.ResponseDestructive)
	dialog.SetDefaultResponse("cancel")
	dialog.SetCloseResponse("cancel")
	dialog.ConnectResponse(func(response string) {
		if response != "yes" {
			return
		}
		var disks []string
		for _, d := range vm.Disks {
			if check := checks[d.ID]; check != nil && check.Active() {
				disks = append(disks, d.ID)
			}
		}
		service.Delete(vm, disks)
	})
	dialog.Present(parent)
}
