package ui

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
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
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

//go:embed console.ui
var consoleUI string

// How long to wait before a lost display is opened again: twice as long each
// time.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 8 * time.Second
)

// console shows a VM's screens and serial ports, one at a time. It is connected
// from when it is first looked at until another VM is shown or the VM is off.
type console struct {
	service Service
	vm      *model.VM
	host    *model.Host
	denied  string // why the person may not look

	root    *gtk.Box
	stack   *gtk.Stack
	status  *adw.StatusPage
	button  *gtk.Button
	place   *adw.Bin
	choice  *gtk.DropDown
	release *gtk.Button
	scaling *gtk.MenuButton
	keys    *gtk.MenuButton
	bar     *gtk.Box
	// In fullscreen the bar floats over the screen, with the VM's name in it.
	floating   *gtk.Revealer
	name       *gtk.Label
	gap        *gtk.Box
	fullscreen *gtk.Button
	alone      bool                  // the screen has the whole display
	hiding     coreglib.SourceHandle // hides the floating bar

	screen   *display.Screen
	terminal *display.Terminal
	outlets  []outlet
	at       int
	mode     display.Scaling
	scale    *gio.SimpleAction // its state is the mode's name

	hasKeys  bool // the guest has the keyboard, see takeKeys
	wanted   bool // somebody looks, or has looked
	open     bool
	again    bool // open it again when it ends
	shown    model.Path
	index    uint32 // of the screen that is open
	attempt  int    // tells the answers of different attempts apart
	retry    time.Duration
	retrying coreglib.SourceHandle
	filling  bool
	turned   bool // a person has turned here, and it is not open yet
}

// outlet is a screen or a serial port.
type outlet struct {
	name   string
	screen bool
	index  uint32
	id     string
}

func newConsole(bin *adw.Bin, service Service) *console {
	b := build(consoleUI)
	c := &console{
		service: service, retry: firstRetry, root: object[*gtk.Box](b, "console"),
		stack: object[*gtk.Stack](b, "stack"), status: object[*adw.StatusPage](b, "status"), button: object[*gtk.Button](b, "button"),
		place: object[*adw.Bin](b, "place"), choice: object[*gtk.DropDown](b, "choice"), release: object[*gtk.Button](b, "release"),
		scaling: object[*gtk.MenuButton](b, "scaling_button"), keys: object[*gtk.MenuButton](b, "keys_button"),
		bar: object[*gtk.Box](b, "bar"), fullscreen: object[*gtk.Button](b, "fullscreen"),
		floating: object[*gtk.Revealer](b, "floating"), name: object[*gtk.Label](b, "name"), gap: object[*gtk.Box](b, "gap"),
	}
	functions := object[*gio.Menu](b, "function_keys")
	for n := 1; n <= 12; n++ {
		functions.Append(fmt.Sprintf("Ctrl+Alt+F%d", n), fmt.Sprintf("console.keys::KEY_LEFTCTRL KEY_LEFTALT KEY_F%d", n))
	}
	c.choice.NotifyProperty("selected", func() {
		if at := int(c.choice.Selected()); !c.filling && at < len(c.outlets) && at != c.at {
			c.at = at
			c.disconnect()
			c.connect()
		}
	})
	c.button.ConnectClicked(func() {
		if c.vm != nil && !c.vm.State.Active() {
			c.service.Do(store.Start, c.vm)
			return
		}
		c.connect()
	})
	c.release.ConnectClicked(func() {
		if c.screen != nil {
			c.screen.ReleaseKeyboard()
		}
		if c.terminal != nil {
			c.terminal.ReleaseKeyboard()
		}
	})
	focus := gtk.NewEventControllerFocus()
	focus.NotifyProperty("contains-focus", func() { c.takeKeys(focus.ContainsFocus()) })
	c.place.AddController(focus)
	c.addActions(bin)
	bin.SetChild(c.root)
	return c
}

func (c *console) addActions(bin *adw.Bin) {
	group := gio.NewSimpleActionGroup()
	keys := gio.NewSimpleAction("keys", glib.NewVariantType("s"))
	keys.ConnectActivate(func(names *glib.Variant) {
		if c.vm != nil {
			c.service.Press(c.vm.Path(), strings.Fields(names.String()))
		}
	})
	group.AddAction(keys)
	other := gio.NewSimpleAction("other-keys", nil)
	other.ConnectActivate(func(*glib.Variant) {
		if vm := c.vm; vm != nil {
			askKeys(bin, func(names []string) { c.service.Press(vm.Path(), names) })
		}
	})
	group.AddAction(other)
	c.scale = gio.NewSimpleActionStateful("scaling", glib.NewVariantType("s"), glib.NewVariantString(fitsWindow))
	c.scale.ConnectActivate(func(value *glib.Variant) {
		c.setScaling(value.String())
		if c.vm != nil {
			c.service.Preferences().SetScaling(c.vm.UUID, value.String(), fitsWindow)
			c.service.PreferencesChanged()
		}
	})
	group.AddAction(c.scale)
	bin.InsertActionGroup("console", group)
}

// fitsWindow is how a VM's screen is shown until another way is chosen for it.
const fitsWindow = "fit"

// scalings are the ways to show a screen, by the names of the menu and of the
// preferences.
var scalings = map[string]display.Scaling{fitsWindow: display.Fit, "original": display.Original, "guest": display.ResizeGuest}

// setScaling shows the screen in one of these ways.
func (c *console) setScaling(name string) {
	c.scale.SetState(glib.NewVariantString(name))
	c.mode = scalings[name]
	if c.screen != nil {
		c.screen.SetScaling(c.mode)
	}
}

// takeKeys gives the guest all keys, or gives the program its shortcuts back. A
// widget that is removed with the keyboard does not always say so: disconnect
// does it, too.
func (c *console) takeKeys(guest bool) {
	if guest == c.hasKeys {
		return
	}
	c.hasKeys = guest
	c.service.TakeKeys(guest)
	c.release.SetVisible(guest)
	if guest || !c.alone {
		return
	}
	c.showFloating()
	coreglib.IdleAdd(func() { // GTK tells of the change before it is made
		if root := c.root.Root(); c.alone && root != nil && root.Focus() == nil {
			c.fullscreen.GrabFocus()
		}
		c.hideFloatingSoon()
	})
}

// turnTo is called when a person turns to the console. It gets the keyboard, now
// or when it is open.
func (c *console) turnTo() {
	c.turned = true
	if c.stack.VisibleChildName() == "live" {
		c.focus()
	}
}

// focus gives what is open the keyboard: if a person has turned to it, or has the
// keyboard nowhere else. Whoever writes something goes on with that.
func (c *console) focus() {
	wanted := c.turned
	c.turned = false
	root := c.root.Root()
	if root == nil || !c.place.Mapped() {
		return
	}
	if focus := root.Focus(); focus != nil {
		now := gtk.BaseWidget(focus)
		if !now.IsAncestor(c.root) && (!wanted || writes(focus) || now.Ancestor(adw.GTypeDialog) != nil) {
			return
		}
	}
	if c.screen != nil && c.screen.IsOpen() {
		c.screen.Focus()
	} else if c.terminal != nil {
		c.terminal.Focus()
	}
}

// writes is whether keys are text there.
func writes(focus gtk.Widgetter) bool {
	switch focus.(type) {
	case *gtk.Text, *gtk.TextView:
		return true
	}
	return false
}

// enter is called when somebody looks.
func (c *console) enter() {
	c.wanted = true
	c.connect()
}

// leave is called when another VM is shown.
func (c *console) leave() {
	c.wanted, c.turned = false, false
	c.disconnect()
	c.vm, c.outlets, c.at = nil, nil, 0
	c.retry = firstRetry
}

// update takes in what changed about the VM.
func (c *console) update(vm *model.VM, host *model.Host, permissions map[string]client.Permission) {
	before, wasDenied := c.vm, c.denied != ""
	c.vm, c.host = vm, host
	c.denied = ""
	if why := words.WhyNot(store.SendKeys, vm, host, permissions); why != "" && vm.State.Active() {
		c.denied = why
	}
	c.fillChoice()
	c.name.SetText(store.Title(vm))
	if before == nil {
		name := c.service.Preferences().Scaling[vm.UUID]
		if _, known := scalings[name]; !known {
			name = fitsWindow
		}
		c.setScaling(name)
	}
	switch {
	case !vm.State.Active():
		c.disconnect()
		c.explain()
	case before == nil || !before.State.Active() || wasDenied && c.denied == "":
		c.retry = firstRetry
		c.connect()
	case !c.open:
		c.explain()
	}
	c.arrange()
}

// floatingStays is how long the floating bar is seen, in milliseconds, after the
// pointer has left the upper edge.
const floatingStays = 2500

// stayAlone gives the screen the whole display, or takes it back: its bar then
// floats over it, and is only seen when the pointer touches the upper edge or
// the guest gives the keyboard back.
func (c *console) stayAlone(alone bool) {
	if alone == c.alone {
		return
	}
	c.alone = alone
	if alone {
		c.root.Remove(c.bar)
		c.floating.SetChild(c.bar)
	} else {
		c.stopHiding()
		c.floating.SetChild(nil)
		c.root.Prepend(c.bar)
	}
	c.floating.SetVisible(alone)
	c.name.SetVisible(alone)
	c.gap.SetVisible(!alone)
	icon, text := "view-fullscreen-symbolic", i18n.T("Fullscreen")
	if alone {
		icon, text = "view-restore-symbolic", i18n.T("Leave Fullscreen")
	}
	c.fullscreen.SetIconName(icon)
	c.fullscreen.SetTooltipText(text)
	c.arrange()
	if alone {
		c.showFloating()
		c.hideFloatingSoon()
	}
}

// pointed is told where the pointer is, in pixels from the upper edge.
func (c *console) pointed(y float64) {
	switch {
	case !c.alone:
	case y < 2:
		c.showFloating()
	case y > 2*float64(c.bar.Height()) && c.floating.RevealChild():
		c.hideFloatingSoon()
	}
}

func (c *console) showFloating() {
	c.stopHiding()
	c.floating.SetRevealChild(true)
}

// hideFloatingSoon hides the floating bar after a while, unless it is in use.
func (c *console) hideFloatingSoon() {
	if c.hiding != 0 {
		return
	}
	c.hiding = coreglib.TimeoutAdd(floatingStays, func() bool {
		if c.inUse() {
			return true
		}
		c.hiding = 0
		c.floating.SetRevealChild(false)
		return false
	})
}

// inUse reports whether the keyboard is in the bar, or a menu of it is open.
func (c *console) inUse() bool {
	root := c.root.Root()
	if root == nil || root.Focus() == nil {
		return false
	}
	return gtk.BaseWidget(root.Focus()).IsAncestor(c.bar)
}

func (c *console) stopHiding() {
	if c.hiding != 0 {
		coreglib.SourceRemove(c.hiding)
		c.hiding = 0
	}
}

func (c *console) fillChoice() {
	var outlets []outlet
	for i, g := range c.vm.Graphics {
		if g.Type == "vnc" || g.Type == "spice" {
			outlets = append(outlets, outlet{name: i18n.F("Screen (%s)", strings.ToUpper(g.Type)), screen: true, index: uint32(i)})
		}
	}
	for i, d := range c.vm.Consoles {
		outlets = append(outlets, outlet{name: i18n.F("Serial port %d", i+1), id: d.ID})
	}
	same := len(outlets) == len(c.outlets)
	for i := 0; same && i < len(outlets); i++ {
		same = outlets[i] == c.outlets[i]
	}
	if same {
		return
	}
	c.outlets = outlets
	names := make([]string, len(outlets))
	for i, o := range outlets {
		names[i] = o.name
	}
	c.filling = true
	c.choice.SetModel(gtk.NewStringList(names))
	c.at = min(c.at, max(len(outlets)-1, 0))
	if len(outlets) > 0 {
		c.choice.SetSelected(uint(c.at))
	}
	c.filling = false
}

// arrange shows what of the bar can be used now.
func (c *console) arrange() {
	live := c.stack.VisibleChildName() == "live"
	screen := live && c.screen != nil && c.screen.IsOpen()
	choice := len(c.outlets) > 1 && c.vm != nil && c.vm.State.Active()
	c.choice.SetVisible(choice)
	c.scaling.SetVisible(screen)
	c.keys.SetVisible(screen)
	c.fullscreen.SetVisible(live || c.alone)
	c.bar.SetVisible(live || choice || c.alone)
}

// connect opens what is chosen, unless it is open or cannot be.
func (c *console) connect() {
	c.stopRetrying()
	if !c.wanted || c.open || c.vm == nil || !c.vm.State.Active() || len(c.outlets) == 0 || c.denied != "" {
		c.explain()
		return
	}
	c.attempt++
	c.open = true
	attempt, o, path := c.attempt, c.outlets[c.at], c.vm.Path()
	c.shown, c.index = path, o.index
	c.say(i18n.T("Connecting…"), "", "")
	if o.screen {
		c.service.OpenDisplay(path, o.index, func(socket *os.File, kind string, err error) {
			if c.stale(attempt, socket) {
				return
			}
			if err == nil {
				err = c.showScreen(socket, kind)
			}
			c.failed(err)
		})
		return
	}
	c.service.OpenConsole(path, o.id, func(stream *os.File, err error) {
		if c.stale(attempt, stream) {
			return
		}
		if err == nil {
			err = c.showTerminal(stream)
		}
		c.failed(err)
	})
}

// stale says whether an answer came too late, and gives its descriptor back.
func (c *console) stale(attempt int, f *os.File) bool {
	if attempt == c.attempt && c.open {
		return false
	}
	if f != nil {
		_ = f.Close()
	}
	return true
}

// showScreen uses one widget for one connection after the other: gotk4 never
// frees one.
func (c *console) showScreen(socket *os.File, kind string) error {
	if c.screen == nil {
		c.screen = display.NewScreen(display.Events{
			Connected: func() { c.retry = firstRetry },
			Closed:    c.closed,
			MoreChannels: func(give func(*os.File, error)) {
				c.service.OpenDisplay(c.shown, c.index, func(socket *os.File, _ string, err error) { give(socket, err) })
			},
		})
	}
	// SPICE serves one program at a time: two that come back by themselves
	// would take the screen from each other for ever.
	c.again = kind != "spice"
	c.prefer()
	c.screen.SetScaling(c.mode)
	c.screen.SetName(c.outlets[c.at].name)
	if err := c.screen.Open(socket, kind); err != nil {
		return err
	}
	c.live(c.screen.Widget())
	return nil
}

// prefer applies the preferences.
func (c *console) prefer() {
	p := c.service.Preferences()
	if c.terminal != nil {
		c.terminal.SetReleaseKeys(p.ReleaseKeys...)
	}
	if c.screen != nil {
		c.screen.SetReleaseKeys(p.ReleaseKeys...)
		c.screen.SetGrabKeys(p.GrabShortcuts)
		c.screen.SetShareClipboard(p.ShareClipboard)
	}
}

func (c *console) showTerminal(stream *os.File) error {
	if c.terminal == nil {
		c.terminal = display.NewTerminal(c.closed)
	}
	c.again = true
	c.prefer()
	c.terminal.SetName(c.outlets[c.at].name)
	c.terminal.Clear()
	if err := c.terminal.Open(stream); err != nil {
		return err
	}
	c.retry = firstRetry
	c.live(c.terminal.Widget())
	return nil
}

func (c *console) live(w gtk.Widgetter) {
	c.place.SetChild(w)
	c.stack.SetVisibleChildName("live")
	c.arrange()
	c.focus()
}

// failed says what went wrong; nil is nothing.
func (c *console) failed(err error) {
	if err == nil {
		return
	}
	c.disconnect()
	c.say(i18n.T("The Screen Cannot Be Opened"), whyEnded(err), i18n.T("Try Again"))
}

// whyEnded is a sentence for an error of the service, of a protocol or of its
// library, which has no sentences.
func whyEnded(err error) string {
	var fromService *errs.Error
	switch {
	case err == nil, errors.Is(err, os.ErrClosed):
		return ""
	case errors.As(err, &fromService):
		_, sentence := errs.Of(err)
		return sentence
	}
	return i18n.F("The connection ended: %s.", strings.TrimSuffix(err.Error(), "."))
}

// closed is told when what is open has ended, by us or by the other side.
func (c *console) closed(err error) {
	if !c.open {
		return
	}
	c.disconnect()
	if c.vm == nil || !c.vm.State.Active() {
		c.explain()
		return
	}
	c.say(i18n.T("Disconnected"), whyEnded(err), i18n.T("Connect"))
	if !c.again {
		return
	}
	c.retrying = coreglib.TimeoutAdd(uint(c.retry.Milliseconds()), func() bool {
		if !c.service.Ready() {
			return true // to open it would start a service that somebody has stopped
		}
		c.retrying = 0
		c.connect()
		return false
	})
	c.retry = min(2*c.retry, lastRetry)
}

func (c *console) disconnect() {
	c.stopRetrying()
	c.attempt++
	c.open = false
	c.place.SetChild(nil)
	c.takeKeys(false)
	if c.screen != nil {
		c.screen.Close()
		c.screen.Clear()
	}
	if c.terminal != nil {
		c.terminal.Close()
	}
}

func (c *console) stopRetrying() {
	if c.retrying != 0 {
		coreglib.SourceRemove(c.retrying)
		c.retrying = 0
	}
}

// explain says why there is nothing to see.
func (c *console) explain() {
	switch {
	case c.vm == nil || c.open || c.retrying != 0:
	case !store.Reachable(c.host):
		c.say(i18n.T("The Screen Cannot Be Opened"), words.WhyNot(store.SendKeys, c.vm, c.host, nil), "")
	case !c.vm.State.Active():
		c.say(offTitle(c.vm), i18n.T("Start the virtual machine to see its screen."), i18n.T("Start"))
	case c.denied != "":
		c.say(i18n.T("Not Allowed"), c.denied, "")
	case len(c.outlets) == 0:
		c.say(i18n.T("No Screen"), i18n.T("This virtual machine has neither a VNC or SPICE display nor a serial port. Add one to its configuration, and start it again."), "")
	}
}

// offTitle says why a VM that does not run has no screen.
func offTitle(vm *model.VM) string {
	switch {
	case vm.HasSavedState:
		return i18n.F("“%s” Is Saved", store.Title(vm))
	case vm.State == model.VMCrashed, vm.StateReason == "crashed":
		return i18n.F("“%s” Has Crashed", store.Title(vm))
	default:
		return i18n.F("“%s” Is Off", store.Title(vm))
	}
}

func (c *console) say(title, text, button string) {
	c.status.SetTitle(title)
	describe(c.status, text)
	c.button.SetLabel(button)
	c.button.SetVisible(button != "")
	c.stack.SetVisibleChildName("status")
	c.arrange()
}
