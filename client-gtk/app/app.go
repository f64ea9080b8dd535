// Package app is the client as a program: one instance of it, its actions, and
// the one crossing between the goroutines that talk to the service and GTK's
// main loop. Everything of GTK's happens on the main loop; everything that may
// take time happens in goroutines, which hand over what they found with later.
package app

import (
	"context"
	"os"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/gio/v2"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	_ "embed"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/prefs"
	"org.kvmmanager/client-gtk/ui"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// ID is the application's id, and its name on the session bus.
const ID = "org.kvmmanager.Client"

//go:embed style.css
var style string

// Options is what the program was built with.
type Options struct {
	Version   string
	LocaleDir string // empty: the system's
}

// App is the running program. Its fields belong to the main loop.
type App struct {
	*adw.Application
	options Options
	ctx     context.Context
	cancel  context.CancelFunc

	client *client.Client     // nil until the bus is there
	window *ui.Window         // nil while it is closed
	stop   context.CancelFunc // ends what the window follows

	preferences *prefs.Preferences
	saver       *saver

	guestKeys int // consoles that have the keyboard

	unfinished int  // calls of steps that go on
	quitting   bool // when these are done

	samples  *sampling // nil while nobody looks at graphs
	watching map[*ui.Page]bool
}

// Run runs the program and returns its exit code.
func Run(args []string, o Options) int {
	i18n.Init(o.LocaleDir)
	a := &App{Application: adw.NewApplication(ID, gio.ApplicationDefaultFlags), options: o, watching: map[*ui.Page]bool{}}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	defer a.cancel()
	a.preferences, a.saver = loadPreferences()
	defer a.saver.end()
	if file := os.Getenv(stallsVariable); file != "" {
		go watchStalls(a.ctx, file)
	}
	a.ConnectStartup(a.startup)
	a.ConnectActivate(a.activate)
	return a.Application.Run(args)
}

// later runs f on the main loop.
func later(f func()) { coreglib.IdleAddPriority(coreglib.PriorityDefault, f) }

func (a *App) startup() {
	css := gtk.NewCSSProvider()
	css.LoadFromString(style)
	gtk.StyleContextAddProviderForDisplay(gdk.DisplayGetDefault(), css, gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
	gtk.WindowSetDefaultIconName(ID)
	for name, do := range map[string]func(){
		"about": a.about, "quit": a.quit,
	} {
		action := gio.NewSimpleAction(name, nil)
		action.ConnectActivate(func(*glib.Variant) { do() })
		a.AddAction(action)
	}
	open := gio.NewSimpleAction("open", glib.NewVariantType("s"))
	open.ConnectActivate(func(path *glib.Variant) {
		a.activate()
		a.window.Open(model.Path(path.String()))
	})
	a.AddAction(open)
	search := gio.NewSimpleAction("search", glib.NewVariantType("s"))
	search.ConnectActivate(func(text *glib.Variant) {
		a.activate()
		a.window.Search(text.String())
	})
	a.AddAction(search)
	show := gio.NewSimpleAction("show", glib.NewVariantType("s"))
	show.ConnectActivate(func(tab *glib.Variant) {
		a.activate()
		a.window.ShowTab(tab.String())
	})
	a.AddAction(show)
	a.setShortcuts(true)
}

// shortcuts are the program's own keys.
var shortcuts = map[string][]string{
	"app.quit": {"<Control>q"}, "win.new": {"<Control>n"}, "win.preferences": {"<Control>comma"}, "win.search": {"<Control>f"}, "win.fullscreen": {"F11"},
	"win.show-help-overlay": {"<Control>question"}, "win.close": {"<Control>w"}, "vm.edit": {"F2"}, "vm.primary": {"<Control>Return"},
	"vm.tab::overview": {"<Control>1"}, "vm.tab::screen": {"<Control>2"}, "vm.tab::hardware": {"<Control>3"}, "vm.tab::snapshots": {"<Control>4"},
}

func (a *App) setShortcuts(on bool) {
	for action, keys := range shortcuts {
		if !on {
			keys = nil
		}
		a.SetAccelsForAction(action, keys)
	}
}

// TakeKeys implements ui.Service. GTK looks at a program's shortcuts before any
// widget sees the key.
func (a *App) TakeKeys(guest bool) {
	before := a.guestKeys
	if guest {
		a.guestKeys++
	} else {
		a.guestKeys--
	}
	if (before > 0) != (a.guestKeys > 0) {
		a.setShortcuts(a.guestKeys == 0)
	}
}

// activate opens the window, or brings it to the front.
func (a *App) activate() {
	if a.window == nil {
		a.window = ui.NewWindow(&a.Application.Application, a)
		a.window.ConnectDestroy(func() {
			a.window = nil
			clear(a.watching)
			a.sampleIfWatched()
			a.stop()
		})
		var ctx context.Context
		ctx, a.stop = context.WithCancel(a.ctx)
		go a.follow(ctx)
	}
	a.window.Present()
}

func (a *App) quit() {
	transfers := a.HasWork()
	if a.window != nil {
		a.window.Commit()
	}
	switch {
	case transfers && a.window != nil:
		a.window.AskQuit(a.giveUp)
	case a.HasWork() && a.window != nil: // what was just committed; the program ends after it
		a.quitting = true
		a.window.Close()
	default:
		a.giveUp()
	}
}

// giveUp quits the program when what it was in the middle of has been given up.
func (a *App) giveUp() {
	a.quitting = true
	if a.window != nil {
		a.window.Close() // which notes what was open
	}
	a.cancel()
	a.quitWhenDone()
}

func (a *App) quitWhenDone() {
	if a.quitting && !a.HasWork() {
		a.Quit()
	}
}

func (a *App) about() {
	about := adw.NewAboutDialog()
	about.SetApplicationIcon(ID)
	about.SetApplicationName(i18n.T("Virtual Machines"))
	about.SetVersion(a.options.Version)
	about.SetComments(i18n.T("See and control the virtual machines of this computer and others"))
	about.SetDeveloperName("KVM Manager")
	about.Present(a.window)
}
