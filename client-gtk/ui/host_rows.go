package ui

import (
	"slices"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"
	"github.com/diamondburned/gotk4/pkg/pango"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/internal/model"
)

// chosenList is a list of a few things, one of which is chosen. Rows are used
// again. Only the chosen row can have the keyboard: GTK chooses whatever gets it,
// so that with Tab one could leave the list by its last row only.
type chosenList struct {
	box     *gtk.ListBox
	split   *adw.NavigationSplitView
	rows    []*listRow
	paths   []model.Path
	chosen  model.Path
	filling bool
	changed func(model.Path)
}

type listRow struct {
	row             *gtk.ListBoxRow
	title, subtitle *gtk.Label
	fill            *gtk.ProgressBar
}

func newChosenList(box *gtk.ListBox, split *adw.NavigationSplitView, changed func(model.Path)) *chosenList {
	l := &chosenList{box: box, split: split, changed: changed}
	box.ConnectRowSelected(func(row *gtk.ListBoxRow) {
		if l.filling || row == nil || row.Index() >= len(l.paths) {
			return
		}
		l.chosen = l.paths[row.Index()]
		if box.FocusChild() != nil {
			row.SetFocusable(true)
			row.GrabFocus()
		}
		l.changed(l.chosen)
	})
	box.ConnectRowActivated(func(*gtk.ListBoxRow) { split.SetShowContent(true) })
	return l
}

// choose chooses one, or with the empty path the first, from when it is shown.
func (l *chosenList) choose(path model.Path) {
	l.chosen = path
	if path == "" {
		l.split.SetShowContent(false)
	}
}

// show shows these things, and returns which of them is chosen, -1 if there are
// none.
func (l *chosenList) show(paths []model.Path, fill func(i int, r *listRow)) (chosen int) {
	l.filling = true
	defer func() { l.filling = false }()
	l.paths = paths
	for len(l.rows) < len(paths) {
		r := newListRow()
		l.box.Append(r.row)
		l.rows = append(l.rows, r)
	}
	for i, r := range l.rows {
		r.row.SetVisible(i < len(paths))
		if i < len(paths) {
			fill(i, r)
		}
	}
	if len(paths) == 0 {
		return -1
	}
	at := slices.Index(paths, l.chosen)
	if at < 0 { // it is gone
		l.split.SetShowContent(false)
	}
	at = max(at, 0)
	l.chosen = paths[at]
	l.box.SelectRow(l.rows[at].row)
	for i, r := range l.rows {
		r.row.SetFocusable(i == at)
	}
	return at
}

func newListRow() *listRow {
	r := &listRow{row: gtk.NewListBoxRow(), title: gtk.NewLabel(""), subtitle: gtk.NewLabel(""), fill: gtk.NewProgressBar()}
	box := gtk.NewBox(gtk.OrientationVertical, 4)
	box.SetMarginTop(8)
	box.SetMarginBottom(8)
	for _, label := range []*gtk.Label{r.title, r.subtitle} {
		label.SetXAlign(0)
		label.SetEllipsize(pango.EllipsizeEnd)
		box.Append(label)
	}
	r.subtitle.AddCSSClass("dim-label")
	r.subtitle.AddCSSClass("caption")
	r.fill.SetVisible(false)
	box.Append(r.fill)
	r.row.SetChild(box)
	return r
}

// name is what a screen reader calls a widget.
func name(widget gtk.Widgetter, text string) {
	gtk.BaseWidget(widget).UpdateProperty([]gtk.AccessibleProperty{gtk.AccessiblePropertyLabel}, []coreglib.Value{*coreglib.NewValue(text)})
}

func (r *listRow) say(title, subtitle string) {
	r.title.SetText(title)
	r.subtitle.SetText(subtitle)
	r.subtitle.SetTooltipText(subtitle)
	name(r.row, title)
}

// allow lets a widget be used, or says why not.
func allow(widget gtk.Widgetter, why string) {
	base := gtk.BaseWidget(widget)
	base.SetSensitive(why == "")
	base.SetTooltipText(why)
}

// sayNone says why a host shows nothing: it cannot be reached, or there is
// nothing.
func sayNone(page *adw.StatusPage, host *model.Host, unreachable, title, text string) {
	if host.State != model.Connected {
		title, text = i18n.T("The Host Is Not Connected"), unreachable
	}
	page.SetTitle(title)
	describe(page, text)
}

// startOrStop has a button do what can be done with a thing that is active or
// not, unless there is a reason against it.
func startOrStop(button *gtk.Button, active bool, whyNotStart, whyNotStop string) {
	if active {
		button.SetLabel(i18n.T("_Stop"))
		allow(button, whyNotStop)
	} else {
		button.SetLabel(i18n.T("_Start"))
		allow(button, whyNotStart)
	}
}

// link is a thing with a page of its own.
type link struct {
	title, subtitle string
	path            model.Path
}

// linkRows is a group of things with pages of their own. Rows are used again.
type linkRows struct {
	group *adw.PreferencesGroup
	open  func(model.Path)
	rows  []*adw.ActionRow
	links []link
}

func (l *linkRows) set(links []link) {
	l.links = links
	l.rows = fitRows(l.group, l.rows, len(links), func(row *adw.ActionRow, at int) {
		row.SetActivatable(true)
		row.AddSuffix(gtk.NewImageFromIconName("go-next-symbolic"))
		row.ConnectActivated(func() { l.open(l.links[at].path) })
	})
	for i, one := range links {
		l.rows[i].SetTitle(one.title)
		l.rows[i].SetSubtitle(one.subtitle)
	}
}

// offer lets a button with a picture be used, or says why not. Otherwise it says
// what the button does.
func offer(button *gtk.Button, does, why string) {
	allow(button, why)
	if why == "" {
		button.SetTooltipText(does)
	}
}
