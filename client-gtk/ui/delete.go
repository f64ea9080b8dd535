package ui

import (
	"slices"
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// Deletion is a VM to delete, and the ids of the disks that are deleted with it.
type Deletion struct {
	VM    *model.VM
	Disks []string
}

// diskChecks are the check buttons of a VM's disks, by the disks' ids.
type diskChecks map[string]*gtk.CheckButton

// mostDisksHeight is how high the list of disks grows before it scrolls, in pixels.
const mostDisksHeight = 300

// showDelete asks whether to delete VMs, and which of their disks with them. It
// names everything that is lost besides. permissions may be nil if they are not
// known.
func showDelete(parent gtk.Widgetter, service Service, vms []*model.VM, permissions map[string]client.Permission) {
	heading := i18n.F("Delete “%s”?", store.Title(vms[0]))
	if len(vms) > 1 {
		heading = i18n.Count("Delete %d Virtual Machine?", "Delete %d Virtual Machines?", len(vms))
	}
	box := gtk.NewBox(gtk.OrientationVertical, 6)
	checks := make([]diskChecks, len(vms))
	disks := 0
	for i, vm := range vms {
		checks[i] = addDiskChecks(box, service, vm, permissions, len(vms) > 1)
		disks += len(checks[i])
	}
	dialog := adw.NewAlertDialog(heading, deletedText(service, vms, disks > 0))
	if disks > 0 {
		scroller := gtk.NewScrolledWindow()
		scroller.SetPolicy(gtk.PolicyNever, gtk.PolicyAutomatic)
		scroller.SetPropagateNaturalHeight(true)
		scroller.SetMaxContentHeight(mostDisksHeight)
		scroller.SetChild(box)
		dialog.SetExtraChild(scroller)
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
		deletions := make([]Deletion, len(vms))
		for i, vm := range vms {
			deletions[i] = Deletion{vm, checks[i].active(vm)}
		}
		service.Delete(deletions)
	})
	dialog.Present(parent)
}

// addDiskChecks adds a check button for each disk of a VM, below the VM's name if
// that is wanted.
func addDiskChecks(box *gtk.Box, service Service, vm *model.VM, permissions map[string]client.Permission, named bool) diskChecks {
	checks := diskChecks{}
	for _, choice := range words.DiskChoices(vm, service.VMs(), permissions) {
		if named && len(checks) == 0 {
			name := gtk.NewLabel(store.Title(vm))
			name.SetXAlign(0)
			name.AddCSSClass("heading")
			box.Append(name)
		}
		check := gtk.NewCheckButtonWithLabel(choice.Label)
		check.SetActive(choice.Deleted)
		check.SetSensitive(choice.Can)
		box.Append(check)
		checks[choice.ID] = check
	}
	return checks
}

// active returns the ids of the disks that are checked.
func (c diskChecks) active(vm *model.VM) []string {
	var ids []string
	for _, d := range vm.Disks {
		if check := c[d.ID]; check != nil && check.Active() {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// deletedText says what is deleted with VMs.
func deletedText(service Service, vms []*model.VM, disks bool) string {
	var text string
	switch {
	case disks && len(vms) == 1:
		text = i18n.T("The virtual machine and the selected disks will be permanently deleted.")
	case disks:
		text = i18n.T("The virtual machines and the selected disks will be permanently deleted.")
	case len(vms) == 1:
		text = i18n.T("The virtual machine will be permanently deleted.")
	default:
		text = i18n.T("The virtual machines will be permanently deleted.")
	}
	var snapshots []string
	for _, vm := range vms {
		for _, s := range service.Snapshots(vm.Path()) {
			snapshots = append(snapshots, s.Name)
		}
	}
	if n := len(snapshots); n > 0 {
		const most = 6
		shown := strings.Join(snapshots[:min(n, most)], ", ")
		if n > most {
			shown += "…"
		}
		// TRANSLATORS: how many snapshots, and their names.
		text += "\n\n" + i18n.F("This includes %s: %s.", i18n.Count("%d snapshot", "%d snapshots", n), shown)
	}
	if slices.ContainsFunc(vms, func(vm *model.VM) bool { return vm.HasSavedState }) {
		text += "\n\n" + i18n.T("The saved state is lost.")
	}
	if len(vms) > 1 {
		text += "\n\n" + names(vms)
	}
	return text
}
