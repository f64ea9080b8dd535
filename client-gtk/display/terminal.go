package display

import (
	"os"
	"syscall"

	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display/input"
	"org.kvmmanager/client-gtk/display/native"
)

// Terminal is a widget for a guest's serial console. Ctrl+Shift+C and
// Ctrl+Shift+V copy and paste, the release keys give the keyboard back; all
// other keys are the guest's.
type Terminal struct {
	widget   gtk.Widgetter // keeps term valid
	term     *native.Terminal
	closed   func(err error)
	open     bool
	keyboard input.Keyboard // only to notice the release keys
}

// NewTerminal makes a terminal that is joined to nothing yet. closed, which may
// be nil, is called on the main loop when a connection ends, once for each Open
// that gave no error: with nil after Close or when the guest's side was closed
// in an orderly way.
func NewTerminal(closed func(err error)) *Terminal {
	widget, term := native.NewTerminal()
	t := &Terminal{term: term, closed: closed}
	t.widget = coreglib.Take(widget).Cast().(gtk.Widgetter)
	t.watchKeys()
	return t
}

// watchKeys looks for the release keys before the terminal sees them.
func (t *Terminal) watchKeys() {
	keys := gtk.NewEventControllerKey()
	keys.SetPropagationPhase(gtk.PhaseCapture)
	keys.ConnectKeyPressed(func(_, keycode uint, _ gdk.ModifierType) bool {
		if key, ok := input.ByKeycode(keycode); ok {
			t.keyboard.Press(nobody{}, key, 0)
		}
		return false
	})
	keys.ConnectKeyReleased(func(_, keycode uint, _ gdk.ModifierType) {
		if key, ok := input.ByKeycode(keycode); ok && t.keyboard.Lift(nobody{}, key) {
			t.ReleaseKeyboard()
		}
	})
	focus := gtk.NewEventControllerFocus()
	focus.ConnectLeave(t.keyboard.Forget)
	widget := gtk.BaseWidget(t.widget)
	widget.AddController(keys)
	widget.AddController(focus)
}

// nobody is who gets the keys of a terminal from its keyboard: it sends text by
// itself.
type nobody struct{}

func (nobody) SendKey(input.Key, uint, bool) {}

// SetReleaseKeys chooses the keys that give the keyboard back, as those of a
// Screen do.
func (t *Terminal) SetReleaseKeys(names ...string) { t.keyboard.Release = known(names) }

// ReleaseKeyboard gives the keyboard back to the desktop, until the terminal is
// clicked or focused again.
func (t *Terminal) ReleaseKeyboard() {
	t.keyboard.Forget()
	if root := gtk.BaseWidget(t.widget).Root(); root != nil {
		root.SetFocus(nil)
	}
}

// Widget is what belongs into the window.
func (t *Terminal) Widget() gtk.Widgetter { return t.widget }

// Focus takes the keyboard.
func (t *Terminal) Focus() { t.term.Focus() }

// SetName says what a screen reader calls the terminal.
func (t *Terminal) SetName(name string) { t.term.SetName(name) }

// Open joins the terminal to a connected descriptor. It takes the file over,
// also when it fails, and closes what was open before.
func (t *Terminal) Open(f *os.File) error {
	t.Close()
	err := t.term.Open(f, func(errno int) {
		if errno == 0 {
			t.end(nil)
			return
		}
		t.end(syscall.Errno(errno))
	})
	t.open = err == nil
	return err
}

// Close closes the descriptor, if there is one. What was shown stays.
func (t *Terminal) Close() {
	if t.open {
		t.term.Close()
		t.end(nil)
	}
}

// Clear forgets what was shown.
func (t *Terminal) Clear() { t.term.Clear() }

// IsOpen is whether closed is still to come.
func (t *Terminal) IsOpen() bool { return t.open }

// Copy puts the selected text into the clipboard.
func (t *Terminal) Copy() { t.term.Copy() }

// Paste types the clipboard's text.
func (t *Terminal) Paste() { t.term.Paste() }

// Type sends text to the guest as if it was typed.
func (t *Terminal) Type(text string) { t.term.Type(text) }

// Text is what the terminal shows.
func (t *Terminal) Text() string { return t.term.Text() }

func (t *Terminal) end(err error) {
	t.open = false
	if t.closed != nil {
		t.closed(err)
	}
}
