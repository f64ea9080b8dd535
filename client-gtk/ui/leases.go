package ui

import (
	"slices"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// leasesEvery is how often leases are asked for while they are looked at, in
// seconds. What VMs get is known at once; this is for other guests, and for what
// ends.
const leasesEvery = 30

// leases is the addresses that guests of a network have, and those that are
// reserved. They are asked for only while they can be seen.
type leases struct {
	tab      *networksTab
	group    *adw.PreferencesGroup
	reserved *adw.PreferencesGroup
	add      *gtk.Button
	rows     *buttonRows
	kept     *buttonRows
	list     []store.LeaseRow
	found    []model.Lease
	seen     []any // what the network and its VMs were when leases were asked for
	timer    coreglib.SourceHandle
}

func newLeases(b *gtk.Builder, tab *networksTab) *leases {
	l := &leases{
		tab: tab, group: object[*adw.PreferencesGroup](b, "leases"), reserved: object[*adw.PreferencesGroup](b, "reserved"),
		add: object[*gtk.Button](b, "reserve"),
	}
	l.rows = &buttonRows{group: l.group, icon: "view-pin-symbolic", act: l.reserve}
	l.kept = &buttonRows{group: l.reserved, icon: "user-trash-symbolic", act: l.forget}
	l.add.ConnectClicked(func() { showReservation(tab.page.root, tab.page.service, tab.network, tab.page.vmsAt(tab.network.VMs)) })
	tab.stack.ConnectMap(func() {
		l.ask()
		l.timer = coreglib.TimeoutSecondsAdd(leasesEvery, func() bool {
			l.ask()
			return true
		})
	})
	tab.stack.ConnectUnmap(func() {
		coreglib.SourceRemove(l.timer)
		l.seen = nil
	})
	return l
}

// fill shows what there is, and asks again if the network or one of its VMs is
// another than it was.
func (l *leases) fill() {
	n, why := l.tab.network, l.tab.why(store.ReserveAddress)
	var kept []buttonFact
	for _, f := range store.Reserved(n) {
		kept = append(kept, buttonFact{fact{f.Name, f.Value}, i18n.F("Reserve %s No Longer", f.Name), l.tab.why(store.ReserveAddress)})
	}
	l.kept.set(kept)
	l.reserved.SetVisible(len(n.Addresses) > 0 || len(kept) > 0)
	offer(l.add, i18n.T("Reserve an Address…"), why)
	vms := l.tab.page.vmsAt(n.VMs)
	l.list = words.Leases(l.found, n, vms)
	var rows []buttonFact
	for _, row := range l.list {
		label := i18n.F("Reserve This Address for %s", row.Title)
		if row.Reserved {
			label = ""
		}
		rows = append(rows, buttonFact{fact{row.Title, row.Subtitle}, label, why})
	}
	l.rows.set(rows)
	l.group.SetVisible(n.Active && store.Leasing(n))
	l.group.SetDescription("")
	if len(rows) == 0 {
		l.group.SetDescription(i18n.T("No guest has asked for an address yet."))
	}
	seen := []any{n}
	for _, vm := range vms {
		seen = append(seen, vm)
	}
	if l.tab.stack.Mapped() && !slices.Equal(seen, l.seen) {
		l.seen = seen
		l.ask()
	}
}

// clear forgets the leases, which are of another network.
func (l *leases) clear() { l.found = nil }

func (l *leases) ask() {
	n := l.tab.network
	if n == nil || !n.Active || !store.Leasing(n) {
		l.clear()
		return
	}
	asked := n.Path()
	l.tab.page.service.Leases(asked, func(list []model.Lease, err error) {
		if l.tab.network != nil && l.tab.network.Path() == asked && err == nil {
			l.found = list
			l.fill()
		}
	})
}

// reserve keeps the address of a lease for the guest that has it.
func (l *leases) reserve(place int) {
	service, n := l.tab.page.service, l.tab.network
	service.AddDHCPHost(n, store.Reservation(l.list[place].Lease, n), func(err error) {
		service.Fail(i18n.T("The Address Was Not Reserved"), err)
	})
}

// forget keeps an address no longer.
func (l *leases) forget(place int) {
	l.tab.page.service.RemoveDHCPHost(l.tab.network, l.tab.network.DHCPHosts[place])
}

// buttonFact is a fact with a button, which is called label; none without one.
type buttonFact struct {
	fact
	label string
	why   string // why the button cannot be used; empty when it can
}

// buttonRows is a group of facts with a button each. Rows are used again.
type buttonRows struct {
	group   *adw.PreferencesGroup
	icon    string
	act     func(place int)
	rows    []*adw.ActionRow
	buttons []*gtk.Button
}

// set shows these facts and no others.
func (r *buttonRows) set(facts []buttonFact) {
	r.rows = fitRows(r.group, r.rows, len(facts), func(row *adw.ActionRow, at int) {
		button := gtk.NewButtonFromIconName(r.icon)
		button.SetVAlign(gtk.AlignCenter)
		button.AddCSSClass("flat")
		button.ConnectClicked(func() { r.act(at) })
		row.AddSuffix(button)
		r.buttons = append(r.buttons, button)
	})
	for i, f := range facts {
		r.rows[i].SetTitle(f.name)
		r.rows[i].SetSubtitle(f.value)
		r.buttons[i].SetVisible(f.label != "")
		offer(r.buttons[i], f.label, f.why)
	}
}
