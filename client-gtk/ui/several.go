package ui

import (
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// several is the page of more than one VM: what can be done with all of them at
// once.
type several struct {
	service Service
	hosts   map[model.Path]*model.Host
	vms     []*model.VM
	widget  *adw.ToolbarView
	status  *adw.StatusPage
	buttons map[store.Action]*gtk.Button
}

// together is what makes sense for several VMs, the usual first.
var together = []store.Action{
	store.Start, store.Shutdown, store.Reboot, store.Pause, store.Resume, store.Save, store.PowerOff, store.Delete,
}

func newSeveral(service Service, hosts map[model.Path]*model.Host) *several {
	s := &several{
		service: service, hosts: hosts, widget: adw.NewToolbarView(), status: adw.NewStatusPage(), buttons: map[store.Action]*gtk.Button{},
	}
	header := adw.NewHeaderBar()
	header.SetShowTitle(false)
	s.widget.AddTopBar(header)
	s.status.SetIconName("edit-select-all-symbolic")
	box := gtk.NewBox(gtk.OrientationVertical, 12)
	box.SetHAlign(gtk.AlignCenter)
	for _, action := range together {
		button := gtk.NewButton()
		button.AddCSSClass("pill")
		if _, dangerous := questions[action]; dangerous || action == store.Delete {
			button.AddCSSClass("destructive-action")
		}
		button.ConnectClicked(func() { s.act(action) })
		s.buttons[action] = button
		box.Append(button)
	}
	s.status.SetChild(box)
	s.widget.SetContent(s.status)
	return s
}

func (s *several) title() string {
	return i18n.Count("%d Virtual Machine", "%d Virtual Machines", len(s.vms))
}

// show offers what can be done with these VMs, and says with how many of them.
func (s *several) show(vms []*model.VM) {
	s.vms = vms
	s.status.SetTitle(s.title())
	describe(s.status, names(vms))
	for action, button := range s.buttons {
		able := s.able(action)
		button.SetVisible(len(able) > 0)
		// TRANSLATORS: what a button does, and with how many virtual machines.
		button.SetLabel(i18n.F("%s (%d)", words.Label(action), len(able)))
	}
}

// able is the VMs whose state and host let something be done. Whether the person may is
// for the service to say.
func (s *several) able(action store.Action) []*model.VM {
	var able []*model.VM
	for _, vm := range s.vms {
		if words.WhyNot(action, vm, s.hosts[vm.Host], nil) == "" {
			able = append(able, vm)
		}
	}
	return able
}

func (s *several) act(action store.Action) {
	vms := s.able(action)
	if action == store.Delete {
		showDelete(s.widget, s.service, vms, nil)
		return
	}
	if q, dangerous := questions[action]; dangerous {
		confirm(s.widget, q, vms, func() { s.service.Do(action, vms...) })
		return
	}
	if len(vms) >= manyVMs {
		text := i18n.F("%s: %s", words.Label(action), i18n.Count("%d virtual machine", "%d virtual machines", len(vms)))
		ask(s.widget, text, names(vms), words.Label(action), func() { s.service.Do(action, vms...) })
		return
	}
	s.service.Do(action, vms...)
}

// manyVMs is from how many VMs on anything that is done with all of them asks
// first.
const manyVMs = 5

// mostNames is how many VMs are named; of more only the number is said.
const mostNames = 12

func names(vms []*model.VM) string {
	list := make([]string, 0, mostNames)
	for i, vm := range vms {
		if i == mostNames {
			return strings.Join(list, ", ") + "…"
		}
		list = append(list, store.Title(vm))
	}
	return strings.Join(list, ", ")
}
