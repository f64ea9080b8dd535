package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// showClone asks what a copy of a VM is called. Only a template can have linked
// clones.
func showClone(parent gtk.Widgetter, service Service, vm *model.VM) {
	name := adw.NewEntryRow()
	name.SetTitle(i18n.T("Name"))
	name.SetText(i18n.F("%s clone", vm.Name))
	name.SetActivatesDefault(true)
	linked := adw.NewSwitchRow()
	linked.SetTitle(i18n.T("Linked Clone"))
	linked.SetSubtitle(i18n.T("Its disks hold only what differs from the template"))
	linked.SetActive(vm.Template)
	linked.SetVisible(vm.Template)
	dialog := entryDialog(i18n.F("Clone “%s”", store.Title(vm)),
		i18n.T("The clone has disks of its own. Snapshots, a saved state and what the TPM holds are not copied."), i18n.T("C_lone"), name, linked)
	name.ConnectChanged(func() { dialog.SetResponseEnabled("yes", model.ValidateVMName(name.Text()) == nil) })
	dialog.ConnectResponse(func(response string) {
		if response == "yes" {
			service.Clone(vm, name.Text(), linked.Active() && vm.Template)
		}
	})
	dialog.Present(parent)
}
