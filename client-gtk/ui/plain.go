package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
)

// newToast makes a toast that shows a text as it is. libadwaita would take it for
// markup, and show nothing of one with a name like “R&D”.
func newToast(text string) *adw.Toast {
	toast := adw.NewToast(text)
	toast.SetUseMarkup(false)
	return toast
}

// describe gives a page a text that it shows as it is. libadwaita always takes
// one for markup.
func describe(page *adw.StatusPage, text string) {
	page.SetDescription(glib.MarkupEscapeText(text))
}
