package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"
)

// opened is a group of facts that open something. Rows are made when they are
// needed and used again.
type opened struct {
	group *adw.PreferencesGroup
	open  func(place int)
	rows  []*openedRow
}

type openedRow struct {
	row *adw.ActionRow
	// quick is a button for what is done often; act is what it does.
	quick *gtk.Button
	act   func()
}

func newOpened(page *adw.PreferencesPage, title string, open func(place int)) *opened {
	o := &opened{group: adw.NewPreferencesGroup(), open: open}
	o.group.SetTitle(title)
	page.Add(o.group)
	return o
}

// set shows these facts and no others.
func (o *opened) set(facts []fact) {
	for len(o.rows) < len(facts) {
		o.rows = append(o.rows, o.newRow(len(o.rows)))
	}
	for i, r := range o.rows {
		r.row.SetVisible(i < len(facts))
		if i < len(facts) {
			r.row.SetTitle(facts[i].name)
			r.row.SetSubtitle(facts[i].value)
		}
	}
	o.group.SetVisible(len(facts) > 0)
}

func (o *opened) newRow(place int) *openedRow {
	r := &openedRow{row: adw.NewActionRow(), quick: gtk.NewButton()}
	r.row.SetUseMarkup(false)
	r.row.SetSubtitleLines(3)
	r.quick.SetVAlign(gtk.AlignCenter)
	r.quick.AddCSSClass("flat")
	r.quick.SetVisible(false)
	r.quick.ConnectClicked(func() {
		if r.act != nil {
			r.act()
		}
	})
	r.row.AddSuffix(r.quick)
	r.row.AddSuffix(opener(r.row, func() { o.open(place) }))
	o.group.Add(r.row)
	return r
}

// quick gives a row a button; none without something to do.
func (o *opened) quick(place int, icon, label string, act func()) {
	r := o.rows[place]
	r.act = act
	r.quick.SetVisible(act != nil)
	if act != nil {
		r.quick.SetIconName(icon)
		r.quick.SetTooltipText(label)
	}
}

// enableQuick says why the buttons cannot be used; empty when they can.
func (o *opened) enableQuick(why string) {
	for _, r := range o.rows {
		r.quick.SetSensitive(why == "")
	}
}
