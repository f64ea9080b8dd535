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
	for len(r.rows) < len(facts) {
		row := adw.NewActionRow()
		row.SetUseMarkup(false)
		row.SetSubtitleSelectable(true)
		row.AddCSSClass("property")
		r.group.Add(row)
		r.rows = append(r.rows, row)
	}
	for i, row := range r.rows {
		row.SetVisible(i < len(facts))
		if i < len(facts) {
			row.SetTitle(facts[i].name)
			row.SetSubtitle(facts[i].value)
		}
	}
	r.group.SetVisible(len(facts) > 0)
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
