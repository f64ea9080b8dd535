package ui

import (
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/internal/model"
)

// rowFactory makes the rows of a list of objects, as many as can be seen, and
// fills them anew when they are used for another one. GTK throws away most of its
// list items when much of a list changes: the next ones get their rows. bound is
// kept to be those in use; pathAt is the path of the object at a position of the
// list.
func rowFactory(bound map[model.Path]*row, newRow func() *row, pathAt func(uint) string, fill func(*row)) *gtk.ListItemFactory {
	rows := map[uintptr]*row{} // by their list item
	var spare []*row
	f := gtk.NewSignalListItemFactory()
	f.ConnectSetup(func(o *coreglib.Object) {
		if len(spare) == 0 {
			spare = append(spare, newRow())
		}
		r := spare[len(spare)-1]
		spare = spare[:len(spare)-1]
		r.item = o.Cast().(*gtk.ListItem)
		r.item.SetChild(r.box)
		rows[o.Native()] = r
	})
	f.ConnectBind(func(o *coreglib.Object) {
		r := rows[o.Native()]
		r.path = model.Path(pathAt(r.item.Position()))
		bound[r.path] = r
		fill(r)
	})
	f.ConnectUnbind(func(o *coreglib.Object) {
		if r := rows[o.Native()]; bound[r.path] == r {
			delete(bound, r.path)
		}
	})
	f.ConnectTeardown(func(o *coreglib.Object) {
		r := rows[o.Native()]
		delete(rows, o.Native())
		r.item.SetChild(nil)
		r.item = nil
		spare = append(spare, r)
	})
	return &f.ListItemFactory
}
