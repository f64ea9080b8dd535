package ui

import (
	_ "embed"
	"slices"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

//go:embed host.ui
var hostUI string

// HostService is what the page of a host needs of the world.
type HostService interface {
	// DoNetwork does something with a network that needs no further words.
	DoNetwork(a store.NetworkAction, n *model.Network)
	// DoPool does something with a storage pool that needs no further words.
	DoPool(a store.PoolAction, p *model.StoragePool)
}

// hostPage is everything about one host at a time: how it is, its networks and
// its storage.
type hostPage struct {
	service     Service
	vm          func(model.Path) *model.VM // by its path; nil if there is none
	host        *model.Host                // nil while the page is not shown
	permissions map[string]client.Permission
	allNetworks map[model.Path]*model.Network
	allPools    map[model.Path]*model.StoragePool

	root      *adw.BreakpointBin
	stack     *adw.ViewStack
	title     *adw.WindowTitle
	name      *gtk.Label
	state     *gtk.Label
	reconnect *gtk.Button
	details   *rows
	health    *health
	networks  *networksTab
	storage   *storageTab
}

// newHostPage makes an empty page. vm finds a VM, and open shows its page.
func newHostPage(service Service, vm func(model.Path) *model.VM, open func(model.Path)) *hostPage {
	b := build(hostUI)
	p := &hostPage{
		service: service, vm: vm,
		allNetworks: map[model.Path]*model.Network{}, allPools: map[model.Path]*model.StoragePool{},
		root: object[*adw.BreakpointBin](b, "page"), stack: object[*adw.ViewStack](b, "stack"), title: object[*adw.WindowTitle](b, "title"),
		name: object[*gtk.Label](b, "name"), state: object[*gtk.Label](b, "state"), reconnect: object[*gtk.Button](b, "reconnect"),
		details: newRows(object[*adw.PreferencesGroup](b, "details")),
	}
	p.health = newHealth(b, p)
	p.networks = newNetworksTab(b, p, open)
	p.storage = newStorageTab(b, p)
	p.reconnect.ConnectClicked(func() { service.Reconnect(p.host.Path()) })
	p.stack.NotifyProperty("visible-child-name", func() { p.health.ask() })
	return p
}

// show shows a host, which is another one than before.
func (p *hostPage) show(host *model.Host) {
	p.permissions = nil
	p.host = host
	p.health.clear()
	p.networks.list.choose("")
	p.storage.list.choose("")
	p.fill()
	p.refreshPermissions()
	p.health.ask()
}

// clear shows none.
func (p *hostPage) clear() { p.host = nil }

// refreshPermissions asks again what may be done.
func (p *hostPage) refreshPermissions() {
	if p.host == nil {
		return
	}
	asked := p.host.Path()
	p.service.Permissions(asked, func(permissions map[string]client.Permission) {
		if p.host != nil && p.host.Path() == asked {
			p.permissions = permissions
			p.fill()
		}
	})
}

// take takes in what changed, shown or not.
func (p *hostPage) take(batch *client.Batch, hosts map[model.Path]*model.Host) {
	note(p.allNetworks, batch.Networks, (*model.Network).Path)
	note(p.allPools, batch.Pools, (*model.StoragePool).Path)
	if p.host == nil {
		return
	}
	before := p.host
	if p.host = hosts[before.Path()]; p.host == nil {
		return
	}
	if len(batch.Hosts)+len(batch.Networks)+len(batch.Pools)+len(batch.VMs) > 0 {
		p.fill()
	}
	if len(batch.Networks)+len(batch.Pools) > 0 || before.State != p.host.State {
		p.health.ask()
	}
	if batch.PermissionsChanged {
		p.refreshPermissions()
	}
}

// note keeps what there is up to date.
func note[T any](all map[model.Path]*T, changes []client.Change[T], path func(*T) model.Path) {
	for _, c := range changes {
		if c.New == nil {
			delete(all, path(c.Old))
		} else {
			all[path(c.New)] = c.New
		}
	}
}

func (p *hostPage) fill() {
	networks, pools := store.SortNetworks(p.allNetworks, p.host.Path()), store.SortPools(p.allPools, p.host.Path())
	title := hostTitle(p.host)
	p.title.SetTitle(title)
	p.name.SetText(orElse(p.host.Hostname, title))
	p.state.SetText(join(words.HostState(p.host.State), p.host.StateMessage))
	p.reconnect.SetVisible(p.host.State == model.Disconnected)
	counts := store.HostCounts{Networks: len(networks), Pools: len(pools)}
	for _, vm := range p.service.VMs() {
		if vm.Host == p.host.Path() {
			counts.VMs++
			counts.Running += btoi(vm.State.Active())
		}
	}
	p.details.set(asFacts(words.HostFacts(p.host, counts)))
	p.networks.show(networks)
	p.storage.show(pools)
}

func asFacts(list []store.Fact) []fact {
	facts := make([]fact, len(list))
	for i, f := range list {
		facts[i] = fact{f.Name, f.Value}
	}
	return facts
}

// health is what CheckHealth found, with what helps.
type health struct {
	page  *hostPage
	group *adw.PreferencesGroup
	rows  []*healthRow
}

type healthRow struct {
	row    *adw.ActionRow
	icon   *gtk.Image
	button *gtk.Button
	fix    func()
}

func newHealth(b *gtk.Builder, page *hostPage) *health {
	return &health{page: page, group: object[*adw.PreferencesGroup](b, "health")}
}

func (h *health) clear() { h.group.SetVisible(false) }

// ask looks again, while somebody looks at it.
func (h *health) ask() {
	p := h.page
	if p.host == nil || p.stack.VisibleChildName() != "overview" {
		return
	}
	asked := p.host.Path()
	p.service.Health(asked, func(checks []model.Check, err error) {
		if p.host != nil && p.host.Path() == asked && err == nil {
			h.show(checks)
		}
	})
}

func (h *health) show(checks []model.Check) {
	for len(h.rows) < len(checks) {
		h.rows = append(h.rows, h.newRow())
	}
	for i, r := range h.rows {
		r.row.SetVisible(i < len(checks))
		if i < len(checks) {
			h.fill(r, checks[i])
		}
	}
	h.group.SetVisible(len(checks) > 0)
}

func (h *health) newRow() *healthRow {
	r := &healthRow{row: adw.NewActionRow(), icon: gtk.NewImage(), button: gtk.NewButton()}
	r.row.SetUseMarkup(false)
	r.button.SetVAlign(gtk.AlignCenter)
	r.button.ConnectClicked(func() { r.fix() })
	r.row.AddPrefix(r.icon)
	r.row.AddSuffix(r.button)
	h.group.Add(r.row)
	return r
}

func (h *health) fill(r *healthRow, check model.Check) {
	p := h.page
	r.row.SetTitle(check.Message)
	r.row.SetSubtitle(check.Hint)
	r.icon.SetFromIconName(checkIcons[check.Status])
	fix := words.HealthFix(check, store.SortNetworks(p.allNetworks, p.host.Path()), store.SortPools(p.allPools, p.host.Path()))
	r.button.SetLabel(fix.Label)
	why := ""
	switch {
	case fix.Network != nil:
		action := store.NetworkAction(fix.Do)
		why = words.WhyNotNetwork(action, fix.Network, p.host, p.permissions)
		r.fix = func() { p.service.DoNetwork(action, fix.Network) }
	case fix.Pool != nil:
		action := store.PoolAction(fix.Do)
		why = words.WhyNotPool(action, fix.Pool, p.host, p.permissions)
		r.fix = func() { p.service.DoPool(action, fix.Pool) }
	}
	r.button.SetVisible(fix.Label != "" && r.fix != nil)
	r.button.SetSensitive(why == "")
	r.button.SetTooltipText(why)
}

// chosenList is a list of a few things, one of which is chosen. Rows are used
// again.
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
	return at
}

func newListRow() *listRow {
	r := &listRow{row: gtk.NewListBoxRow(), title: gtk.NewLabel(""), subtitle: gtk.NewLabel(""), fill: gtk.NewProgressBar()}
	box := gtk.NewBox(gtk.OrientationVertical, 4)
	box.SetMarginTop(8)
	box.SetMarginBottom(8)
	for _, label := range []*gtk.Label{r.title, r.subtitle} {
		label.SetXAlign(0)
		label.SetEllipsize(3)
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
