package ui

import (
	_ "embed"
	"errors"
	"slices"
	"strings"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/prefs"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

var (
	//go:embed window.ui
	windowUI string
	//go:embed shortcuts.ui
	shortcutsUI string
)

// Window is the main window: the list of VMs and the page of one of them.
type Window struct {
	*adw.ApplicationWindow
	service Service

	split        *adw.NavigationSplitView
	toasts       *adw.ToastOverlay
	banner       *adw.Banner
	content      *adw.NavigationPage
	contentStack *gtk.Stack
	status       *adw.StatusPage
	statusButton *gtk.Button

	sidebar *sidebar
	page    *Page
	several *several
	host    *hostPage
	jobs    *jobsButton
	hosts   map[model.Path]*model.Host
	state   client.State
	shown   model.Path
	wanted  model.Path // to be shown when it appears
	create  *gio.SimpleAction
	last    *prefs.Session // what was open the last time, until the first batch
	apart   map[*detached]bool
	commits map[*commit]bool // those that neither were done nor undone

	release *gtk.ShortcutsShortcut // in the window of shortcuts; nil until that is there

	lost        *model.Host // that the banner is about; nil if it is about the service, or hidden
	healthAsked bool
	trouble     string // what keeps VMs from working on this computer
}

// NewWindow makes the window. It fills with the first batch.
func NewWindow(app *gtk.Application, service Service) *Window {
	b := build(windowUI)
	w := &Window{
		ApplicationWindow: object[*adw.ApplicationWindow](b, "window"), service: service,
		split: object[*adw.NavigationSplitView](b, "split"), toasts: object[*adw.ToastOverlay](b, "toasts"),
		banner: object[*adw.Banner](b, "banner"), content: object[*adw.NavigationPage](b, "content"),
		contentStack: object[*gtk.Stack](b, "content_stack"), status: object[*adw.StatusPage](b, "status"),
		statusButton: object[*gtk.Button](b, "status_button"),
		hosts:        map[model.Path]*model.Host{}, apart: map[*detached]bool{}, commits: map[*commit]bool{},
	}
	w.SetApplication(app)
	w.sidebar = newSidebar(b, service, w.hosts, w.show)
	w.jobs = newJobsButton(b, service)
	w.page = NewPage(service)
	w.page.Detach = func(vm *model.VM) { w.detach(app, vm) }
	w.several = newSeveral(service, w.hosts)
	w.sidebar.remove = func() {
		if len(w.sidebar.chosen) == 1 {
			w.page.act(store.Delete)
			return
		}
		w.several.act(store.Delete)
	}
	w.host = newHostPage(service, w.sidebar.vm, w.Open)
	// For the menu in the list.
	w.InsertActionGroup("vm", w.page.actions)
	giveReasons(w.sidebar.menu, w.sidebar.menuModel, w.page.why)
	w.contentStack.AddNamed(w.page.Widget(), "page")
	w.contentStack.AddNamed(w.several.widget, "several")
	w.contentStack.AddNamed(w.host.root, "host")
	w.page.joinWindow(w.ApplicationWindow)
	w.sidebar.look(true)
	w.NotifyProperty("suspended", func() { w.sidebar.look(!w.IsSuspended()) })
	w.NotifyProperty("fullscreened", func() { w.split.SetCollapsed(w.IsFullscreen()) })
	w.banner.ConnectButtonClicked(func() {
		if w.lost != nil {
			service.Reconnect(w.lost.Path())
			return
		}
		service.Connect()
	})
	w.statusButton.ConnectClicked(func() {
		switch {
		case w.state != client.Ready:
			service.Connect()
		case w.disconnected() != nil:
			service.Reconnect(w.disconnected().Path())
		case w.trouble != "":
			w.healthAsked, w.trouble = false, ""
			w.showStatus()
		default:
			showCreate(w, service, model.HostPath("local"))
		}
	})
	// In a narrow window, going back to the list ends the choice: the same VM
	// can be chosen again.
	w.split.NotifyProperty("show-content", func() {
		if w.split.Collapsed() && !w.split.ShowContent() {
			w.sidebar.unchoose()
		}
	})
	w.addActions()
	w.resume()
	w.ConnectCloseRequest(w.closing)
	w.showStatus()
	return w
}

// CloseIfHidden closes a window that only hides, if nothing needs it any more.
func (w *Window) CloseIfHidden() {
	if !w.Visible() {
		w.Close()
	}
}

// AskQuit asks whether the program may end though it is in the middle of
// something.
func (w *Window) AskQuit(quit func()) {
	w.Present()
	askDestructive(w, i18n.T("Quit Before the Work Is Done?"), i18n.T("What goes on in this window, such as a download, is given up."), i18n.T("_Quit"), nil, quit)
}

// closing is called when the window is about to be closed. Pages in windows of
// their own live on what it takes in, and so does work of several steps: while
// there is any it only hides.
func (w *Window) closing() (stay bool) {
	w.keep()
	w.Commit()
	if len(w.apart) > 0 || w.service.HasWork() {
		w.sidebar.unchoose()
		w.SetVisible(false)
		return true
	}
	w.sidebar.look(false)
	w.page.Close()
	return false
}

// front is the window that a person looks at: this one, or a page's own.
func (w *Window) front() gtk.Widgetter {
	if active := w.Application().ActiveWindow(); active != nil && active.Visible() {
		return active
	}
	return w
}

func (w *Window) addActions() {
	for name, choose := range map[string]struct {
		first string
		do    func(string)
	}{
		"sort":   {w.service.Preferences().Sort, w.sortBy},
		"filter": {"all", w.sidebar.filterBy},
		"tag":    {"", w.sidebar.filterByTag},
	} {
		action := gio.NewSimpleActionStateful(name, glib.NewVariantType("s"), glib.NewVariantString(choose.first))
		action.ConnectActivate(func(value *glib.Variant) {
			action.SetState(value)
			choose.do(value.String())
		})
		w.AddAction(action)
	}
	hosts := gio.NewSimpleAction("hosts", nil)
	hosts.ConnectActivate(func(*glib.Variant) {
		if hosts := sortedHosts(w.hosts); len(hosts) > 0 {
			w.Open(hosts[0].Path())
		}
	})
	w.AddAction(hosts)
	w.create = gio.NewSimpleAction("new", nil)
	w.create.ConnectActivate(func(*glib.Variant) { showCreate(w, w.service, w.hostInView()) })
	w.AddAction(w.create)
	search := gio.NewSimpleAction("search", nil)
	search.ConnectActivate(func(*glib.Variant) { w.startSearch() })
	w.AddAction(search)
	preferences := gio.NewSimpleAction("preferences", nil)
	preferences.ConnectActivate(func(*glib.Variant) { showPreferences(w, w.service) })
	w.AddAction(preferences)
	shortcuts := gio.NewSimpleAction("show-help-overlay", nil)
	shortcuts.ConnectActivate(func(*glib.Variant) {
		// GTK's own action takes the place of this one.
		b := build(shortcutsUI)
		w.release = object[*gtk.ShortcutsShortcut](b, "release")
		w.showRelease()
		w.SetHelpOverlay(object[*gtk.ShortcutsWindow](b, "shortcuts"))
		w.HelpOverlay().Present()
	})
	w.AddAction(shortcuts)
	addWindowActions(w.ApplicationWindow)
}

// hostInView is the host whose page is open, or that of the VM whose page is
// open, or this machine.
func (w *Window) hostInView() model.Path {
	if w.host.host != nil && w.host.host.State == model.Connected {
		return w.host.host.Path()
	}
	if vm := w.sidebar.vm(w.shown); vm != nil && w.hosts[vm.Host] != nil && w.hosts[vm.Host].State == model.Connected {
		return vm.Host
	}
	return model.HostPath("local")
}

func (w *Window) sortBy(name string) {
	w.sidebar.sortBy(name)
	w.service.Preferences().Sort = name
	w.service.PreferencesChanged()
}

// resume makes the window as it was left. The VM of then is shown if it is
// there when the first batch has come.
func (w *Window) resume() {
	p := w.service.Preferences()
	w.sidebar.sortBy(p.Sort)
	if s := p.Session; s.Width > 0 && s.Height > 0 {
		w.SetDefaultSize(s.Width, s.Height)
		if s.Maximized {
			w.Maximize()
		}
	}
	w.last = &p.Session
}

// keep notes what is open, for the next time. A window that only hides has been
// closed before.
func (w *Window) keep() {
	if !w.Visible() {
		return
	}
	s := &w.service.Preferences().Session
	s.VM, s.Tab = string(w.shown), w.page.stack.VisibleChildName()
	s.Maximized = w.IsMaximized()
	if !s.Maximized && !w.IsFullscreen() {
		s.Width, s.Height = w.DefaultSize()
	}
	w.service.PreferencesChanged()
}

// openLast shows what was open the last time, once, unless a person or another
// program has chosen already. In a narrow window the list comes first.
func (w *Window) openLast() {
	last := w.last
	if last == nil || w.state != client.Ready {
		return
	}
	w.last = nil
	if w.wanted == "" && len(w.sidebar.chosen) == 0 && !w.split.Collapsed() {
		w.sidebar.choose(model.Path(last.VM))
		if last.Tab != "" && w.shown != "" {
			w.ShowTab(last.Tab)
		}
	}
}

// ApplyPreferences is called when the person prefers something else.
func (w *Window) ApplyPreferences() {
	if w.release != nil {
		w.showRelease()
	}
	w.page.console.prefer()
	for d := range w.apart {
		d.page.console.prefer()
	}
}

// showRelease shows in the window of shortcuts which keys release the keyboard.
func (w *Window) showRelease() {
	for _, r := range releases {
		if slices.Equal(r.keys, w.service.Preferences().ReleaseKeys) {
			w.release.SetObjectProperty("accelerator", r.accelerator)
		}
	}
}

// Search shows what matches a text.
func (w *Window) Search(text string) {
	w.startSearch()
	w.sidebar.search.SetText(text)
}

// startSearch begins a search where it can be seen: beside the page, or in a
// narrow window in place of it.
func (w *Window) startSearch() {
	switch {
	case w.IsFullscreen():
		w.Unfullscreen()
	case w.split.Collapsed():
		w.split.SetShowContent(false)
	}
	w.sidebar.startSearch()
}

// Take takes in what changed.
func (w *Window) Take(batch *client.Batch) {
	for _, c := range batch.Hosts {
		if c.New == nil {
			delete(w.hosts, c.Old.Path())
		} else {
			w.hosts[c.New.Path()] = c.New
		}
	}
	w.sidebar.take(batch)
	w.openWanted()
	w.jobs.take(batch)
	for _, c := range batch.VMs {
		switch {
		case w.shown == "" || c.Old == nil && c.New == nil:
		case c.New == nil && c.Old.Path() == w.shown:
			w.show(nil)
		case c.New != nil && c.New.Path() == w.shown:
			w.page.Update(c.New, w.hosts[c.New.Host])
		}
	}
	if len(batch.Jobs) > 0 {
		under := w.jobs.jobs.Under()
		w.sidebar.takeWork(under)
		w.page.takeJobs(under)
	}
	w.page.takeHost(batch, w.hosts)
	w.page.takeSnapshots(batch)
	w.host.take(batch, w.hosts)
	if len(w.sidebar.chosen) > 1 && len(batch.VMs)+len(batch.Hosts) > 0 {
		w.several.show(w.chosenVMs())
	}
	for d := range w.apart {
		d.take(batch, w.hosts)
		if len(batch.Jobs) > 0 {
			d.page.takeJobs(w.jobs.jobs.Under())
		}
	}
	if batch.PermissionsChanged {
		w.page.RefreshPermissions()
	}
	w.state = batch.Status.State
	w.sidebar.setReady(w.state == client.Ready)
	w.create.SetEnabled(w.state == client.Ready && w.disconnected() == nil && len(w.hosts) > 0)
	w.openLast()
	w.showTrouble(batch.Status)
	w.showStatus()
}

// Sample takes in a tick of the statistics.
func (w *Window) Sample(s *client.Samples) {
	w.page.Sample(s)
	for d := range w.apart {
		d.page.Sample(s)
	}
}

// Open shows the page of a VM or a host, as soon as that is known.
func (w *Window) Open(path model.Path) {
	w.wanted = path
	w.openWanted()
}

// Shows is whether a VM's page is open, here or in a window of its own.
func (w *Window) Shows(path model.Path) bool {
	for d := range w.apart {
		if d.path == path {
			return true
		}
	}
	return w.shown == path
}

func (w *Window) openWanted() {
	if w.sidebar.vm(w.wanted) != nil || w.hosts[w.wanted] != nil {
		w.sidebar.choose(w.wanted)
		w.wanted = ""
	}
}

// ShowTab shows a part of the page that is open: of a VM overview, screen,
// hardware or snapshots; of a host overview, networks or storage.
func (w *Window) ShowTab(name string) {
	stack := w.page.stack
	if w.host.host != nil {
		stack = w.host.stack
	}
	if stack.ChildByName(name) != nil {
		stack.SetVisibleChildName(name)
	}
}

// show is called when other VMs were chosen, a host, or none.
func (w *Window) show(chosen []model.Path) {
	w.host.clear()
	vms := w.chosenVMs()
	switch {
	case len(vms) == 1:
		vm := vms[0]
		w.shown = vm.Path()
		w.page.Show(vm, w.hosts[vm.Host])
		w.content.SetTitle(store.Title(vm))
		w.contentStack.SetVisibleChildName("page")
		w.split.SetShowContent(true)
		return
	case w.shown != "":
		w.shown = ""
		w.page.Clear()
	}
	if len(chosen) == 1 && w.hosts[chosen[0]] != nil {
		w.host.show(w.hosts[chosen[0]])
		w.content.SetTitle(hostTitle(w.host.host))
		w.contentStack.SetVisibleChildName("host")
		w.split.SetShowContent(true)
		return
	}
	if len(vms) == 0 {
		w.showStatus()
		return
	}
	w.several.show(vms)
	w.content.SetTitle(w.several.title())
	w.contentStack.SetVisibleChildName("several")
}

// VMs is all VMs, shown or not.
func (w *Window) VMs() []*model.VM { return w.sidebar.list.VMs() }

// About is what people call an object, and the page that it is on.
func (w *Window) About(path model.Path) (name string, page model.Path) {
	pool := path
	if of, _, isVolume := model.SplitVolumePath(path); isVolume {
		pool = of
	}
	page = path
	if p := w.host.allPools[pool]; p != nil {
		page = p.Host
	}
	return w.jobs.name(path), page
}

// Hosts is all hosts, this machine first.
func (w *Window) Hosts() []*model.Host { return sortedHosts(w.hosts) }

// Networks is those of a host, by name.
func (w *Window) Networks(host model.Path) []*model.Network {
	return store.SortNetworks(w.host.allNetworks, host)
}

// Pools is the storage pools of a host, by name.
func (w *Window) Pools(host model.Path) []*model.StoragePool {
	return store.SortPools(w.host.allPools, host)
}

// chosenVMs is the VMs that are chosen, in the order of the list.
func (w *Window) chosenVMs() []*model.VM {
	vms := make([]*model.VM, 0, len(w.sidebar.chosen))
	for _, path := range w.sidebar.chosen {
		if vm := w.sidebar.vm(path); vm != nil {
			vms = append(vms, vm)
		}
	}
	return vms
}

// showStatus fills the page's place while there is none.
func (w *Window) showStatus() {
	if len(w.sidebar.chosen) > 0 {
		return
	}
	icon, title, text, button := w.statusText()
	w.status.SetIconName(icon)
	w.status.SetTitle(title)
	describe(w.status, text)
	w.statusButton.SetVisible(button != "")
	w.statusButton.SetLabel(button)
	w.content.SetTitle(i18n.T("Virtual Machine"))
	w.contentStack.SetVisibleChildName("status")
}

func (w *Window) statusText() (icon, title, text, button string) {
	switch w.state {
	case client.NotInstalled:
		return "dialog-warning-symbolic", i18n.T("The Service Is Not Installed"),
			i18n.T("This program shows the virtual machines of the service “kvmmanagerd”, which is not on this computer. Install it together with libvirt and QEMU."), i18n.T("Try Again")
	case client.Failed:
		return "dialog-error-symbolic", i18n.T("The Service Cannot Be Started"),
			i18n.T("The system's journal says why: journalctl -u kvmmanagerd"), i18n.T("Try Again")
	case client.Closed:
		return "network-offline-symbolic", i18n.T("The Connection to the Service Is Lost"),
			i18n.T("Virtual machines go on running without it."), i18n.T("Try Again")
	case client.Gone:
		return "network-offline-symbolic", i18n.T("The Service Has Stopped"),
			i18n.T("Virtual machines go on running without it."), i18n.T("Start It")
	case client.Ready:
		if host := w.disconnected(); host != nil && w.sidebar.list.Total() == 0 {
			return "network-offline-symbolic", i18n.F("“%s” Is Not Connected", hostTitle(host)),
				i18n.F("Virtual machines cannot be managed until libvirt is running. %s", host.StateMessage), i18n.T("Try Again")
		}
		if w.sidebar.list.Total() == 0 {
			w.askHealth()
			if w.trouble != "" {
				return "dialog-warning-symbolic", i18n.T("No Virtual Machines"), w.trouble, i18n.T("Try Again")
			}
			return "computer-symbolic", i18n.T("No Virtual Machines"),
				i18n.T("There is none on this computer yet. Those that you make with other tools, such as virt-install, appear here."), i18n.T("New Virtual Machine…")
		}
		return "computer-symbolic", i18n.T("No Virtual Machine Selected"), i18n.T("Choose one from the list."), ""
	default:
		return "content-loading-symbolic", i18n.T("Connecting…"), "", ""
	}
}

// disconnected returns the first host if no host is connected, or nil.
func (w *Window) disconnected() *model.Host {
	hosts := sortedHosts(w.hosts)
	if len(hosts) == 0 || len(connected(hosts)) > 0 {
		return nil
	}
	return sortedHosts(w.hosts)[0]
}

// askHealth looks, once until a person wants it again, for what keeps VMs from
// working here: without any VM that is what they need to know first.
func (w *Window) askHealth() {
	host := w.hosts[model.HostPath("local")]
	if w.healthAsked || host == nil || host.State != model.Connected {
		return
	}
	w.healthAsked = true
	w.service.Health(host.Path(), func(checks []model.Check, err error) {
		for _, check := range checks {
			if check.Status == model.CheckError {
				w.trouble = strings.TrimSpace(check.Message + " " + check.Hint)
				w.showStatus()
				return
			}
		}
	})
}

// showTrouble says above the list what is wrong, in the service's words.
func (w *Window) showTrouble(status client.Status) {
	trouble := ""
	w.lost = nil
	switch status.State {
	case client.Gone:
		trouble = i18n.T("The service has stopped. What is shown may be old.")
	case client.Failed, client.NotInstalled, client.Closed:
		_, trouble = errs.Of(status.Err)
	case client.Ready:
		for _, h := range sortedHosts(w.hosts) {
			if h.State == model.Disconnected {
				// TRANSLATORS: a host, and what is wrong with it.
				trouble = i18n.F("%s: %s", hostTitle(h), orElse(h.StateMessage, words.HostState(h.State)))
				w.lost = h
				break
			}
		}
	}
	w.banner.SetTitle(trouble)
	w.banner.SetRevealed(trouble != "")
}

// Fail shows what went wrong. What a person has dismissed is no failure.
func (w *Window) Fail(heading string, err error) {
	if dialog := w.failure(heading, err); dialog != nil {
		if front := w.front(); front == gtk.Widgetter(w) && !w.Visible() {
			w.Present() // it has hidden until its work was done
		}
		dialog.Present(w.front())
	}
}

// failure is the dialog that says so; nil if there is nothing to say.
func (w *Window) failure(heading string, err error) *adw.AlertDialog {
	kind, sentence := errs.Of(err)
	if kind == errs.AuthenticationDismissed || errors.Is(err, client.ErrNeedsInteraction) && sentence == "" {
		return nil
	}
	dialog := adw.NewAlertDialog(heading, sentence)
	dialog.AddResponse("copy", i18n.T("_Copy Details"))
	dialog.AddResponse("close", i18n.T("_Close"))
	dialog.SetDefaultResponse("close")
	dialog.SetCloseResponse("close")
	details := heading + "\n" + sentence + "\n" + kind.DBusName() + "\n" + err.Error()
	clipboard := w.Clipboard()
	dialog.ConnectResponse(func(response string) {
		if response == "copy" {
			clipboard.SetText(details)
		}
	})
	return dialog
}

// Tell shows a short message.
func (w *Window) Tell(text string) { w.toasts.AddToast(newToast(text)) }

// Undoable does something soon, unless the user chooses Undo. Closing the window
// does it at once.
func (w *Window) Undoable(text string, do func()) {
	toast := newToast(text)
	toast.SetButtonLabel(i18n.T("_Undo"))
	commit := &commit{do: do}
	w.commits[commit] = true
	toast.ConnectButtonClicked(func() { delete(w.commits, commit) })
	toast.ConnectDismissed(func() { w.commit(commit) })
	w.toasts.AddToast(toast)
	if !w.IsActive() {
		w.Present() // where the way back is
	}
}

// Commit does what could still be undone.
func (w *Window) Commit() {
	for c := range w.commits {
		w.commit(c)
	}
}

// commit is something that can still be undone.
type commit struct{ do func() }

// commit does something that could be undone, once.
func (w *Window) commit(c *commit) {
	if w.commits[c] {
		delete(w.commits, c)
		c.do()
	}
}
