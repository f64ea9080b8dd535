package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

//go:embed storage.ui
var storageUI string

// storageTab is the storage pools of a host, and one of them with its volumes.
type storageTab struct {
	page  *hostPage
	pools []*model.StoragePool
	pool  *model.StoragePool // the chosen one

	stack  *gtk.Stack
	none   *adw.StatusPage
	list   *chosenList
	detail *adw.NavigationPage

	toggle  *gtk.Button
	facts   *gtk.Label
	volumes *volumesView
}

func newStorageTab(page *hostPage) *storageTab {
	b := build(storageUI)
	t := &storageTab{
		page: page, stack: object[*gtk.Stack](b, "stack"), none: object[*adw.StatusPage](b, "none"),
		detail: object[*adw.NavigationPage](b, "detail"),
		toggle: object[*gtk.Button](b, "toggle"), facts: object[*gtk.Label](b, "facts"),
	}
	t.volumes = newVolumesView(b, t)
	t.list = newChosenList(object[*gtk.ListBox](b, "list"), object[*adw.NavigationSplitView](b, "split"), func(model.Path) { t.show(t.pools) })
	t.toggle.ConnectClicked(func() { page.service.DoPool(store.StartPool, t.pool) })
	return t
}

// show shows these pools and no others.
func (t *storageTab) show(pools []*model.StoragePool) {
	t.pools = pools
	paths := make([]model.Path, len(pools))
	for i, p := range pools {
		paths[i] = p.Path()
	}
	at := t.list.show(paths, func(i int, r *listRow) {
		r.say(pools[i].Name, words.PoolSummary(pools[i]))
		r.fill.SetVisible(pools[i].Capacity > 0)
		r.fill.SetFraction(store.PoolFill(pools[i]))
	})
	if at < 0 {
		t.pool = nil
		t.volumes.showPool("")
		t.sayNone()
		return
	}
	t.stack.SetVisibleChildName("some")
	t.pool = pools[at]
	t.fill()
}

// sayNone says why there are no pools.
func (t *storageTab) sayNone() {
	t.stack.SetVisibleChildName("none")
	if t.page.host.State != model.Connected {
		t.none.SetTitle(i18n.T("The Host Is Not Connected"))
		t.none.SetDescription(i18n.T("Its storage is shown when it can be reached again."))
		return
	}
	t.none.SetTitle(i18n.T("No Storage Pools"))
	t.none.SetDescription(i18n.T("A storage pool is a place for the disks of virtual machines."))
}

func (t *storageTab) fill() {
	p := t.pool
	t.detail.SetTitle(p.Name)
	t.toggle.SetLabel(i18n.T("_Start"))
	t.toggle.SetVisible(!p.Active)
	allow(t.toggle, t.why(store.StartPool))
	t.facts.SetText(words.PoolFacts(p))
	t.volumes.showPool(p.Path())
}

func (t *storageTab) why(a store.PoolAction) string {
	return words.WhyNotPool(a, t.pool, t.page.host, t.page.permissions)
}

// take takes in what changed.
func (t *storageTab) take(batch *client.Batch, shown bool) {
	t.volumes.take(batch, shown)
}
