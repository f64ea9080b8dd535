package ui

import (
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// networkChange is the dialog for what can be changed about a network.
type networkChange struct {
	*formDialog
	service Service
	network *model.Network
}

// showNetworkChange lets a person change a network.
func showNetworkChange(parent gtk.Widgetter, service Service, n *model.Network) {
	c := &networkChange{service: service, network: n}
	c.formDialog, _ = newFormDialog("", i18n.T("_Apply"), c.do)
	c.dialog.SetTitle(n.Name)
	c.fill(words.NetworkChangeForm(n), store.NetworkValues(n), c.look)
	c.dialog.Present(parent)
}

func (c *networkChange) wanted() (map[string]any, error) {
	return words.NetworkChanges(&c.asked, c.before, c.form.values, c.network)
}

// look says what becomes of what the form says, or what is wrong with it.
func (c *networkChange) look() {
	c.again = c.asking // whatever the answer is, it is to another question
	c.apply.SetSensitive(false)
	changes, err := c.wanted()
	switch {
	case err != nil:
		c.refuse(err)
		return
	case len(changes) == 0:
		c.sayNothing(false)
		return
	case c.asking: // one question at a time
		return
	}
	c.asking = true
	c.service.ConfigureNetwork(c.network, changes, true, func(applied client.NetworkApplied, err error) {
		c.asking = false
		switch {
		case c.closed:
		case c.again:
			c.look()
		case err == nil:
			c.say(words.NetworkWhen(applied, c.network), true)
		case needsPassword(err): // nobody knows before
			c.sayNothing(true)
		default:
			c.refuse(err)
		}
	})
}

func (c *networkChange) do() {
	changes, err := c.wanted()
	if err != nil {
		return
	}
	done := waiting(c.dialog, c.service, i18n.F("“%s” Was Not Changed", c.network.Name))
	c.service.ConfigureNetwork(c.network, changes, false, func(_ client.NetworkApplied, err error) { done(err) })
}

// showReservation lets a person keep an address of a network for a guest.
func showReservation(parent gtk.Widgetter, service Service, n *model.Network, vms []*model.VM) {
	asked := words.ReservationForm(n, vms)
	var d *formDialog
	d, _ = newFormDialog("", i18n.T("_Reserve"), func() {
		if host, err := store.NewReservation(d.form.values, n); err == nil {
			service.AddDHCPHost(n, host, waiting(d.dialog, service, i18n.T("The Address Was Not Reserved")))
		}
	})
	d.dialog.SetTitle(asked.Title)
	d.fill(asked, asked.Start(), func() {
		_, err := store.NewReservation(d.form.values, n)
		missing := d.asked.Missing(d.form.values)
		switch {
		case missing != "":
			d.say(i18n.F("“%s” is missing", missing), false)
		case err != nil:
			d.refuse(err)
		default:
			d.sayNothing(true)
		}
	})
	d.dialog.Present(parent)
}
