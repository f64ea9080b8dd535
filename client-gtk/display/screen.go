package display

import (
	"errors"
	"os"

	coreglib "github.com/diamondburned/gotk4/pkg/core/glib"
	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display/input"
	"org.kvmmanager/client-gtk/display/native"
)

// Screen is a widget that shows a guest's screen and gives the guest the
// keyboard and the pointer.
type Screen struct {
	events Events
	widget gtk.Widgetter // keeps the view valid
	view   *native.View

	conn     backend // nil while closed
	kind     string
	scaling  Scaling
	mapped   bool
	resizing coreglib.SourceHandle

	keyboard  input.Keyboard
	pointer   input.Pointer
	grabKeys  bool // asked for
	grabbed   bool // had
	focused   bool
	clipboard clipboard
}

// NewScreen makes a screen that shows nothing yet. It takes the desktop's
// shortcuts while it has the focus and gives them back on Ctrl+Alt.
func NewScreen(e Events) *Screen {
	widget, view := native.NewView()
	s := &Screen{events: e, view: view, grabKeys: true}
	s.widget = coreglib.Take(widget).Cast().(gtk.Widgetter)
	s.clipboard.share = true
	s.SetReleaseKeys("KEY_LEFTCTRL", "KEY_LEFTALT")
	return s
}

// Widget is what belongs into the window.
func (s *Screen) Widget() gtk.Widgetter { return s.widget }

// SetName says what a screen reader calls the screen.
func (s *Screen) SetName(name string) { s.view.SetName(name) }

// Focus takes the keyboard.
func (s *Screen) Focus() { s.view.Focus(true) }

// Open shows the display at the other end of a connected socket, whose
// authentication libvirt has skipped. kind is "vnc" or "spice". It takes the
// file over, also when it fails, and closes what was open before.
func (s *Screen) Open(f *os.File, kind string) error {
	s.Close()
	s.view.Listen(&listener{s})
	conn, err := dial(f, kind, s.view)
	if err != nil {
		s.view.Listen(nil)
		return err
	}
	s.conn, s.kind = conn, kind
	s.pointer.Forget()
	s.keyboard.Forget()
	s.mapped = gtk.BaseWidget(s.widget).Mapped()
	conn.SetActive(s.mapped)
	return nil
}

// IsOpen is whether Closed is still to come.
func (s *Screen) IsOpen() bool { return s.conn != nil }

// Close ends the connection, if there is one. The picture stays.
func (s *Screen) Close() {
	if s.conn == nil {
		return
	}
	s.LiftAll()
	s.end(nil)
}

// Clear forgets the picture.
func (s *Screen) Clear() { s.view.Clear() }

// HasPicture is whether anything is shown.
func (s *Screen) HasPicture() bool { return s.view.HasPicture() }

// Picture is what is shown, in the guest's own size, for screenshots; nil when
// nothing is.
func (s *Screen) Picture() *gdk.Texture {
	texture := s.view.Texture()
	if texture == nil {
		return nil
	}
	return gdk.BaseTexture(coreglib.AssumeOwnership(texture).Cast().(gdk.Texturer))
}

// end closes the connection and says so.
func (s *Screen) end(err error) {
	conn := s.conn
	s.conn = nil
	s.ungrab()
	s.stopResizing()
	s.clipboard.forget()
	s.view.WatchClipboard(false)
	s.view.DefaultCursor()
	s.view.Listen(nil)
	conn.Close()
	s.events.closed(err)
}

// gone is for a widget that is destroyed while it shows something: its view
// must not be touched any more.
func (s *Screen) gone() {
	conn := s.conn
	s.conn = nil
	s.grabbed = false
	s.stopResizing()
	s.view.Abandon()
	conn.Close()
	s.events.closed(errors.New("the window was closed"))
}
