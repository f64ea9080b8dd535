package ui

import (
	"context"
	_ "embed"
	"path/filepath"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

//go:embed storage.ui
var storageUI string

// storageTab is the storage pools of a host, and one of them with its volumes.
type storageTab struct {
	page    *hostPage
	pools   []*model.StoragePool
	pool    *model.StoragePool // the chosen one
	filling bool

	stack  *gtk.Stack
	none   *adw.StatusPage
	create []*gtk.Button // a pool
	list   *chosenList
	detail *adw.NavigationPage

	toggle, refresh, remove, upload, newVolume *gtk.Button

	facts     *gtk.Label
	autostart *gtk.CheckButton
	volumes   *volumesView
}

func newStorageTab(page *hostPage) *storageTab {
	b := build(storageUI)
	button := func(id string) *gtk.Button { return object[*gtk.Button](b, id) }
	t := &storageTab{
		page: page, stack: object[*gtk.Stack](b, "stack"), none: object[*adw.StatusPage](b, "none"),
		create: []*gtk.Button{button("first"), button("new")}, detail: object[*adw.NavigationPage](b, "detail"),
		toggle: button("toggle"), refresh: button("refresh"), remove: button("delete"), upload: button("upload"), newVolume: button("create"),
		facts: object[*gtk.Label](b, "facts"), autostart: object[*gtk.CheckButton](b, "autostart"),
	}
	t.volumes = newVolumesView(b, t)
	t.list = newChosenList(object[*gtk.ListBox](b, "list"), object[*adw.NavigationSplitView](b, "split"), func(model.Path) { t.show(t.pools) })
	for _, button := range t.create {
		button.ConnectClicked(func() { showNewPool(page.root, page.service, page.host.Path()) })
	}
	t.toggle.ConnectClicked(t.switchIt)
	t.refresh.ConnectClicked(func() { page.service.DoPool(store.RefreshPool, t.pool) })
	t.remove.ConnectClicked(t.askDelete)
	t.newVolume.ConnectClicked(func() { showNewVolume(page.root, page.service, t.pool) })
	t.upload.ConnectClicked(t.chooseFile)
	t.autostart.NotifyProperty("active", func() {
		if !t.filling && t.pool != nil {
			p := t.pool
			page.service.SetPoolAutostart(p, t.autostart.Active(), func(err error) {
				page.service.Fail(i18n.F("“%s” Was Not Changed", p.Name), err)
				if err != nil && t.pool != nil {
					t.fill() // the button is what the pool is
				}
			})
		}
	})
	drop := gtk.NewDropTarget(gdk.GTypeFileList, gdk.ActionCopy)
	drop.ConnectDrop(t.dropped)
	t.stack.AddController(drop)
	return t
}

// show shows these pools and no others.
func (t *storageTab) show(pools []*model.StoragePool) {
	t.pools = pools
	paths := make([]model.Path, len(pools))
	for i, p := range pools {
		paths[i] = p.Path()
	}
	for _, button := range t.create {
		allow(button, words.WhyNoNewPool(t.page.host, t.page.permissions))
	}
	at := t.list.show(paths, func(i int, r *listRow) {
		r.say(pools[i].Name, words.PoolSummary(pools[i]))
		r.fill.SetVisible(pools[i].Capacity > 0)
		r.fill.SetFraction(store.PoolFill(pools[i]))
	})
	if at < 0 {
		t.pool = nil
		t.volumes.showPool("")
		t.stack.SetVisibleChildName("none")
		sayNone(t.none, t.page.host,
			i18n.T("Its storage is shown when it can be reached again."),
			i18n.T("No Storage Pools"), i18n.T("A storage pool is a place for the disks of virtual machines."))
		return
	}
	t.stack.SetVisibleChildName("some")
	t.pool = pools[at]
	t.fill()
}

func (t *storageTab) fill() {
	p := t.pool
	t.filling = true
	defer func() { t.filling = false }()
	t.detail.SetTitle(p.Name)
	startOrStop(t.toggle, p.Active, t.why(store.StartPool), t.why(store.StopPool))
	offer(t.refresh, i18n.T("Look for Changes"), t.why(store.RefreshPool))
	offer(t.remove, i18n.T("Remove"), t.why(store.DeletePool))
	offer(t.newVolume, i18n.T("New Volume"), t.why(store.MakeVolume))
	offer(t.upload, i18n.T("Upload a File"), t.why(store.MakeVolume))
	allow(t.autostart, t.why(store.AutostartPool))
	t.autostart.SetActive(p.Autostart)
	t.facts.SetText(words.PoolFacts(p))
	t.volumes.showPool(p.Path())
}

func (t *storageTab) why(a store.PoolAction) string {
	return words.WhyNotPool(a, t.pool, t.page.host, t.page.permissions)
}

// switchIt starts what is off, and stops what is on: with a question if running
// VMs have their disks there.
func (t *storageTab) switchIt() {
	p := t.pool
	if !p.Active {
		t.page.service.DoPool(store.StartPool, p)
		return
	}
	if p.Persistent {
		t.page.service.DoPool(store.StopPool, p)
		return
	}
	askDestructive(t.page.root, i18n.F("Stop “%s”?", p.Name), i18n.T("The storage pool has no stored configuration, and disappears. What is in it stays."), i18n.T("_Stop"), nil, func() {
		t.page.service.DoPool(store.StopPool, p)
	})
}

func (t *storageTab) askDelete() {
	p := t.pool
	askDestructive(t.page.root, i18n.F("Remove “%s”?", p.Name), i18n.T("The storage pool is forgotten. The volumes in it stay where they are."), i18n.T("_Remove"), nil, func() {
		t.page.service.DoPool(store.DeletePool, p)
	})
}

// chooseFile asks for a file to upload. The client opens it: the service may
// not.
func (t *storageTab) chooseFile() {
	pool := t.pool
	chooser := gtk.NewFileDialog()
	chooser.SetTitle(i18n.T("Upload a File"))
	window, _ := t.stack.Root().CastType(gtk.GTypeWindow).(*gtk.Window)
	chooser.Open(context.Background(), window, func(result gio.AsyncResulter) {
		file, err := chooser.OpenFinish(result)
		if err != nil {
			return // dismissed
		}
		t.askUpload(pool, file.Path())
	})
}

// dropped is called with files that somebody drops onto the page.
func (t *storageTab) dropped(value *coreglib.Value, _, _ float64) bool {
	if t.pool == nil {
		return false
	}
	if why := t.why(store.MakeVolume); why != "" {
		t.page.service.Tell(why)
		return false
	}
	list, _ := value.GoValue().(*gdk.FileList)
	if list == nil {
		return false
	}
	files := list.Files()
	if len(files) != 1 || files[0].Path() == "" {
		t.page.service.Tell(i18n.T("Drop one file at a time."))
		return false
	}
	t.askUpload(t.pool, files[0].Path())
	return true
}

// askUpload asks what the volume is called that a file becomes.
func (t *storageTab) askUpload(pool *model.StoragePool, file string) {
	name := t.volumes.list.FreeName(pool.Path(), filepath.Base(file))
	dialog, entry := nameDialog(i18n.F("Upload to “%s”", pool.Name), i18n.T("The file is copied into a new volume."), name, i18n.T("_Upload"), model.ValidateVolumeName)
	dialog.ConnectResponse(func(response string) {
		if response == "yes" {
			t.page.service.Upload(pool, entry.Text(), file)
		}
	})
	dialog.Present(t.page.root)
}

// take takes in what changed.
func (t *storageTab) take(batch *client.Batch, shown bool) {
	t.volumes.take(batch, shown)
}
