package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// The ports that are offered first: those of SSH.
const (
	usualHostPort  = 2222
	usualGuestPort = 22
	lastPort       = 65535
)

// forwards is a list of forwarded ports, and what one more is made of.
type forwards struct {
	row         *adw.ExpanderRow
	protocol    *adw.ComboRow
	host, guest *adw.SpinRow
	add         *adw.ActionRow
	list        []gtk.Widgetter
	value       string
	say         func(string)
}

// protocols are those of the list of choices, in its order.
var protocols = []string{"tcp", "udp"}

// newForwards shows the ports that a value says. say is called when they have
// changed.
func newForwards(label, value string, say func(string)) *forwards {
	f := &forwards{
		row: adw.NewExpanderRow(), protocol: adw.NewComboRow(), value: value, say: say, add: adw.NewActionRow(),
		host:  newSpinRow(gtk.NewAdjustment(usualHostPort, model.MinHostPort, lastPort, 1, 10, 0), 1, 0),
		guest: newSpinRow(gtk.NewAdjustment(usualGuestPort, 1, lastPort, 1, 10, 0), 1, 0),
	}
	f.row.SetTitle(label)
	f.row.SetExpanded(true)
	f.protocol.SetTitle(i18n.T("Protocol"))
	f.protocol.SetModel(gtk.NewStringList([]string{"TCP", "UDP"}))
	f.host.SetTitle(i18n.T("Port of the Host"))
	f.guest.SetTitle(i18n.T("Port of the Guest"))
	f.add.SetUseMarkup(false)
	button := gtk.NewButtonWithMnemonic(i18n.T("_Forward This Port"))
	button.SetVAlign(gtk.AlignCenter)
	button.ConnectClicked(f.addOne)
	f.add.AddSuffix(button)
	for _, row := range []gtk.Widgetter{f.protocol, f.host, f.guest, f.add} {
		f.row.AddRow(row)
	}
	f.show()
	return f
}

// addOne adds the port that the fields say, or tells why it cannot be.
func (f *forwards) addOne() {
	protocol := protocols[min(int(f.protocol.Selected()), len(protocols)-1)]
	value, err := store.AddForward(f.value, protocol, uint32(f.host.Value()), uint32(f.guest.Value()))
	if err != nil {
		f.add.SetSubtitle(err.Error())
		return
	}
	f.change(value)
}

func (f *forwards) change(value string) {
	f.value = value
	f.add.SetSubtitle("")
	f.show()
	f.say(value)
}

// show lists the ports that are forwarded.
func (f *forwards) show() {
	for _, row := range f.list {
		f.row.Remove(row)
	}
	f.list = nil
	for _, forward := range store.Forwards(f.value) {
		ports, what := words.Forward(forward)
		row := adw.NewActionRow()
		row.SetUseMarkup(false)
		row.SetTitle(ports)
		row.SetSubtitle(what)
		remove := gtk.NewButtonFromIconName("list-remove-symbolic")
		remove.SetVAlign(gtk.AlignCenter)
		remove.SetTooltipText(i18n.T("Do Not Forward"))
		remove.AddCSSClass("flat")
		remove.ConnectClicked(func() { f.change(store.RemoveForward(f.value, forward)) })
		row.AddSuffix(remove)
		f.row.AddRow(row)
		f.list = append(f.list, row)
	}
}
