package ui

import (
	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// detached is a VM's page in a window of its own.
type detached struct {
	window *adw.ApplicationWindow
	page   *Page
	path   model.Path
}

func (w *Window) detach(app *gtk.Application, vm *model.VM) {
	d := &detached{window: adw.NewApplicationWindow(app), page: NewPage(w.service), path: vm.Path()}
	d.window.SetTitle(store.Title(vm))
	d.window.SetDefaultSize(900, 700)
	d.window.SetContent(d.page.Widget())
	addWindowActions(d.window)
	d.page.nameWindow()
	d.page.joinWindow(d.window)
	d.page.takeJobs(w.jobs.jobs.Under())
	d.page.Show(vm, w.hosts[vm.Host])
	d.page.stack.SetVisibleChildName("screen")
	w.apart[d] = true
	d.window.ConnectCloseRequest(func() bool {
		d.page.Close()
		delete(w.apart, d)
		w.CloseIfHidden()
		return false
	})
	d.window.Present()
}

func (d *detached) take(batch *client.Batch, hosts map[model.Path]*model.Host) {
	for _, c := range batch.VMs {
		switch {
		case c.New != nil && c.New.Path() == d.path:
			d.page.Update(c.New, hosts[c.New.Host])
		case c.New == nil && c.Old.Path() == d.path && batch.Status.State != client.Closed: // then its screen goes on
			d.window.Close()
		}
	}
	d.page.takeHost(batch, hosts)
	d.page.takeSnapshots(batch)
	if batch.PermissionsChanged {
		d.page.RefreshPermissions()
	}
}

// addWindowActions gives a window the actions that make it as large as the
// screen, and small again, and that close it.
func addWindowActions(window *adw.ApplicationWindow) {
	fullscreen := gio.NewSimpleAction("fullscreen", nil)
	fullscreen.ConnectActivate(func(*glib.Variant) {
		if window.IsFullscreen() {
			window.Unfullscreen()
		} else {
			window.Fullscreen()
		}
	})
	window.AddAction(fullscreen)
	closing := gio.NewSimpleAction("close", nil)
	closing.ConnectActivate(func(*glib.Variant) { window.Close() })
	window.AddAction(closing)
}
