package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"
)

// fact is a thing and what it is.
type fact struct{ name, value string }

// rows is a group of facts. Rows are made when they are needed and used again.
type rows struct {
	group *adw.PreferencesGroup
	rows  []*adw.ActionRow
}

func newRows(group *adw.PreferencesGroup) *rows { return &rows{group: group} }

// set shows these facts and no others.
func (r *rows) set(facts []fact) {
	r.rows = fitRows(r.group, r.rows, len(facts), func(row *adw.ActionRow, _ int) {
		row.SetSubtitleSelectable(true)
		row.AddCSSClass("property")
	})
	for i, f := range facts {
		r.rows[i].SetTitle(f.name)
		r.rows[i].SetSubtitle(f.value)
	}
}

// fitRows has a group show so many rows, and itself only if there are any. Those
// that there are come first, and dress makes the new ones what they are.
func fitRows(group *adw.PreferencesGroup, rows []*adw.ActionRow, many int, dress func(row *adw.ActionRow, at int)) []*adw.ActionRow {
	for len(rows) < many {
		row := adw.NewActionRow()
		row.SetUseMarkup(false)
		dress(row, len(rows))
		group.Add(row)
		rows = append(rows, row)
	}
	for i, row := range rows {
		row.SetVisible(i < many)
	}
	group.SetVisible(many > 0)
	return rows
}

// opener makes a row open something, by its button or anywhere on it. The row
// does not have the button yet: it comes after whatever else is at its end.
func opener(row *adw.ActionRow, open func()) *gtk.Button {
	button := gtk.NewButtonFromIconName("go-next-symbolic")
	button.SetVAlign(gtk.AlignCenter)
	button.AddCSSClass("flat")
	button.ConnectClicked(open)
	row.SetActivatableWidget(button)
	return button
}
