package display

import (
	"errors"
	"os"

	"org.kvmmanager/client-gtk/display/input"
	"org.kvmmanager/client-gtk/display/native"
)

// listener is a Screen's side that native calls; it exists while the screen is
// open.
type listener struct{ s *Screen }

var _ native.Listener = (*listener)(nil)

func (l *listener) Key(keycode, keysym uint, pressed bool) {
	s := l.s
	key, ok := input.ByKeycode(keycode)
	switch {
	case s.conn == nil || !ok:
	case pressed:
		s.keyboard.Press(s, key, keysym)
	case s.keyboard.Lift(s, key):
		s.keyboard.LiftAll(s)
		s.ReleaseKeyboard()
	}
}

// edge is how near to the view's border, as a part of its size, a mouse's
// pointer comes before it is put back into the middle.
const edge = 0.2

func (l *listener) Motion(x, y float64) {
	s := l.s
	guestX, guestY, ok := s.view.ToGuest(x, y)
	if s.conn == nil || !ok {
		return
	}
	s.pointer.To(s.conn, guestX, guestY, s.grabbed)
	if !s.pointer.Absolute && s.grabbed && s.view.NearEdge(x, y, edge) && s.view.CentrePointer() {
		s.pointer.Jumped()
	}
}

// Button: the click that takes the pointer is not the guest's where that is a
// mouse: its own pointer is somewhere else.
func (l *listener) Button(button uint, pressed bool) {
	s := l.s
	if s.conn == nil {
		return
	}
	taken := s.grabbed
	if pressed {
		s.grab()
	}
	if taken || s.pointer.Absolute {
		s.pointer.Button(s.conn, button, pressed)
	}
}

func (l *listener) Scroll(dx, dy float64) {
	if l.s.conn != nil {
		l.s.pointer.Scroll(l.s.conn, dx, dy)
	}
}

func (l *listener) Focus(focused bool) {
	s := l.s
	s.focused = focused
	if s.conn == nil {
		return
	}
	s.view.WatchClipboard(focused && s.clipboard.share)
	if focused && s.pointer.Absolute {
		s.grab()
		return
	}
	if !focused {
		s.LiftAll()
		s.ungrab()
	}
}

func (l *listener) Mapped(mapped bool) {
	l.s.mapped = mapped
	if l.s.conn != nil {
		l.s.conn.SetActive(mapped)
	}
}

func (l *listener) Sized() { l.s.resizeSoon() }

func (l *listener) Gone() {
	if l.s.conn != nil {
		l.s.gone()
	}
}

func (l *listener) DesktopText(text string) {
	if l.s.conn != nil && l.s.clipboard.fresh(text) {
		l.s.conn.OfferText(text)
	}
}

func (l *listener) GuestText(text string) {
	if l.s.clipboard.fresh(text) {
		l.s.view.SetClipboard(text)
	}
}

func (l *listener) Connected() {
	l.s.resizeSoon()
	l.s.events.connected()
}

func (l *listener) Closed(why string) {
	if l.s.conn != nil {
		l.s.end(errors.New(why))
	}
}

func (l *listener) Resized(width, height int) { l.s.events.resized(width, height) }

// PointerMode: a guest with a tablet draws its own pointer, or says its shape;
// until it does, the desktop's is hidden, as two would be confusing.
func (l *listener) PointerMode(absolute bool) {
	s := l.s
	s.pointer.LiftAll(s.conn)
	s.pointer.Absolute = absolute
	if absolute && s.focused {
		s.grab()
	}
	if absolute || s.grabbed {
		s.view.SetCursor(nil)
	} else {
		s.view.DefaultCursor()
	}
}

func (l *listener) Cursor(shape *native.CursorShape) {
	if l.s.pointer.Absolute {
		l.s.view.SetCursor(shape)
	}
}

func (l *listener) MoreChannels(channel uint64) {
	s := l.s
	conn, isSpice := s.conn.(*native.Spice)
	if !isSpice || s.events.MoreChannels == nil {
		return
	}
	s.events.MoreChannels(func(f *os.File, err error) {
		switch {
		case s.conn != backend(conn):
			if f != nil {
				_ = f.Close()
			}
			return
		case err == nil:
			err = conn.Channel(channel, f)
		}
		if err != nil {
			s.end(err)
		}
	})
}
