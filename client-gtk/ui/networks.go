package ui

import (
	_ "embed"
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

//go:embed networks.ui
var networksUI string

// networksTab is the networks of a host, and one of them.
type networksTab struct {
	page     *hostPage
	networks []*model.Network
	network  *model.Network // the chosen one
	filling  bool

	stack  *gtk.Stack
	none   *adw.StatusPage
	create []*gtk.Button
	list   *chosenList
	detail *adw.NavigationPage

	toggle, change, remove *gtk.Button

	autostart *adw.SwitchRow
	facts     *rows
	vms       *linkRows
	leases    *leases
}

func newNetworksTab(page *hostPage, open func(model.Path)) *networksTab {
	b := build(networksUI)
	t := &networksTab{
		page: page, stack: object[*gtk.Stack](b, "stack"), none: object[*adw.StatusPage](b, "none"),
		create: []*gtk.Button{object[*gtk.Button](b, "first"), object[*gtk.Button](b, "new")}, detail: object[*adw.NavigationPage](b, "detail"),
		toggle: object[*gtk.Button](b, "toggle"), change: object[*gtk.Button](b, "change"), remove: object[*gtk.Button](b, "delete"),
		autostart: object[*adw.SwitchRow](b, "autostart"),
		facts:     newRows(object[*adw.PreferencesGroup](b, "facts")),
		vms:       &linkRows{group: object[*adw.PreferencesGroup](b, "vms"), open: open},
	}
	t.leases = newLeases(b, t)
	t.list = newChosenList(object[*gtk.ListBox](b, "list"), object[*adw.NavigationSplitView](b, "split"), func(model.Path) { t.show(t.networks) })
	for _, button := range t.create {
		button.ConnectClicked(func() { showNewNetwork(page.root, page.service, page.host.Path()) })
	}
	t.toggle.ConnectClicked(t.switchIt)
	t.change.ConnectClicked(func() { showNetworkChange(page.root, page.service, t.network) })
	t.remove.ConnectClicked(t.askDelete)
	t.autostart.NotifyProperty("active", func() {
		if !t.filling && t.network != nil {
			n := t.network
			page.service.SetNetworkAutostart(n, t.autostart.Active(), func(err error) {
				page.service.Fail(i18n.F("“%s” Was Not Changed", n.Name), err)
				if err != nil && t.network != nil {
					t.fill() // the switch is what the network is
				}
			})
		}
	})
	return t
}

// show shows these networks and no others.
func (t *networksTab) show(networks []*model.Network) {
	t.networks = networks
	paths := make([]model.Path, len(networks))
	for i, n := range networks {
		paths[i] = n.Path()
	}
	for _, button := range t.create {
		allow(button, words.WhyNoNewNetwork(t.page.host, t.page.permissions))
	}
	at := t.list.show(paths, func(i int, r *listRow) { r.say(networks[i].Name, words.NetworkSummary(networks[i])) })
	if at < 0 {
		t.network = nil
		t.stack.SetVisibleChildName("none")
		sayNone(t.none, t.page.host,
			i18n.T("Its networks are shown when it can be reached again."),
			i18n.T("No Networks"), i18n.T("Virtual machines need a network to reach the world and each other."))
		return
	}
	t.stack.SetVisibleChildName("some")
	if t.network == nil || t.network.Path() != networks[at].Path() {
		t.leases.clear()
	}
	t.network = networks[at]
	t.fill()
}

func (t *networksTab) fill() {
	n := t.network
	t.filling = true
	defer func() { t.filling = false }()
	t.detail.SetTitle(n.Name)
	startOrStop(t.toggle, n.Active, t.why(store.StartNetwork), t.why(store.StopNetwork))
	offer(t.change, i18n.T("Change…"), t.why(store.ChangeNetwork))
	offer(t.remove, i18n.T("Delete"), t.why(store.DeleteNetwork))
	allow(t.autostart, t.why(store.AutostartNet))
	t.autostart.SetActive(n.Autostart)
	t.facts.set(asFacts(words.NetworkFacts(n)))
	var vms []link
	for _, vm := range t.page.vmsAt(n.VMs) {
		vms = append(vms, link{store.Title(vm), words.VMState(vm), vm.Path()})
	}
	t.vms.set(vms)
	t.leases.fill()
}

func (t *networksTab) why(a store.NetworkAction) string {
	return words.WhyNotNetwork(a, t.network, t.page.host, t.page.permissions)
}

// switchIt starts what is off, and stops what is on: with a question if that
// cuts somebody off.
func (t *networksTab) switchIt() {
	n := t.network
	if !n.Active {
		t.page.service.DoNetwork(store.StartNetwork, n, false)
		return
	}
	cut := t.users(func(vm *model.VM) bool { return vm.State.Active() })
	if len(cut) == 0 && n.Persistent {
		t.page.service.DoNetwork(store.StopNetwork, n, false)
		return
	}
	var text []string
	if len(cut) > 0 {
		text = append(text, i18n.F("These virtual machines lose their connection until they are started again: %s.", strings.Join(cut, ", ")))
	}
	if !n.Persistent {
		text = append(text, i18n.T("The network has no stored configuration, and disappears."))
	}
	askDestructive(t.page.root, i18n.F("Stop “%s”?", n.Name), strings.Join(text, "\n\n"), i18n.T("_Stop"), nil, func() {
		t.page.service.DoNetwork(store.StopNetwork, n, len(cut) > 0)
	})
}

func (t *networksTab) askDelete() {
	n := t.network
	text := i18n.T("The configuration of the network is deleted.")
	users := t.users(func(*model.VM) bool { return true })
	if len(users) > 0 {
		text += "\n\n" + i18n.F("These virtual machines are in no network then: %s.", strings.Join(users, ", "))
	}
	askDestructive(t.page.root, i18n.F("Delete “%s”?", n.Name), text, i18n.T("_Delete"), nil, func() {
		t.page.service.DoNetwork(store.DeleteNetwork, n, len(users) > 0)
	})
}

// users is the names of the VMs in the network that something is true of.
func (t *networksTab) users(is func(*model.VM) bool) []string {
	var names []string
	for _, vm := range t.page.vmsAt(t.network.VMs) {
		if is(vm) {
			names = append(names, store.Title(vm))
		}
	}
	return names
}
