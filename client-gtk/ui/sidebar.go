package ui

import (
	_ "embed"
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

//go:embed row.ui
var rowUI string

// sidebar is the list of VMs. GTK's model holds only their paths; a VM that
// changes without moving only has its row filled anew.
type sidebar struct {
	list   *store.List
	filter store.Filter
	order  store.Order
	ready  bool

	inView    []string // what paths holds
	paths     *gtk.StringList
	selection *gtk.SingleSelection
	view      *gtk.ListView
	stack     *gtk.Stack
	nothing   *adw.StatusPage
	search    *gtk.SearchEntry
	searchBar *gtk.SearchBar

	rows     map[uintptr]*row // by their list item
	bound    map[model.Path]*row
	chosen   model.Path
	moving   bool // the list changes, and with it the selection
	onChoice func(model.Path)
}

// row is the widgets of a VM's row, used for one VM after the other.
type row struct {
	item            *gtk.ListItem
	icon            *gtk.Image
	title, subtitle *gtk.Label
	path            model.Path
}

func newSidebar(b *gtk.Builder, onChoice func(model.Path)) *sidebar {
	s := &sidebar{
		order: store.Order{ByHost: true}, onChoice: onChoice,
		paths: gtk.NewStringList(nil), view: object[*gtk.ListView](b, "list"),
		stack: object[*gtk.Stack](b, "list_stack"), nothing: object[*adw.StatusPage](b, "nothing"),
		search: object[*gtk.SearchEntry](b, "search"), searchBar: object[*gtk.SearchBar](b, "search_bar"),
		rows: map[uintptr]*row{}, bound: map[model.Path]*row{},
	}
	s.list = store.NewList(s.filter, s.order)
	s.selection = gtk.NewSingleSelection(s.paths)
	s.selection.SetAutoselect(false)
	s.selection.SetCanUnselect(true)
	s.selection.NotifyProperty("selected", s.selected)
	s.view.SetFactory(&s.factory().ListItemFactory)
	s.view.SetModel(s.selection)
	s.view.ConnectActivate(func(at uint) {
		s.selection.SetSelected(at)
		s.onChoice(s.chosen)
	})
	s.searchBar.ConnectEntry(s.search)
	s.search.ConnectSearchChanged(func() {
		s.filter.Text = s.search.Text()
		s.list.SetFilter(s.filter)
		s.sync()
	})
	s.fill()
	return s
}

func (s *sidebar) factory() *gtk.SignalListItemFactory {
	f := gtk.NewSignalListItemFactory()
	f.ConnectSetup(func(o *coreglib.Object) {
		item := o.Cast().(*gtk.ListItem)
		b := build(rowUI)
		r := &row{item: item, icon: object[*gtk.Image](b, "icon"), title: object[*gtk.Label](b, "title"), subtitle: object[*gtk.Label](b, "subtitle")}
		item.SetChild(object[*gtk.Box](b, "row"))
		s.rows[o.Native()] = r
	})
	f.ConnectBind(func(o *coreglib.Object) {
		r := s.rows[o.Native()]
		r.path = model.Path(r.item.Item().Cast().(*gtk.StringObject).String())
		s.bound[r.path] = r
		s.fillRow(r)
	})
	f.ConnectUnbind(func(o *coreglib.Object) {
		if r := s.rows[o.Native()]; s.bound[r.path] == r {
			delete(s.bound, r.path)
		}
	})
	f.ConnectTeardown(func(o *coreglib.Object) { delete(s.rows, o.Native()) })
	return f
}

func (s *sidebar) fillRow(r *row) {
	known, _ := s.list.Find(r.path)
	if known == nil {
		return
	}
	vm := known.VM
	r.icon.SetFromIconName(stateIcon(string(vm.State)))
	r.title.SetText(known.Title())
	facts := []string{words.VMState(vm)}
	if len(vm.IPAddresses) > 0 {
		facts = append(facts, vm.IPAddresses[0])
	} else if vm.OSName != "" {
		facts = append(facts, vm.OSName)
	}
	if known.Host != "" && s.severalHosts() {
		facts = append(facts, known.Host)
	}
	r.subtitle.SetText(strings.Join(facts, " · "))
	r.item.SetAccessibleLabel(known.Title())
	r.item.SetAccessibleDescription(strings.Join(facts, ", "))
}

func (s *sidebar) severalHosts() bool { return len(s.list.Groups()) > 1 }

func (s *sidebar) take(batch *client.Batch) {
	s.list.Take(batch)
	s.sync()
	if len(batch.Hosts) > 0 {
		for _, r := range s.bound {
			s.fillRow(r)
		}
		return
	}
	for _, c := range batch.VMs {
		if c.New == nil {
			continue
		}
		if r := s.bound[c.New.Path()]; r != nil {
			s.fillRow(r)
		}
	}
}

// sync makes GTK's model what the list is, in one step that leaves alone what is
// the same at both ends: a view keeps its place.
func (s *sidebar) sync() {
	after := make([]string, s.list.Len())
	for i := range after {
		after[i] = string(s.list.Row(i).Path())
	}
	start, old, now := 0, len(s.inView), len(after)
	for start < old && start < now && s.inView[start] == after[start] {
		start++
	}
	for old > start && now > start && s.inView[old-1] == after[now-1] {
		old, now = old-1, now-1
	}
	if old > start || now > start {
		s.moving = true
		s.paths.Splice(uint(start), uint(old-start), after[start:now])
		s.moving = false
	}
	s.inView = after
	s.restore()
	s.fill()
}

// restore selects again what was chosen, wherever it is now.
func (s *sidebar) restore() {
	_, at := s.list.Find(s.chosen)
	s.moving = true
	if at < 0 {
		s.selection.SetSelected(gtk.InvalidListPosition)
	} else if s.selection.Selected() != uint(at) {
		s.selection.SetSelected(uint(at))
	}
	s.moving = false
	if row, _ := s.list.Find(s.chosen); row == nil && s.chosen != "" {
		s.chosen = ""
		s.onChoice("")
	}
}

func (s *sidebar) selected() {
	at := s.selection.Selected()
	if s.moving || at == gtk.InvalidListPosition || int(at) >= s.list.Len() {
		return
	}
	if path := s.list.Row(int(at)).Path(); path != s.chosen {
		s.chosen = path
		s.onChoice(path)
	}
}

// choose selects a VM.
func (s *sidebar) choose(path model.Path) {
	if _, at := s.list.Find(path); at >= 0 {
		s.selection.SetSelected(uint(at))
		s.view.ScrollTo(uint(at), gtk.ListScrollFocus, nil)
	}
}

// unchoose selects none.
func (s *sidebar) unchoose() {
	if s.chosen != "" {
		s.chosen = ""
		s.selection.SetSelected(gtk.InvalidListPosition)
		s.onChoice("")
	}
}

func (s *sidebar) setReady(ready bool) {
	s.ready = ready
	s.fill()
}

// fill shows why there is nothing, when there is nothing.
func (s *sidebar) fill() {
	switch {
	case s.list.Len() > 0:
		s.stack.SetVisibleChildName("list")
		return
	case s.list.Total() > 0:
		s.nothing.SetIconName("system-search-symbolic")
		s.nothing.SetTitle(i18n.T("Nothing Found"))
		s.nothing.SetDescription(i18n.T("Try another search or filter."))
	default:
		s.nothing.SetIconName("")
		s.nothing.SetTitle("")
		s.nothing.SetDescription("")
	}
	s.stack.SetVisibleChildName("nothing")
}

func (s *sidebar) startSearch() {
	s.searchBar.SetSearchMode(true)
	s.search.GrabFocus()
}

func (s *sidebar) sortBy(name string) {
	s.order.By = map[string]store.SortBy{
		"name": store.ByName, "state": store.ByState, "memory": store.ByMemory, "started": store.ByStarted,
	}[name]
	s.list.SetOrder(s.order)
	s.sync()
}

func (s *sidebar) filterBy(name string) {
	s.filter.State = map[string]store.StateFilter{
		"all": store.AnyState, "active": store.OnlyActive, "off": store.OnlyOff, "paused": store.OnlyPaused, "failed": store.OnlyFailed,
	}[name]
	s.list.SetFilter(s.filter)
	s.sync()
}
