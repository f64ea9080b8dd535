package ui

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"time"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display"
	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

//go:embed page.ui
var pageUI string

// thumbnailEvery is how often the small picture of a running guest is taken,
// while it is looked at.
const thumbnailEvery = 5 // seconds

// guestEvery is how often a guest is asked about itself, while that is looked at.
const guestEvery = 60 // seconds

// Page is everything about one VM at a time.
type Page struct {
	service     Service
	vm          *model.VM
	host        *model.Host
	permissions map[string]client.Permission
	history     *store.History
	// Detach opens a VM's page in a window of its own; nil where it is in one.
	Detach func(*model.VM)

	root     *adw.BreakpointBin
	view     *adw.ToolbarView
	stack    *adw.ViewStack
	banner   *adw.Banner
	title    *adw.WindowTitle
	header   *adw.HeaderBar
	switcher *adw.ViewSwitcherBar
	primary  *gtk.Button
	picture  *gtk.Picture
	name     *gtk.Label
	state    *gtk.Label
	notes    *gtk.Label
	details  *rows
	guest    *rows
	hardware *hardware
	// The snapshots are objects of their own, which change apart from their VM.
	snapshots *snapshots
	graphs    []*graph
	console   *console
	actions   *gio.SimpleActionGroup
	byName    map[store.Action]*gio.SimpleAction

	since    time.Time             // when the state changed; zero if that was not seen
	jobs     []*model.Job          // those under way
	ignoring bool                  // the guest does not react to Shut Down
	waiting  coreglib.SourceHandle // for its reaction

	ticking    coreglib.SourceHandle
	seconds    int
	fullscreen bool
	narrow     bool // no place for the first action's name
}

// NewPage makes an empty page.
func NewPage(service Service) *Page {
	b := build(pageUI)
	p := &Page{
		service: service, history: store.NewHistory(historyLength),
		root: object[*adw.BreakpointBin](b, "page"), view: object[*adw.ToolbarView](b, "view"), stack: object[*adw.ViewStack](b, "stack"),
		banner: object[*adw.Banner](b, "banner"), title: object[*adw.WindowTitle](b, "title"),
		header: object[*adw.HeaderBar](b, "header"), switcher: object[*adw.ViewSwitcherBar](b, "switcher_bar"),
		primary: object[*gtk.Button](b, "primary"), picture: object[*gtk.Picture](b, "thumbnail"),
		name: object[*gtk.Label](b, "name"), state: object[*gtk.Label](b, "state"), notes: object[*gtk.Label](b, "notes"),
		details:  newRows(object[*adw.PreferencesGroup](b, "details")),
		guest:    newRows(object[*adw.PreferencesGroup](b, "guest")),
		hardware: newHardware(object[*adw.PreferencesPage](b, "hardware"), service), snapshots: newSnapshots(b, service),
		actions: gio.NewSimpleActionGroup(), byName: map[store.Action]*gio.SimpleAction{},
	}
	p.console = newConsole(object[*adw.Bin](b, "screen"), service)
	p.graphs = newGraphs(object[*gtk.FlowBox](b, "graphs"))
	p.banner.ConnectButtonClicked(func() { p.act(store.PowerOff) })
	p.primary.ConnectClicked(func() {
		if p.vm != nil {
			p.act(store.Primary(p.vm))
		}
	})
	object[*gtk.Button](b, "thumbnail_button").ConnectClicked(func() { p.stack.SetVisibleChildName("screen") })
	p.stack.NotifyProperty("visible-child-name", func() {
		if p.stack.VisibleChildName() == "screen" {
			p.console.turnTo()
		}
		p.fitScreen()
		p.look()
	})
	for _, a := range []store.Action{
		store.Start, store.Resume, store.Pause, store.Shutdown, store.Reboot, store.Reset, store.PowerOff,
		store.Save, store.Discard, store.Change, store.Clone, store.Template, store.Delete, store.Screenshot, store.CopyScreenshot,
	} {
		action := gio.NewSimpleAction(string(a), nil)
		if a == store.Template {
			action = gio.NewSimpleActionStateful(string(a), nil, glib.NewVariantBoolean(false))
		}
		action.ConnectActivate(func(*glib.Variant) { p.act(a) })
		p.actions.AddAction(action)
		p.byName[a] = action
	}
	primary := gio.NewSimpleAction("primary", nil)
	primary.ConnectActivate(func(*glib.Variant) {
		if p.vm != nil {
			p.act(store.Primary(p.vm))
		}
	})
	p.actions.AddAction(primary)
	tab := gio.NewSimpleAction("tab", glib.NewVariantType("s"))
	tab.ConnectActivate(func(name *glib.Variant) {
		if p.vm != nil && p.stack.ChildByName(name.String()) != nil {
			p.stack.SetVisibleChildName(name.String())
		}
	})
	p.actions.AddAction(tab)
	narrow := object[*adw.Breakpoint](b, "narrow")
	narrow.ConnectApply(func() { p.fit(true) })
	narrow.ConnectUnapply(func() { p.fit(false) })
	detach := gio.NewSimpleAction("detach", nil)
	detach.ConnectActivate(func(*glib.Variant) {
		if p.vm != nil && p.Detach != nil {
			p.Detach(p.vm)
		}
	})
	p.actions.AddAction(detach)
	p.root.InsertActionGroup("vm", p.actions)
	giveReasons(object[*gtk.MenuButton](b, "menu_button").Popover(), object[*gio.Menu](b, "menu"), p.why)
	pointer := gtk.NewEventControllerMotion()
	pointer.SetPropagationPhase(gtk.PhaseCapture)
	pointer.ConnectMotion(func(_, y float64) { p.console.pointed(y) })
	p.root.AddController(pointer)
	return p
}

// Widget is the page.
func (p *Page) Widget() gtk.Widgetter { return p.root }

// Show shows a VM, which is another one than before.
func (p *Page) Show(vm *model.VM, host *model.Host) {
	p.console.leave()
	p.permissions = nil
	p.picture.SetPaintable(nil)
	p.guest.set(nil)
	p.history = store.NewHistory(historyLength)
	p.Update(vm, host)
	p.snapshots.show(p.service.Snapshots(vm.Path()))
	p.RefreshPermissions()
	p.look()
}

// fit is called when the page becomes narrow, or wide again.
func (p *Page) fit(narrow bool) {
	p.narrow = narrow
	if p.vm != nil {
		p.showPrimary()
	}
}

// Clear shows none.
func (p *Page) Clear() {
	p.vm = nil
	p.console.leave()
	p.fitScreen()
	p.look()
}

// Close ends what goes on while the page is open.
func (p *Page) Close() { p.Clear() }

// RefreshPermissions asks again what may be done.
func (p *Page) RefreshPermissions() {
	if p.vm == nil {
		return
	}
	asked := p.vm.Path()
	p.service.Permissions(asked, func(permissions map[string]client.Permission) {
		if p.vm != nil && p.vm.Path() == asked {
			p.permissions = permissions
			p.enable()
			p.look()
		}
	})
}

// Update shows what changed about the VM.
func (p *Page) Update(vm *model.VM, host *model.Host) {
	before, wasLive := p.vm, p.live()
	p.vm, p.host = vm, host
	switch {
	case before == nil || before.Path() != vm.Path():
		p.since = time.Time{}
	case before.State != vm.State:
		p.since = time.Now()
	}
	title := store.Title(vm)
	p.name.SetText(title)
	p.title.SetTitle(title)
	p.notes.SetText(vm.Description)
	p.notes.SetVisible(vm.Description != "")
	p.details.set(p.facts())
	p.hardware.show(vm)
	p.enable()
	p.watchShutdown()
	if vm.GuestAgent != model.AgentConnected {
		p.guest.set(nil)
	} else if before != nil && before.Path() == vm.Path() && before.GuestAgent != vm.GuestAgent {
		p.askGuest()
	}
	if before == nil || before.Path() != vm.Path() || before.State != vm.State || wasLive != p.live() {
		if !p.live() {
			p.picture.SetPaintable(nil)
			p.history = store.NewHistory(historyLength)
		}
		p.drawGraphs()
		p.look()
	}
}

// takeHost takes in what changed about the VM's host.
func (p *Page) takeHost(batch *client.Batch, hosts map[model.Path]*model.Host) {
	for _, c := range batch.Hosts {
		if p.vm != nil && c.New != nil && c.New.Path() == p.vm.Host {
			p.Update(p.vm, hosts[p.vm.Host])
		}
	}
}

// takeSnapshots takes in what changed about the snapshots.
func (p *Page) takeSnapshots(batch *client.Batch) {
	if p.vm == nil {
		return
	}
	for _, c := range batch.Snapshots {
		if s := cmp.Or(c.New, c.Old); s != nil && s.VM == p.vm.Path() {
			p.snapshots.show(p.service.Snapshots(s.VM))
			return
		}
	}
}

// takeJobs takes in the jobs under way.
func (p *Page) takeJobs(jobs []*model.Job) {
	p.jobs = jobs
	if p.vm != nil {
		p.watchShutdown()
	}
}

// shutdownPatience is how long a guest may take to react to Shut Down before
// Force Off is offered.
const shutdownPatience = 15 * time.Second

// shutdown returns the job that shuts the VM down; nil if there is none.
func (p *Page) shutdown() *model.Job {
	at := slices.IndexFunc(p.jobs, func(j *model.Job) bool {
		return j.Operation == "shutdown" && !j.State.Ended() && slices.Contains(j.Objects, p.vm.Path())
	})
	if at < 0 {
		return nil
	}
	return p.jobs[at]
}

// watchShutdown notices a guest that does not react to Shut Down.
func (p *Page) watchShutdown() {
	if p.waiting != 0 {
		coreglib.SourceRemove(p.waiting)
		p.waiting = 0
	}
	p.ignoring = false
	if job := p.shutdown(); job != nil && p.live() {
		left := time.Until(job.StartedAt.Add(shutdownPatience))
		p.ignoring = left <= 0
		if !p.ignoring {
			p.waiting = coreglib.TimeoutAdd(uint(left.Milliseconds())+1, func() bool {
				p.waiting = 0
				if p.vm != nil {
					p.watchShutdown()
				}
				return false
			})
		}
	}
	p.showBanner()
	p.showState()
}

// showBanner shows what needs attention: a guest that does not shut down, or else
// what waits for the next start.
func (p *Page) showBanner() {
	text, button := words.Pending(p.vm), ""
	if p.ignoring {
		text, button = i18n.F("“%s” has not reacted to Shut Down yet.", store.Title(p.vm)), i18n.T("_Force Off")
	}
	p.banner.SetTitle(text)
	p.banner.SetButtonLabel(button)
	p.banner.SetRevealed(text != "")
}

func (p *Page) showState() {
	if p.shutdown() != nil && p.live() {
		p.sayState(i18n.T("Shutting Down…"))
		return
	}
	p.sayState(words.VMStateFor(p.vm, p.host, p.since, time.Now()))
}

// sayState shows the state on the overview and below the name in the header.
func (p *Page) sayState(text string) {
	p.state.SetText(text)
	p.title.SetSubtitle(text)
}

// facts is the rows of the overview.
func (p *Page) facts() []fact {
	vm := p.vm
	facts := []fact{{i18n.T("System"), orElse(vm.OSName, i18n.T("Unknown"))}}
	if len(vm.IPAddresses) > 0 {
		facts = append(facts, fact{i18n.T("Addresses"), strings.Join(vm.IPAddresses, "\n")})
	}
	facts = append(facts,
		fact{i18n.T("Processors"), i18n.F("%d", vm.VCPUs)},
		fact{i18n.T("Memory"), words.Size(vm.Memory)},
		fact{i18n.T("Storage"), words.Size(vm.DiskSize)},
		fact{i18n.T("Firmware"), strings.ToUpper(string(vm.Firmware))},
	)
	if len(vm.Tags) > 0 {
		facts = append(facts, fact{i18n.T("Tags"), strings.Join(vm.Tags, ", ")})
	}
	if vm.Autostart {
		facts = append(facts, fact{i18n.T("Start"), i18n.T("Together with its host")})
	}
	if p.host != nil {
		facts = append(facts, fact{i18n.T("Host"), hostTitle(p.host)})
	}
	return append(facts, fact{"UUID", vm.UUID})
}

// enable lets through what state and rights allow, and says why not otherwise.
func (p *Page) enable() {
	for a, action := range p.byName {
		action.SetEnabled(words.WhyNot(a, p.vm, p.host, p.permissions) == "")
	}
	p.byName[store.Template].SetState(glib.NewVariantBoolean(p.vm.Template))
	p.showPrimary()
	p.console.update(p.vm, p.host, p.permissions)
	p.hardware.enable(p.vm, p.host, p.permissions)
	p.snapshots.enable(p.vm, p.host, p.permissions)
}

// primaryIcons is what the first action looks like where its name has no place.
var primaryIcons = map[store.Action]string{
	store.Start: "media-playback-start-symbolic", store.Resume: "media-playback-start-symbolic",
	store.Shutdown: "system-shutdown-symbolic", store.Clone: "edit-copy-symbolic",
}

// showPrimary shows the action that comes first in the VM's state.
func (p *Page) showPrimary() {
	first := store.Primary(p.vm)
	why := words.WhyNot(first, p.vm, p.host, p.permissions)
	if p.narrow {
		p.primary.SetIconName(primaryIcons[first])
		p.primary.ResetRelation(gtk.AccessibleRelationLabelledBy) // its label of before, which is gone
	} else {
		p.primary.SetLabel(words.Label(first))
	}
	name(p.primary, words.Label(first))
	if first == store.Shutdown {
		p.primary.RemoveCSSClass("suggested-action")
	} else {
		p.primary.AddCSSClass("suggested-action")
	}
	p.primary.SetSensitive(why == "")
	if why == "" && p.narrow {
		why = words.Label(first)
	}
	p.primary.SetTooltipText(why)
}

// why is why an action cannot be used now; empty when it can.
func (p *Page) why(a store.Action) string {
	if p.vm == nil || p.byName[a] == nil {
		return ""
	}
	return words.WhyNot(a, p.vm, p.host, p.permissions)
}

// live is whether the VM runs, and that can be seen.
func (p *Page) live() bool { return p.vm != nil && p.vm.State.Active() && store.Reachable(p.host) }

// look starts and stops what costs something while it is looked at.
func (p *Page) look() {
	at := p.stack.VisibleChildName()
	live := p.live()
	p.watch(live && at == "overview" && !p.suspended())
	if p.vm == nil {
		return
	}
	if at == "screen" {
		p.console.enter()
	}
	if live && at == "overview" {
		p.takeThumbnail()
		p.askGuest()
	}
}

// askGuest shows what the guest says about itself, as long as that takes no
// password.
func (p *Page) askGuest() {
	if p.vm.GuestAgent != model.AgentConnected || !p.live() || p.permissions["org.kvmmanager.vm.guest"] != client.Allowed {
		return
	}
	asked := p.vm.Path()
	p.service.GuestInfo(asked, func(info *model.GuestInfo) {
		if p.vm == nil || p.vm.Path() != asked || p.vm.GuestAgent != model.AgentConnected {
			return
		}
		var facts []fact
		for _, f := range words.Guest(info) {
			facts = append(facts, fact{f.Name, f.Value})
		}
		p.guest.set(facts)
	})
}

// watch starts and stops what moves on the overview.
func (p *Page) watch(wanted bool) {
	p.service.Watch(p, wanted)
	switch {
	case wanted && p.ticking == 0:
		p.ticking = coreglib.TimeoutSecondsAdd(1, p.tick)
	case !wanted && p.ticking != 0:
		coreglib.SourceRemove(p.ticking)
		p.ticking = 0
	}
}

// suspended is whether nobody can see the window: it is minimised, or behind
// others.
func (p *Page) suspended() bool {
	window, _ := p.root.Root().CastType(gtk.GTypeWindow).(*gtk.Window)
	return window != nil && window.IsSuspended()
}

// nameWindow shows the VM's name in the header, for a window that shows it nowhere
// else.
func (p *Page) nameWindow() {
	p.header.SetTitleWidget(p.title)
	p.switcher.SetReveal(true)
}

// joinWindow makes the page follow the window that it is in.
func (p *Page) joinWindow(window *adw.ApplicationWindow) {
	window.NotifyProperty("suspended", p.look)
	window.NotifyProperty("fullscreened", func() {
		p.fullscreen = window.IsFullscreen()
		p.fitScreen()
	})
}

// fitScreen gives the guest's screen the whole display in fullscreen. Other
// parts of the page keep their bars.
func (p *Page) fitScreen() {
	alone := p.fullscreen && p.vm != nil && p.stack.VisibleChildName() == "screen"
	p.view.SetExtendContentToTopEdge(alone)
	p.view.SetRevealTopBars(!alone)
	p.view.SetRevealBottomBars(!alone)
	p.console.stayAlone(alone)
}

func (p *Page) tick() bool {
	if !p.root.Mapped() {
		return true
	}
	p.showState()
	p.seconds++
	if p.seconds%thumbnailEvery == 0 {
		p.takeThumbnail()
	}
	if p.seconds%guestEvery == 0 {
		p.askGuest()
	}
	return true
}

func (p *Page) takeThumbnail() {
	if p.vm.State == model.VMStarting || p.permissions[store.RightConsole] != client.Allowed || p.picture.Width() == 0 {
		return
	}
	asked := p.vm.Path()
	scale := p.root.ScaleFactor()
	p.service.Thumbnail(asked, scale*p.picture.Width(), scale*p.picture.Height(), func(image *display.Image) {
		if image == nil {
			return
		}
		if p.vm != nil && p.vm.Path() == asked && p.live() {
			image.Show(p.picture)
		}
		image.Free()
	})
}

// Sample takes in a tick of the statistics, which may be wanted by another page.
func (p *Page) Sample(s *client.Samples) {
	if p.vm == nil {
		return
	}
	p.history.Add(s)
	p.drawGraphs()
}

func (p *Page) act(a store.Action) {
	vm := p.vm
	if vm == nil || words.WhyNot(a, vm, p.host, p.permissions) != "" {
		return
	}
	switch a {
	case store.Change:
		showEdit(p.root, p.service, vm, "")
	case store.Clone:
		showClone(p.root, p.service, vm)
	case store.Template:
		p.service.SetTemplate(vm, !vm.Template)
	case store.Delete:
		showDelete(p.root, p.service, []*model.VM{vm}, p.permissions)
	case store.Screenshot:
		saveScreenshot(p.root, p.service, vm)
	case store.CopyScreenshot:
		p.service.Screenshot(vm.Path(), func(image []byte, err error) {
			if err == nil {
				display.CopyImage(image)
			}
		})
	default:
		if q, dangerous := questions[a]; dangerous {
			confirm(p.root, q, []*model.VM{vm}, func() { p.service.Do(a, vm) })
			return
		}
		p.service.Do(a, vm)
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
