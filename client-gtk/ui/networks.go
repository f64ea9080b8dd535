package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// networksTab is the networks of a host, and one of them.
type networksTab struct {
	page     *hostPage
	networks []*model.Network
	network  *model.Network // the chosen one

	stack  *gtk.Stack
	none   *adw.StatusPage
	list   *chosenList
	detail *adw.NavigationPage
	toggle *gtk.Button
	facts  *rows
	vms    *linkRows
	hosts  *rows
}

func newNetworksTab(b *gtk.Builder, page *hostPage, open func(model.Path)) *networksTab {
	t := &networksTab{
		page: page, stack: object[*gtk.Stack](b, "networks_stack"), none: object[*adw.StatusPage](b, "no_networks"),
		detail: object[*adw.NavigationPage](b, "network_page"), toggle: object[*gtk.Button](b, "network_switch"),
		facts: newRows(object[*adw.PreferencesGroup](b, "network_facts")),
		vms:   &linkRows{group: object[*adw.PreferencesGroup](b, "network_vms"), open: open},
		hosts: newRows(object[*adw.PreferencesGroup](b, "network_hosts")),
	}
	t.list = newChosenList(object[*gtk.ListBox](b, "network_list"), object[*adw.NavigationSplitView](b, "networks"), func(model.Path) { t.show(t.networks) })
	t.toggle.ConnectClicked(func() { t.act(t.toggles()) })
	return t
}

// show shows these networks and no others.
func (t *networksTab) show(networks []*model.Network) {
	t.networks = networks
	paths := make([]model.Path, len(networks))
	for i, n := range networks {
		paths[i] = n.Path()
	}
	at := t.list.show(paths, func(i int, r *listRow) { r.say(networks[i].Name, words.NetworkSummary(networks[i])) })
	if at < 0 {
		t.network = nil
		t.sayNone()
		return
	}
	t.stack.SetVisibleChildName("some")
	t.network = networks[at]
	t.fill()
}

// sayNone says why there are no networks.
func (t *networksTab) sayNone() {
	t.stack.SetVisibleChildName("none")
	if t.page.host.State != model.Connected {
		t.none.SetTitle(i18n.T("The Host Is Not Connected"))
		t.none.SetDescription(i18n.T("Its networks are shown when it can be reached again."))
		return
	}
	t.none.SetTitle(i18n.T("No Networks"))
	t.none.SetDescription(i18n.T("Virtual machines need a network to reach the world and each other."))
}

// toggles is what the button does.
func (t *networksTab) toggles() store.NetworkAction {
	if t.network.Active {
		return store.StopNetwork
	}
	return store.StartNetwork
}

func (t *networksTab) fill() {
	n := t.network
	t.detail.SetTitle(n.Name)
	t.toggle.SetLabel(i18n.T("_Start"))
	if n.Active {
		t.toggle.SetLabel(i18n.T("_Stop"))
	}
	allow(t.toggle, t.why(t.toggles()))
	t.toggle.SetVisible(!n.Active)
	t.facts.set(asFacts(words.NetworkFacts(n)))
	var vms []link
	for _, vm := range t.page.vmsAt(n.VMs) {
		vms = append(vms, link{orElse(vm.Title, vm.Name), words.VMState(vm), vm.Path()})
	}
	t.vms.set(vms)
	var hosts []fact
	for _, h := range n.DHCPHosts {
		hosts = append(hosts, fact{orElse(h.Name, orElse(h.MAC, h.ID)), join(h.Address, h.MAC)})
	}
	t.hosts.set(hosts)
}

func (t *networksTab) why(a store.NetworkAction) string {
	return words.WhyNotNetwork(a, t.network, t.page.host, t.page.permissions)
}

func (t *networksTab) act(a store.NetworkAction) {
	if t.why(a) == "" {
		t.page.service.DoNetwork(a, t.network)
	}
}

// allow lets a widget be used, or says why not.
func allow(widget gtk.Widgetter, why string) {
	base := gtk.BaseWidget(widget)
	base.SetSensitive(why == "")
	base.SetTooltipText(why)
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
	for len(l.rows) < len(links) {
		at, row := len(l.rows), adw.NewActionRow()
		row.SetUseMarkup(false)
		row.SetActivatable(true)
		row.AddSuffix(gtk.NewImageFromIconName("go-next-symbolic"))
		row.ConnectActivated(func() { l.open(l.links[at].path) })
		l.group.Add(row)
		l.rows = append(l.rows, row)
	}
	for i, row := range l.rows {
		row.SetVisible(i < len(links))
		if i < len(links) {
			row.SetTitle(links[i].title)
			row.SetSubtitle(links[i].subtitle)
		}
	}
	l.group.SetVisible(len(links) > 0)
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
