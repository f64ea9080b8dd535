package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// storageTab is the storage pools of a host, and one of them.
type storageTab struct {
	page  *hostPage
	pools []*model.StoragePool
	pool  *model.StoragePool // the chosen one

	stack  *gtk.Stack
	none   *adw.StatusPage
	list   *chosenList
	detail *adw.NavigationPage
	toggle *gtk.Button
	facts  *rows
}

func newStorageTab(b *gtk.Builder, page *hostPage) *storageTab {
	t := &storageTab{
		page: page, stack: object[*gtk.Stack](b, "storage_stack"), none: object[*adw.StatusPage](b, "no_pools"),
		detail: object[*adw.NavigationPage](b, "pool_page"), toggle: object[*gtk.Button](b, "pool_switch"),
		facts: newRows(object[*adw.PreferencesGroup](b, "pool_facts")),
	}
	t.list = newChosenList(object[*gtk.ListBox](b, "pool_list"), object[*adw.NavigationSplitView](b, "storage"), func(model.Path) { t.show(t.pools) })
	t.toggle.ConnectClicked(func() { t.act(t.toggles()) })
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

// toggles is what the button does.
func (t *storageTab) toggles() store.PoolAction {
	if t.pool.Active {
		return store.StopPool
	}
	return store.StartPool
}

func (t *storageTab) fill() {
	p := t.pool
	t.detail.SetTitle(p.Name)
	t.toggle.SetLabel(i18n.T("_Start"))
	if p.Active {
		t.toggle.SetLabel(i18n.T("_Stop"))
	}
	allow(t.toggle, t.why(t.toggles()))
	t.toggle.SetVisible(!p.Active)
	t.facts.set([]fact{{i18n.T("State"), words.PoolState(p.State)}})
}

func (t *storageTab) why(a store.PoolAction) string {
	return words.WhyNotPool(a, t.pool, t.page.host, t.page.permissions)
}

func (t *storageTab) act(a store.PoolAction) {
	if t.why(a) == "" {
		t.page.service.DoPool(a, t.pool)
	}
}
