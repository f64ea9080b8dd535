package ui

import (
	"maps"
	"slices"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// volumesView is the volumes of a pool, of which there may be many thousands.
// GTK's model says only how many they are, and widgets hold only what can be seen.
type volumesView struct {
	tab     *storageTab
	list    *store.Volumes
	inView  []string // their paths
	places  *gtk.StringList
	placed  int  // how many places there are, and of those in view the first have one
	placing bool // more are coming
	view    *gtk.ListView
	stack   *gtk.Stack
	nothing *adw.StatusPage
	search  *gtk.SearchEntry
	bound   map[model.Path]*row
	dialog  *volumeDialog // of the volume that is open
}

func newVolumesView(b *gtk.Builder, tab *storageTab) *volumesView {
	v := &volumesView{
		tab: tab, list: store.NewVolumes(), places: gtk.NewStringList(nil), view: object[*gtk.ListView](b, "volumes"),
		stack: object[*gtk.Stack](b, "volumes_stack"), nothing: object[*adw.StatusPage](b, "nothing"),
		search: object[*gtk.SearchEntry](b, "search"), bound: map[model.Path]*row{},
	}
	v.view.SetFactory(rowFactory(v.bound, newVolumeRow, func(at uint) string { return v.inView[at] }, v.fillRow))
	v.view.SetModel(gtk.NewNoSelection(v.places))
	v.view.ConnectActivate(func(at uint) { v.open(model.Path(v.inView[at])) })
	v.search.ConnectSearchChanged(func() {
		v.list.Search(v.search.Text())
		v.sync()
		v.scrollUp()
	})
	sort := object[*gtk.DropDown](b, "sort")
	sort.NotifyProperty("selected", func() {
		v.list.SortBy(store.VolumeSort(sort.Selected()))
		v.sync()
		v.scrollUp()
	})
	return v
}

func newVolumeRow() *row {
	b := build(rowUI)
	r := &row{
		box: object[*gtk.Box](b, "row"), icon: object[*gtk.Image](b, "icon"), second: object[*gtk.Box](b, "second"),
		title: object[*gtk.Label](b, "title"), subtitle: object[*gtk.Label](b, "subtitle"),
	}
	object[*gtk.Image](b, "system").SetVisible(false)
	return r
}

func (v *volumesView) fillRow(r *row) {
	volume := v.list.Find(r.path)
	if volume == nil {
		return
	}
	icon := "drive-harddisk-symbolic"
	if volume.Format == "iso" {
		icon = "media-optical-symbolic"
	}
	r.icon.SetFromIconName(icon)
	r.say(volume.Name, words.VolumeSummary(volume.StorageVolume, v.users(volume.StorageVolume)))
}

// users is the VMs that use a volume.
func (v *volumesView) users(volume *model.StorageVolume) []store.VolumeUser {
	var users []store.VolumeUser
	for _, vm := range v.tab.page.vmsAt(volume.UsedBy) {
		users = append(users, store.VolumeUser{Name: store.Title(vm), Running: vm.State.Active()})
	}
	return users
}

// take takes in what changed, shown or not.
func (v *volumesView) take(batch *client.Batch, shown bool) {
	concerned := v.list.Take(batch.Volumes)
	if !shown {
		return
	}
	if concerned {
		v.sync()
	}
	if concerned || len(batch.VMs) > 0 {
		v.refill()
	}
	if v.dialog != nil {
		v.dialog.fill()
	}
}

// showPool shows the volumes of a pool.
func (v *volumesView) showPool(pool model.Path) {
	another := v.list.Show(pool)
	v.sync()
	if another {
		v.scrollUp()
	} else {
		v.refill() // with what has changed while nobody looked
	}
}

// scrollUp shows the first volumes.
func (v *volumesView) scrollUp() {
	if v.placed > 0 {
		v.view.ScrollTo(0, gtk.ListScrollNone, nil)
	}
}

// sync has the view show what the list is. A small change is told GTK as it is.
// After a large one GTK would make all its rows anew, two hundred of them: they
// stay where they are and show other volumes.
func (v *volumesView) sync() {
	const small = 16
	shown := v.list.Shown()
	after := make([]string, len(shown))
	for i, row := range shown {
		after[i] = string(row.At)
	}
	before := v.inView
	start, old, now := 0, len(before), len(after)
	for start < old && start < now && before[start] == after[start] {
		start++
	}
	for old > start && now > start && before[old-1] == after[now-1] {
		old, now = old-1, now-1
	}
	v.inView = after
	if old-start+now-start <= small && v.placed == len(before) {
		v.places.Splice(uint(start), uint(old-start), make([]string, now-start))
		v.placed = len(after)
	} else {
		v.refill()
		if v.placed > len(after) {
			v.places.Splice(uint(len(after)), uint(v.placed-len(after)), nil)
			v.placed = len(after)
		}
		v.place()
	}
	v.sayNothing()
}

// refill has the rows show what is in view where they are now.
func (v *volumesView) refill() {
	rows := slices.Collect(maps.Values(v.bound))
	clear(v.bound)
	for _, r := range rows {
		if at := r.item.Position(); at < uint(len(v.inView)) {
			r.path = model.Path(v.inView[at])
			v.bound[r.path] = r
			v.fillRow(r)
		}
	}
}

// place makes places for what is in view: a few at a time while GTK makes rows for
// them, so that the window is alive meanwhile, and then all that are left.
func (v *volumesView) place() {
	const few, rows = 16, 256 // GTK keeps no more rows than that
	if v.placing || v.placed >= len(v.inView) {
		return
	}
	many := len(v.inView) - v.placed
	if v.placed < rows {
		many = min(many, few)
	}
	v.places.Splice(uint(v.placed), 0, make([]string, many))
	v.placed += many
	v.placing = true
	coreglib.IdleAdd(func() {
		v.placing = false
		v.place()
	})
}

// sayNothing says why there is nothing, when there is nothing.
func (v *volumesView) sayNothing() {
	pool := v.tab.pool
	switch {
	case len(v.inView) > 0 || pool == nil:
		v.stack.SetVisibleChildName("list")
		return
	case !pool.Active:
		v.nothing.SetIconName("drive-harddisk-symbolic")
		v.nothing.SetTitle(i18n.T("The Storage Pool Is Not Active"))
		v.nothing.SetDescription(i18n.T("Start it to see its volumes."))
	case v.list.Total() > 0:
		v.nothing.SetIconName("system-search-symbolic")
		v.nothing.SetTitle(i18n.T("Nothing Found"))
		v.nothing.SetDescription(i18n.T("Try another search."))
	default:
		v.nothing.SetIconName("drive-harddisk-symbolic")
		v.nothing.SetTitle(i18n.T("No Volumes"))
		v.nothing.SetDescription(i18n.T("Create one, or drop a file here to upload it."))
	}
	v.stack.SetVisibleChildName("nothing")
}

// open shows everything about a volume.
func (v *volumesView) open(path model.Path) {
	if v.list.Find(path) == nil {
		return
	}
	v.dialog = newVolumeDialog(v, path)
	v.dialog.dialog.ConnectClosed(func() { v.dialog = nil })
	v.dialog.dialog.Present(v.tab.page.root)
}
