package ui

import (
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// FailStart shows that a VM did not start, what keeps it from starting, and what
// can be done about that. fix does it.
func (w *Window) FailStart(heading string, err error, checks []model.StartCheck, fix func(model.StartCheck)) {
	dialog := w.failure(heading, err)
	if dialog == nil {
		return
	}
	list := gtk.NewListBox()
	list.SetSelectionMode(gtk.SelectionNone)
	list.AddCSSClass("boxed-list")
	for _, check := range checks {
		row := checkRow(model.Check{ID: check.ID, Status: check.Status, Message: check.Message, Hint: check.Hint})
		if label := words.Fix(check.Fix); label != "" {
			button := gtk.NewButtonWithLabel(label)
			button.SetVAlign(gtk.AlignCenter)
			button.ConnectClicked(func() {
				dialog.Close()
				fix(check)
			})
			row.AddSuffix(button)
		}
		list.Append(row)
	}
	if len(checks) > 0 {
		dialog.SetExtraChild(list)
	}
	dialog.Present(w.front())
}

// Fixed offers to start a VM again after something that kept it off was done.
func (w *Window) Fixed(vm *model.VM, start func()) {
	toast := newToast(i18n.F("“%s” can be started again", store.Title(vm)))
	toast.SetButtonLabel(i18n.T("_Start"))
	toast.ConnectButtonClicked(start)
	w.toasts.AddToast(toast)
}
