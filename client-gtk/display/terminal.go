package display

import (
	"os"
	"syscall"

	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display/native"
)

// Terminal is a widget for a guest's serial console. Ctrl+Shift+C and
// Ctrl+Shift+V copy and paste; all other keys are the guest's.
type Terminal struct {
	widget gtk.Widgetter // keeps term valid
	term   *native.Terminal
	closed func(err error)
	open   bool
}

// NewTerminal makes a terminal that is joined to nothing yet. closed, which may
// be nil, is called on the main loop when a connection ends, once for each Open
// that gave no error: with nil after Close or when the guest's side was closed
// in an orderly way.
func NewTerminal(closed func(err error)) *Terminal {
	widget, term := native.NewTerminal()
	t := &Terminal{term: term, closed: closed}
	t.widget = coreglib.Take(widget).Cast().(gtk.Widgetter)
	return t
}

// Widget is what belongs into the window.
func (t *Terminal) Widget() gtk.Widgetter { return t.widget }

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
