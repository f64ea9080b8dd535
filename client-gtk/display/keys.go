package display

import "org.kvmmanager/client-gtk/display/input"

// SendKeys presses keys together, in order, and releases them again. They have
// Linux's names, such as KEY_LEFTCTRL; unknown ones are left out.
func (s *Screen) SendKeys(names ...string) {
	if s.conn == nil {
		return
	}
	input.Type(s, known(names), func(k input.Key) uint { return s.view.Keysym(k.Keycode()) })
}

// SetReleaseKeys chooses the keys that give keyboard and pointer back when they
// are pressed and released together, with no other key. None: only
// ReleaseKeyboard does.
func (s *Screen) SetReleaseKeys(names ...string) { s.keyboard.Release = known(names) }

// SetGrabKeys chooses whether the guest gets the desktop's shortcuts, such as
// Alt+Tab, while the screen has the focus.
func (s *Screen) SetGrabKeys(grab bool) {
	s.grabKeys = grab
	if s.grabbed {
		s.view.InhibitShortcuts(grab)
	}
}

// ReleaseKeyboard gives keyboard and pointer back to the desktop, until the
// screen is clicked or focused again.
func (s *Screen) ReleaseKeyboard() {
	s.ungrab()
	s.view.Focus(false)
}

// LiftAll releases the keys and buttons that are down in the guest.
func (s *Screen) LiftAll() {
	if s.conn != nil {
		s.keyboard.LiftAll(s)
		s.pointer.LiftAll(s.conn)
	}
}

// SendKey implements input.Sender.
func (s *Screen) SendKey(k input.Key, keysym uint, pressed bool) {
	if s.conn != nil {
		s.conn.Key(k.Scancode, keysym, pressed)
	}
}

func known(names []string) []input.Key {
	var keys []input.Key
	for _, name := range names {
		if k, ok := input.ByName(name); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// grab gives the guest the keyboard, and the pointer where it is a mouse.
func (s *Screen) grab() {
	if s.grabbed || s.conn == nil {
		return
	}
	s.grabbed = true
	s.view.InhibitShortcuts(s.grabKeys)
	if !s.pointer.Absolute {
		s.view.SetCursor(nil)
	}
}

// ungrab gives them back.
func (s *Screen) ungrab() {
	if !s.grabbed {
		return
	}
	s.grabbed = false
	s.LiftAll()
	s.view.InhibitShortcuts(false)
	if !s.pointer.Absolute {
		s.view.DefaultCursor()
	}
}
