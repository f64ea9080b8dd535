package ui

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
	"github.com/diamondburned/gotk4/pkg/graphene"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

//go:embed row.ui
var rowUI string

// sidebar is the list of VMs below their hosts. GTK's model holds only their
// paths; what changes without moving only has its row filled anew.
type sidebar struct {
	list   *store.List
	filter store.Filter
	order  store.Order
	hosts  map[model.Path]*model.Host
	ready  bool

	inView    []string // what paths holds
	paths     *gtk.StringList
	selection *gtk.MultiSelection
	view      *gtk.ListView
	stack     *gtk.Stack
	nothing   *adw.StatusPage
	search    *gtk.SearchEntry
	searchBar *gtk.SearchBar
	filtered  *adw.Banner // says what is left out
	state     string      // the filter by state
	tags      *gio.Menu
	menu      *gtk.PopoverMenu
	menuModel *gio.Menu
	pictures  *thumbnails
	ticking   coreglib.SourceHandle

	bound     map[model.Path]*row
	chosen    []model.Path // VMs, or one host
	knownTags []string
	moving    bool // the list changes, and with it the selection
	onChoice  func([]model.Path)
	reconnect func(host model.Path)
	work      map[model.Path]*model.Job // under way, by VM
	remove    func()                    // asks whether to delete what is chosen
}

// row is the widgets of a row, used for one VM or host after the other.
type row struct {
	item            *gtk.ListItem
	box             *gtk.Box
	icon, system    *gtk.Image
	second          *gtk.Box // what stands below the title
	picture         *gtk.Picture
	title, subtitle *gtk.Label
	reconnect       *gtk.Button
	path            model.Path
}

func newSidebar(b *gtk.Builder, service Service, hosts map[model.Path]*model.Host, onChoice func([]model.Path)) *sidebar {
	s := &sidebar{
		order: store.Order{ByHost: true}, hosts: hosts, onChoice: onChoice, reconnect: service.Reconnect, pictures: newThumbnails(service),
		paths: gtk.NewStringList(nil), view: object[*gtk.ListView](b, "list"),
		stack: object[*gtk.Stack](b, "list_stack"), nothing: object[*adw.StatusPage](b, "nothing"),
		search: object[*gtk.SearchEntry](b, "search"), searchBar: object[*gtk.SearchBar](b, "search_bar"),
		filtered: object[*adw.Banner](b, "filter_banner"), state: "all",
		tags: object[*gio.Menu](b, "tags"), bound: map[model.Path]*row{},
	}
	s.list = store.NewList(s.filter, s.order)
	s.selection = gtk.NewMultiSelection(s.paths)
	s.selection.ConnectSelectionChanged(func(_, _ uint) { s.selected() })
	s.view.SetFactory(rowFactory(s.bound, s.newRow, func(at uint) string { return s.inView[at] }, s.fillRow))
	s.view.SetModel(s.selection)
	s.view.ConnectActivate(func(at uint) {
		s.selection.SelectItem(at, true)
		s.onChoice(s.chosen)
	})
	s.searchBar.ConnectEntry(s.search)
	s.search.ConnectSearchChanged(func() {
		s.filter.Text = s.search.Text()
		s.list.SetFilter(s.filter)
		s.sync()
	})
	s.search.ConnectActivate(func() {
		if s.list.Len() > 0 {
			s.choose(s.list.Row(0).Path())
		}
	})
	s.filtered.ConnectButtonClicked(func() {
		s.view.ActivateAction("win.filter", glib.NewVariantString("all"))
		s.view.ActivateAction("win.tag", glib.NewVariantString(""))
	})
	s.addMenu()
	s.fill()
	return s
}

// look starts and stops the small pictures, as somebody can see them or not.
func (s *sidebar) look(visible bool) {
	switch {
	case visible && s.ticking == 0:
		s.ticking = coreglib.TimeoutAdd(uint(thumbnailTick.Milliseconds()), s.tick)
	case !visible && s.ticking != 0:
		coreglib.SourceRemove(s.ticking)
		s.ticking = 0
	}
}

// tick renews a small picture.
func (s *sidebar) tick() bool {
	if !s.view.Mapped() {
		return true
	}
	var running []model.Path
	for path := range s.bound {
		if known, _ := s.list.Find(path); known != nil && pictured(known.VM) && store.Reachable(s.hosts[known.VM.Host]) {
			running = append(running, path)
		}
	}
	s.pictures.renew(running, s.refill)
	return true
}

// pictured is whether a VM has a screen to make a small picture of.
func pictured(vm *model.VM) bool {
	return vm.State.Active() && vm.State != model.VMStarting && len(vm.Graphics) > 0
}

// addMenu opens the menu of what is chosen where somebody clicks, or with the
// keyboard.
func (s *sidebar) addMenu() {
	s.menuModel = object[*gio.Menu](build(pageUI), "menu")
	s.menu = gtk.NewPopoverMenuFromModel(s.menuModel)
	s.menu.SetParent(s.view)
	s.menu.SetHasArrow(false)
	s.menu.SetHAlign(gtk.AlignStart)
	keys := gtk.NewEventControllerKey()
	keys.ConnectKeyPressed(func(keyval, _ uint, state gdk.ModifierType) bool {
		if (keyval == gdk.KEY_Delete || keyval == gdk.KEY_KP_Delete) && len(s.chosen) > 0 && !isHost(s.chosen[0]) {
			s.remove()
			return true
		}
		wanted := keyval == gdk.KEY_Menu || keyval == gdk.KEY_F10 && state&gdk.ShiftMask != 0
		if !wanted || len(s.chosen) != 1 || isHost(s.chosen[0]) {
			return false
		}
		if r := s.bound[s.chosen[0]]; r != nil {
			s.openMenu(r, 0, float64(r.box.Height()))
		}
		return true
	})
	s.view.AddController(keys)
}

func (s *sidebar) openMenu(r *row, x, y float64) {
	at, known := r.box.ComputePoint(s.view, graphene.NewPointAlloc().Init(float32(x), float32(y)))
	if !known {
		return
	}
	place := gdk.NewRectangle(int(at.X()), int(at.Y()), 1, 1)
	s.menu.SetPointingTo(&place)
	s.menu.Popup()
}

func (s *sidebar) newRow() *row {
	b := build(rowUI)
	r := &row{
		box: object[*gtk.Box](b, "row"), icon: object[*gtk.Image](b, "icon"),
		system: object[*gtk.Image](b, "system"), second: object[*gtk.Box](b, "second"),
		picture: object[*gtk.Picture](b, "picture"), title: object[*gtk.Label](b, "title"), subtitle: object[*gtk.Label](b, "subtitle"),
		reconnect: object[*gtk.Button](b, "reconnect"),
	}
	r.reconnect.ConnectClicked(func() { s.reconnect(r.path) })
	click := gtk.NewGestureClick()
	click.SetButton(gdk.BUTTON_SECONDARY)
	click.ConnectPressed(func(_ int, x, y float64) {
		s.choose(r.path)
		if isHost(r.path) {
			return
		}
		s.openMenu(r, x, y)
	})
	r.box.AddController(click)
	return r
}

// isHost tells a heading's path from a VM's.
func isHost(path model.Path) bool { return strings.HasPrefix(string(path), "/org/kvmmanager/hosts/") }

func (s *sidebar) fillRow(r *row) {
	host := isHost(r.path)
	r.icon.SetVisible(!host)
	r.system.SetVisible(false)
	r.picture.SetVisible(false)
	r.reconnect.SetVisible(false)
	if host {
		s.fillHost(r)
		return
	}
	known, _ := s.list.Find(r.path)
	if known == nil {
		return
	}
	vm := known.VM
	r.icon.SetFromIconName(stateIcon(string(vm.State)))
	if !pictured(vm) {
		s.pictures.forget(r.path)
	} else if image := s.pictures.of(r.path); image != nil {
		image.Show(r.picture)
		r.picture.SetVisible(true)
	}
	if family := store.OSFamily(vm); family != "" {
		r.system.SetFromIconName("org.kvmmanager.Client.os-" + family + "-symbolic")
		r.system.SetVisible(true)
	}
	r.title.RemoveCSSClass("heading")
	facts := []string{words.VMState(vm)}
	if job := s.work[r.path]; job != nil {
		facts[0] = words.Work(job)
	}
	if len(vm.IPAddresses) > 0 {
		facts = append(facts, vm.IPAddresses[0])
	} else if vm.OSName != "" {
		facts = append(facts, vm.OSName)
	}
	r.say(store.Title(vm), facts)
}

// fillHost makes the row a heading. What runs on a host that cannot be reached
// is not known: its heading says so and offers to try again.
func (s *sidebar) fillHost(r *row) {
	r.title.AddCSSClass("heading")
	h := s.hosts[r.path]
	if h == nil {
		return
	}
	var facts []string
	if h.State != model.Connected {
		facts = append(facts, words.HostState(h.State))
	}
	r.reconnect.SetVisible(h.State == model.Disconnected)
	r.say(hostTitle(h), facts)
}

func (r *row) say(title string, facts []string) {
	r.title.SetText(title)
	r.subtitle.SetText(strings.Join(facts, " · "))
	r.second.SetVisible(len(facts) > 0)
	r.item.SetAccessibleLabel(title)
	r.item.SetAccessibleDescription(strings.Join(facts, ", "))
}

func (s *sidebar) take(batch *client.Batch) {
	s.list.Take(batch)
	s.sync()
	for _, c := range batch.Hosts {
		if c.New != nil {
			s.refill(c.New.Path())
		}
	}
	for _, c := range batch.VMs {
		if c.New != nil {
			s.refill(c.New.Path())
		}
	}
	s.fillTags()
}

// takeWork shows in the rows what is done with their VMs.
func (s *sidebar) takeWork(jobs []*model.Job) {
	before := s.work
	s.work = make(map[model.Path]*model.Job, len(jobs))
	for _, job := range jobs {
		for _, path := range job.Objects {
			s.work[path] = job
		}
	}
	for path := range s.bound {
		if before[path] != s.work[path] {
			s.refill(path)
		}
	}
}

func (s *sidebar) refill(path model.Path) {
	if r := s.bound[path]; r != nil {
		s.fillRow(r)
	}
}

// wanted is the rows that there should be: each host with its VMs, and in a
// search only those with something to show.
func (s *sidebar) wanted() []string {
	groups := map[model.Path]store.Group{}
	for _, g := range s.list.Groups() {
		groups[g.Host] = g
	}
	rows := make([]string, 0, s.list.Len()+len(s.hosts))
	for _, host := range sortedHosts(s.hosts) {
		g, has := groups[host.Path()]
		if !has && s.filter.Narrows() {
			continue
		}
		rows = append(rows, string(host.Path()))
		for i := range g.Len {
			rows = append(rows, string(s.list.Row(g.Start+i).Path()))
		}
	}
	return rows
}

// sync makes GTK's model what the list is, in one step that leaves alone what is
// the same at both ends: a view keeps its place.
func (s *sidebar) sync() {
	after := s.wanted()
	start, old, now := 0, len(s.inView), len(after)
	for start < old && start < now && s.inView[start] == after[start] {
		start++
	}
	for old > start && now > start && s.inView[old-1] == after[now-1] {
		old, now = old-1, now-1
	}
	s.inView = after
	if old > start || now > start {
		s.moving = true
		s.paths.Splice(uint(start), uint(old-start), after[start:now])
		s.moving = false
		s.restore()
	} else if slices.ContainsFunc(s.chosen, s.gone) {
		s.restore()
	}
	s.fill()
}

// gone is whether there is no such VM or host any more, in view or not.
func (s *sidebar) gone(path model.Path) bool {
	row, _ := s.list.Find(path)
	return row == nil && s.hosts[path] == nil
}

// restore selects again what was chosen, wherever it is now. What was chosen and
// is filtered out stays chosen; what is gone does not.
func (s *sidebar) restore() {
	kept := slices.DeleteFunc(slices.Clone(s.chosen), s.gone)
	places := gtk.NewBitsetEmpty()
	for _, path := range kept {
		if at := slices.Index(s.inView, string(path)); at >= 0 {
			places.Add(uint(at))
		}
	}
	s.moving = true
	s.selection.SetSelection(places, gtk.NewBitsetRange(0, uint(len(s.inView))))
	s.moving = false
	if len(kept) < len(s.chosen) {
		s.chosen = kept
		s.onChoice(kept)
	}
}

// selected takes over what a person selected.
func (s *sidebar) selected() {
	if s.moving {
		return
	}
	var now, hosts []model.Path
	places := s.selection.Selection()
	for i := range uint(places.Size()) {
		if path := model.Path(s.inView[places.Nth(i)]); isHost(path) {
			hosts = append(hosts, path)
		} else {
			now = append(now, path)
		}
	}
	if len(now) == 0 && len(hosts) > 0 {
		now = hosts[:1]
	}
	if len(now) > 0 && !slices.Equal(now, s.chosen) {
		s.chosen = now
		s.onChoice(now)
	}
}

// choose selects a VM or a host alone. One that is filtered out is shown without
// a row.
func (s *sidebar) choose(path model.Path) {
	if at := slices.Index(s.inView, string(path)); at >= 0 {
		s.selection.SelectItem(uint(at), true)
		s.view.ScrollTo(uint(at), gtk.ListScrollFocus, nil)
		return
	}
	if chosen := []model.Path{path}; !s.gone(path) && !slices.Equal(chosen, s.chosen) {
		s.chosen = chosen
		s.moving = true
		s.selection.UnselectAll()
		s.moving = false
		s.onChoice(chosen)
	}
}

// vm is the VM at a path, shown or not; nil if there is none.
func (s *sidebar) vm(path model.Path) *model.VM {
	if row, _ := s.list.Find(path); row != nil {
		return row.VM
	}
	return nil
}

// unchoose selects none.
func (s *sidebar) unchoose() {
	if len(s.chosen) > 0 {
		s.chosen = nil
		s.moving = true
		s.selection.UnselectAll()
		s.moving = false
		s.onChoice(nil)
	}
}

// fillTags offers the tags that there are.
func (s *sidebar) fillTags() {
	tags := s.list.Tags()
	if slices.Equal(tags, s.knownTags) {
		return
	}
	s.knownTags = tags
	s.tags.RemoveAll()
	for _, tag := range tags {
		item := gio.NewMenuItem(tag, "")
		item.SetActionAndTargetValue("win.tag", glib.NewVariantString(tag))
		s.tags.AppendItem(item)
	}
	if len(tags) > 0 {
		item := gio.NewMenuItem(i18n.T("Any"), "")
		item.SetActionAndTargetValue("win.tag", glib.NewVariantString(""))
		s.tags.PrependItem(item)
	}
	// A tag that nothing has any more cannot be chosen away.
	if len(s.filter.Tags) > 0 && !slices.Contains(tags, s.filter.Tags[0]) {
		s.view.ActivateAction("win.tag", glib.NewVariantString(""))
	}
}

// filterByTag shows only the VMs with a tag; all with the empty one.
func (s *sidebar) filterByTag(tag string) {
	s.filter.Tags = nil
	if tag != "" {
		s.filter.Tags = []string{tag}
	}
	s.list.SetFilter(s.filter)
	s.sync()
	s.showFilter()
}

func (s *sidebar) setReady(ready bool) {
	s.ready = ready
	s.fill()
}

// fill shows why there is nothing, when there is nothing.
func (s *sidebar) fill() {
	switch {
	case len(s.inView) > 0:
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

// filterNames are what the filters by state let through.
var filterNames = map[string]string{
	"active": i18n.Mark("Running"), "off": i18n.Mark("Off"), "paused": i18n.Mark("Paused"), "failed": i18n.Mark("Failed"),
}

// showFilter says which filters are active.
func (s *sidebar) showFilter() {
	var names []string
	if name := filterNames[s.state]; name != "" {
		names = append(names, i18n.T(name))
	}
	names = append(names, s.filter.Tags...)
	if len(names) > 0 {
		s.filtered.SetTitle(i18n.F("Only: %s", strings.Join(names, ", ")))
	}
	s.filtered.SetRevealed(len(names) > 0)
}

func (s *sidebar) filterBy(name string) {
	s.state = name
	s.showFilter()
	s.filter.State = map[string]store.StateFilter{
		"all": store.AnyState, "active": store.OnlyActive, "off": store.OnlyOff, "paused": store.OnlyPaused, "failed": store.OnlyFailed,
	}[name]
	s.list.SetFilter(s.filter)
	s.sync()
}
