package ui

import (
	_ "embed"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

//go:embed network_edit.ui
var networkEditUI string

// networkEdit is the dialog for a network, new or not.
type networkEdit struct {
	dialog                                      *adw.Dialog
	wrong                                       *adw.Banner
	save                                        *gtk.Button
	name, link, ipv4, ipv6, first, last, domain *adw.EntryRow
	mode                                        *adw.ComboRow
	autostart, dhcp                             *adw.SwitchRow
	addresses                                   *adw.PreferencesGroup
}

// showNewNetwork lets a person make a network on a host.
func showNewNetwork(parent gtk.Widgetter, service Service, host model.Path) {
	e := newNetworkEdit(store.NetworkForm{Mode: model.NetworkNAT, DHCP: true, Autostart: true})
	e.dialog.SetTitle(i18n.T("New Network"))
	e.save.SetLabel(i18n.T("C_reate"))
	e.save.ConnectClicked(func() {
		setup, err := e.form().Setup()
		if err == nil {
			service.CreateNetwork(host, setup, waiting(e.dialog, service, i18n.F("“%s” Was Not Created", setup.Name)))
		}
	})
	e.dialog.Present(parent)
	e.name.GrabFocus()
}

func newNetworkEdit(f store.NetworkForm) *networkEdit {
	b := build(networkEditUI)
	entry := func(id, text string) *adw.EntryRow {
		row := object[*adw.EntryRow](b, id)
		row.SetText(text)
		return row
	}
	e := &networkEdit{
		dialog: object[*adw.Dialog](b, "dialog"), wrong: object[*adw.Banner](b, "wrong"), save: object[*gtk.Button](b, "save"),
		name: entry("name", f.Name), link: entry("link", f.Link), ipv4: entry("ipv4", f.IPv4), ipv6: entry("ipv6", f.IPv6),
		first: entry("first", f.First), last: entry("last", f.Last), domain: entry("domain", f.Domain),
		mode: object[*adw.ComboRow](b, "mode"), autostart: object[*adw.SwitchRow](b, "autostart"), dhcp: object[*adw.SwitchRow](b, "dhcp"),
		addresses: object[*adw.PreferencesGroup](b, "addresses"),
	}
	var modes []string
	for _, mode := range store.NetworkModes {
		modes = append(modes, words.NetworkMode(mode))
	}
	e.mode.SetModel(gtk.NewStringList(modes))
	for i, mode := range store.NetworkModes {
		if mode == f.Mode {
			e.mode.SetSelected(uint(i))
		}
	}
	e.autostart.SetActive(f.Autostart)
	e.dhcp.SetActive(f.DHCP)
	for _, row := range []*adw.EntryRow{e.name, e.link, e.ipv4, e.ipv6, e.first, e.last, e.domain} {
		row.ConnectChanged(e.changed)
	}
	e.mode.NotifyProperty("selected", e.changed)
	e.dhcp.NotifyProperty("active", e.changed)
	object[*gtk.Button](b, "cancel").ConnectClicked(func() { e.dialog.Close() })
	e.changed()
	return e
}

// form is what the person has written.
func (e *networkEdit) form() store.NetworkForm {
	return store.NetworkForm{
		Name: e.name.Text(), Mode: store.NetworkModes[e.mode.Selected()], IPv4: e.ipv4.Text(), IPv6: e.ipv6.Text(), DHCP: e.dhcp.Active(),
		First: e.first.Text(), Last: e.last.Text(), Link: e.link.Text(), Domain: e.domain.Text(), Autostart: e.autostart.Active(),
	}
}

// changed shows what the mode needs, and what is wrong.
func (e *networkEdit) changed() {
	f := e.form()
	managed := f.Managed()
	e.mode.SetSubtitle(words.ModeDescription(f.Mode))
	e.addresses.SetVisible(managed)
	e.first.SetVisible(f.DHCP && f.IPv4 != "")
	e.last.SetVisible(f.DHCP && f.IPv4 != "")
	e.link.SetVisible(!managed)
	e.link.SetTitle(i18n.T("Interface of the Host"))
	if f.Mode == model.NetworkBridge {
		e.link.SetTitle(i18n.T("Bridge of the Host"))
	}
	_, err := f.Setup()
	e.say(err)
	e.save.SetSensitive(err == nil)
	if f.Name == "" { // nobody has had the time to write one
		e.wrong.SetRevealed(false)
	}
}

// say shows what is wrong, if something is.
func (e *networkEdit) say(err error) {
	if err != nil {
		_, sentence := errs.Of(err)
		e.wrong.SetTitle(sentence)
	}
	e.wrong.SetRevealed(err != nil)
}
