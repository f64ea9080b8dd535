package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"
)

//go:embed spin_row.ui
var spinRowUI string

// newSpinRow makes a row for a number. libadwaita hides its rows from screen
// readers, with the button in them, unless they have a role.
func newSpinRow(numbers *gtk.Adjustment, step float64, digits uint) *adw.SpinRow {
	row := object[*adw.SpinRow](build(spinRowUI), "row")
	row.SetClimbRate(step)
	row.SetDigits(digits)
	row.SetAdjustment(numbers)
	return row
}
