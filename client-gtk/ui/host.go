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

//go:embed host.ui
var hostUI string

// HostService is what the page of a host needs of the world.
type HostService interface {
	// DoNetwork does something with a network that needs no further words; with
	// force also if VMs are in it.
	DoNetwork(a store.NetworkAction, n *model.Network, force bool)
	// SetNetworkAutostart says whether a network starts with its host.
	SetNetworkAutostart(n *model.Network, on bool, then func(error))
	// CreateNetwork makes a network. done gets what went wrong, or nil.
	CreateNetwork(host model.Path, setup model.NetworkSetup, done func(error))
	// ConfigureNetwork changes a network, or says what would become of that. For a
	// dry run no password is asked for.
	ConfigureNetwork(n *model.Network, changes map[string]any, dryRun bool, then func(client.NetworkApplied, error))
	// AddDHCPHost keeps an address of a network for a guest.
	AddDHCPHost(n *model.Network, host model.DHCPHost, then func(error))
	// RemoveDHCPHost keeps it no longer.
	RemoveDHCPHost(n *model.Network, host model.DHCPHost)
	// Leases is the addresses that guests have from a network.
	Leases(network model.Path, then func([]model.Lease, error))
	// Hosts, Networks and Pools are from memory, in the order of people.
	Hosts() []*model.Host
	Networks(host model.Path) []*model.Network
	Pools(host model.Path) []*model.StoragePool
	// Capabilities is what a host can give to new VMs.
	Capabilities(host model.Path, then func(model.Capabilities, error))
	// DoPool does something with a storage pool that needs no further words.
	DoPool(a store.PoolAction, p *model.StoragePool)
	// SetPoolAutostart says whether a storage pool starts with its host.
	SetPoolAutostart(p *model.StoragePool, on bool, then func(error))
	// CreatePool makes a storage pool. begun hears whether that was begun.
	CreatePool(host model.Path, spec model.PoolSpec, begun func(error))
	// CreateVolume makes an empty volume.
	CreateVolume(p *model.StoragePool, spec model.VolumeSpec)
	// Upload makes a volume of a file.
	Upload(p *model.StoragePool, name, file string)
	// Replace puts what is in a file into a volume.
	Replace(v *model.StorageVolume, file string)
	// Download puts what is in a volume into a file.
	Download(v *model.StorageVolume, file string)
	// ResizeVolume makes a volume as large as this; smaller only with shrink.
	ResizeVolume(v *model.StorageVolume, bytes uint64, shrink bool)
	// CloneVolume makes a volume like this one in the same pool.
	CloneVolume(v *model.StorageVolume, name string)
	// WipeVolume overwrites what is in a volume.
	WipeVolume(v *model.StorageVolume)
	// DeleteVolume deletes a volume with everything in it.
	DeleteVolume(v *model.StorageVolume)
	// Tell shows a short message.
	Tell(text string)
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
	p.networks = newNetworksTab(p, open)
	p.storage = newStorageTab(p)
	object[*adw.Bin](b, "networks").SetChild(p.networks.stack)
	object[*adw.Bin](b, "storage").SetChild(p.storage.stack)
	narrow := object[*adw.Breakpoint](b, "narrow")
	narrow.AddSetter(p.networks.list.split, "collapsed", true)
	narrow.AddSetter(p.storage.list.split, "collapsed", true)
	p.reconnect.ConnectClicked(func() { service.Reconnect(p.host.Path()) })
	p.stack.NotifyProperty("visible-child-name", p.look)
	p.shareHeader(object[*adw.ToolbarView](b, "view"), map[string]inPage{
		"networks": {p.networks.stack, p.networks.list.split},
		"storage":  {p.storage.stack, p.storage.list.split},
	})
	return p
}

// inPage is a tab with a list and what is chosen of it, which has a header bar.
type inPage struct {
	stack *gtk.Stack
	split *adw.NavigationSplitView
}

// shareHeader leaves one header bar where there would be two: in a narrow window,
// what is chosen of a list takes the whole page. Its bar has no room for the
// buttons of the window, which are there again one step back.
func (p *hostPage) shareHeader(page *adw.ToolbarView, tabs map[string]inPage) {
	arrange := func() {
		tab, split := tabs[p.stack.VisibleChildName()]
		whole := split && tab.stack.VisibleChildName() == "some" && tab.split.Collapsed() && tab.split.ShowContent()
		page.SetRevealTopBars(!whole)
	}
	p.stack.NotifyProperty("visible-child-name", arrange)
	for _, t := range tabs {
		t.stack.NotifyProperty("visible-child-name", arrange)
		t.split.NotifyProperty("collapsed", arrange)
		t.split.NotifyProperty("show-content", arrange)
	}
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
	p.look()
}

// look asks for what is not told by itself, while somebody looks at it.
func (p *hostPage) look() {
	if p.host != nil && p.stack.VisibleChildName() == "overview" {
		p.health.ask()
	}
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
			p.look()
		}
	})
}

// take takes in what changed, shown or not.
func (p *hostPage) take(batch *client.Batch, hosts map[model.Path]*model.Host) {
	note(p.allNetworks, batch.Networks, (*model.Network).Path)
	note(p.allPools, batch.Pools, (*model.StoragePool).Path)
	p.storage.take(batch, p.host != nil)
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
		p.look()
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
	p.state.SetText(store.Join(words.HostState(p.host.State), p.host.StateMessage))
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

// ask looks again.
func (h *health) ask() {
	p := h.page
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
	r.fix = nil
	why := ""
	switch {
	case fix.Network != nil:
		action := store.NetworkAction(fix.Do)
		why = words.WhyNotNetwork(action, fix.Network, p.host, p.permissions)
		r.fix = func() { h.doNetwork(action, fix.Network) }
	case fix.Label != "" && check.ID == "network":
		why = words.WhyNoNewNetwork(p.host, p.permissions)
		r.fix = func() { showNewNetwork(p.root, p.service, p.host.Path()) }
	case fix.Pool != nil:
		action := store.PoolAction(fix.Do)
		why = words.WhyNotPool(action, fix.Pool, p.host, p.permissions)
		r.fix = func() { p.service.DoPool(action, fix.Pool) }
	case fix.Label != "" && check.ID == "storage":
		why = words.WhyNoNewPool(p.host, p.permissions)
		r.fix = func() { showNewPool(p.root, p.service, p.host.Path()) }
	}
	r.button.SetVisible(fix.Label != "" && r.fix != nil)
	r.button.SetSensitive(why == "")
	r.button.SetTooltipText(why)
}

func (h *health) doNetwork(action store.NetworkAction, n *model.Network) {
	if action == store.AutostartNet {
		h.page.service.SetNetworkAutostart(n, true, func(err error) {
			h.page.service.Fail(i18n.F("“%s” Was Not Changed", n.Name), err)
		})
		return
	}
	h.page.service.DoNetwork(action, n, false)
}

// vmsAt is the VMs at these paths that are known.
func (p *hostPage) vmsAt(paths []model.Path) []*model.VM {
	var found []*model.VM
	for _, path := range paths {
		if vm := p.vm(path); vm != nil {
			found = append(found, vm)
		}
	}
	return found
}
