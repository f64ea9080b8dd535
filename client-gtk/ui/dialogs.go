package ui

import (
	"context"
	"os"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// question is what to ask before something that cannot be undone. Each heading
// has a place for the VM's name.
type question struct{ heading, text, button string }

var questions = map[store.Action]question{
	store.PowerOff: {"Force “%s” Off?", "This is like pulling its plug: what the guest has not saved is lost.", "_Force Off"},
	store.Reset:    {"Force “%s” to Restart?", "This is like pressing its reset button: what the guest has not saved is lost.", "Force _Restart"},
	store.Discard:  {"Discard the Saved State of “%s”?", "What the guest had not saved to its disks is lost. The next start is a boot.", "_Discard"},
	store.Delete:   {"Delete “%s”?", "Its configuration, saved state and snapshots' data are deleted. Its disks stay.", "_Delete"},
}

// confirm asks, and goes on if the answer is yes.
func confirm(parent gtk.Widgetter, q question, vm *model.VM, then func()) {
	dialog := adw.NewAlertDialog(i18n.F(q.heading, vm.Name), i18n.T(q.text))
	dialog.AddResponse("cancel", i18n.T("_Cancel"))
	dialog.AddResponse("yes", i18n.T(q.button))
	dialog.SetResponseAppearance("yes", adw.ResponseDestructive)
	dialog.SetDefaultResponse("cancel")
	dialog.SetCloseResponse("cancel")
	dialog.ConnectResponse(func(response string) {
		if response == "yes" {
			then()
		}
	})
	dialog.Present(parent)
}

// saveScreenshot asks where to put a picture of a VM's screen.
func saveScreenshot(parent gtk.Widgetter, service Service, vm *model.VM) {
	service.Screenshot(vm.Path(), func(image []byte, err error) {
		if err != nil {
			return
		}
		chooser := gtk.NewFileDialog()
		chooser.SetTitle(i18n.T("Save Screenshot"))
		chooser.SetInitialName(vm.Name + ".png")
		window, _ := gtk.BaseWidget(parent).Root().CastType(gtk.GTypeWindow).(*gtk.Window)
		chooser.Save(context.Background(), window, func(result gio.AsyncResulter) {
			file, err := chooser.SaveFinish(result)
			if err != nil {
				return // dismissed
			}
			_ = os.WriteFile(file.Path(), image, 0o600)
		})
	})
}

// showHosts lists the hosts, how they are, and what keeps VMs from working.
func showHosts(parent gtk.Widgetter, service Service, hosts map[model.Path]*model.Host) {
	page := adw.NewPreferencesPage()
	for _, h := range sortedHosts(hosts) {
		group := adw.NewPreferencesGroup()
		group.SetTitle(orElse(h.Hostname, h.ID))
		group.SetDescription(join(h.URI, words.HostState(h.State), h.StateMessage))
		r := newRows(group)
		r.set([]fact{
			{i18n.T("Hypervisor"), join(h.HypervisorName+" "+h.HypervisorVersion, "libvirt "+h.LibvirtVersion)},
			{i18n.T("Processors"), join(i18n.F("%d", h.CPUs), h.CPUModel, h.Architecture)},
			{i18n.T("Memory"), words.Size(h.MemoryTotal)},
		})
		page.Add(group)
		service.Health(h.Path(), func(checks []model.Check, err error) {
			if err != nil {
				return
			}
			for _, check := range checks {
				group.Add(checkRow(check))
			}
		})
	}
	view := adw.NewToolbarView()
	view.AddTopBar(adw.NewHeaderBar())
	view.SetContent(page)
	dialog := adw.NewDialog()
	dialog.SetTitle(i18n.T("Hosts"))
	dialog.SetContentWidth(560)
	dialog.SetContentHeight(620)
	dialog.SetChild(view)
	dialog.Present(parent)
}

var checkIcons = map[model.CheckStatus]string{
	model.CheckOK: "emblem-ok-symbolic", model.CheckWarning: "dialog-warning-symbolic", model.CheckError: "dialog-error-symbolic",
}

func checkRow(check model.Check) *adw.ActionRow {
	row := adw.NewActionRow()
	row.SetUseMarkup(false)
	row.SetTitle(check.Message)
	row.SetSubtitle(check.Hint)
	row.AddPrefix(gtk.NewImageFromIconName(checkIcons[check.Status]))
	return row
}
