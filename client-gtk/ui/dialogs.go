package ui

import (
	"context"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// question is what to ask before something that cannot be undone. The headings
// have a place for the VM's name, or say how many there are.
type question struct {
	heading      string
	several      func(vms int) string
	text, button string
}

var questions = map[store.Action]question{
	store.PowerOff: {
		i18n.Mark("Force “%s” Off?"),
		func(n int) string {
			return i18n.Count("Force %d Virtual Machine Off?", "Force %d Virtual Machines Off?", n)
		},
		i18n.Mark("This is like pulling the plug: what the guest has not saved is lost."), i18n.Mark("_Force Off"),
	},
	store.Reset: {
		i18n.Mark("Force “%s” to Restart?"),
		func(n int) string {
			return i18n.Count("Force %d Virtual Machine to Restart?", "Force %d Virtual Machines to Restart?", n)
		},
		i18n.Mark("This is like pressing the reset button: what the guest has not saved is lost."), i18n.Mark("Force _Restart"),
	},
	store.Discard: {
		i18n.Mark("Discard the Saved State of “%s”?"),
		func(n int) string {
			return i18n.Count("Discard the Saved State of %d Virtual Machine?", "Discard the Saved State of %d Virtual Machines?", n)
		},
		i18n.Mark("What the guest had not saved to its disks is lost. The next start is a boot."), i18n.Mark("_Discard"),
	},
}

// confirm asks, and goes on if the answer is yes.
func confirm(parent gtk.Widgetter, q question, vms []*model.VM, then func()) {
	heading, text := i18n.F(q.heading, store.Title(vms[0])), i18n.T(q.text)
	if len(vms) > 1 {
		heading, text = q.several(len(vms)), text+"\n\n"+names(vms)
	}
	askDestructive(parent, heading, text, i18n.T(q.button), nil, then)
}

// yesDialog has rows, if any, and the responses cancel and yes.
func yesDialog(heading, text, yes string, rows []gtk.Widgetter) *adw.AlertDialog {
	dialog := adw.NewAlertDialog(heading, text)
	if len(rows) > 0 {
		group := adw.NewPreferencesGroup()
		for _, row := range rows {
			group.Add(row)
		}
		dialog.SetExtraChild(group)
	}
	dialog.AddResponse("cancel", i18n.T("_Cancel"))
	dialog.AddResponse("yes", yes)
	dialog.SetCloseResponse("cancel")
	return dialog
}

// ask asks before something that is done with many, and goes on if the answer is
// yes.
func ask(parent gtk.Widgetter, heading, text, button string, then func()) {
	dialog := yesDialog(heading, text, button, nil)
	dialog.SetDefaultResponse("yes")
	dialog.ConnectResponse(func(response string) {
		if response == "yes" {
			then()
		}
	})
	dialog.Present(parent)
}

// askDestructive asks before something that cannot be undone, with rows of
// choices, and goes on if the answer is yes.
func askDestructive(parent gtk.Widgetter, heading, text, button string, choices []gtk.Widgetter, then func()) {
	dialog := yesDialog(heading, text, button, choices)
	dialog.SetResponseAppearance("yes", adw.ResponseDestructive)
	dialog.SetDefaultResponse("cancel")
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
			service.Write(file.Path(), image)
		})
	})
}

var checkIcons = map[model.CheckStatus]string{
	model.CheckOK: "object-select-symbolic", model.CheckWarning: "dialog-warning-symbolic", model.CheckError: "dialog-error-symbolic",
}

func checkRow(check model.Check) *adw.ActionRow {
	row := adw.NewActionRow()
	row.SetUseMarkup(false)
	row.SetTitle(check.Message)
	row.SetSubtitle(check.Hint)
	row.AddPrefix(gtk.NewImageFromIconName(checkIcons[check.Status]))
	return row
}

// chooseFile asks for a file that the person may read.
func chooseFile(parent gtk.Widgetter, then func(path string)) {
	chooser := gtk.NewFileDialog()
	chooser.SetTitle(i18n.T("Choose File"))
	window, _ := gtk.BaseWidget(parent).Root().CastType(gtk.GTypeWindow).(*gtk.Window)
	chooser.Open(context.Background(), window, func(result gio.AsyncResulter) {
		if file, err := chooser.OpenFinish(result); err == nil { // not dismissed
			then(file.Path())
		}
	})
}
