package native

// Listener hears of what a View and its connection do, on the main loop.
type Listener interface {
	// Key: a hardware keycode (evdev's plus 8) and the keysym it has now.
	Key(keycode, keysym uint, pressed bool)
	// Motion: the pointer is there, in the view's own units.
	Motion(x, y float64)
	// Button: GDK's number of it, 1 is the left one.
	Button(button uint, pressed bool)
	// Scroll: clicks of a wheel and parts of one, down and right positive.
	Scroll(dx, dy float64)
	// Focus: the view got or lost the keyboard.
	Focus(focused bool)
	// Mapped: whether the view is on screen at all.
	Mapped(mapped bool)
	// Sized: the view, or a pixel, has another size.
	Sized()
	// Gone: the widget goes away; the View must not be used any more.
	Gone()
	// DesktopText: the desktop's clipboard has this text (while watched).
	DesktopText(text string)

	// Connected: pictures are on their way.
	Connected()
	// Closed: the connection ended by itself, for this reason.
	Closed(why string)
	// Resized: the guest's screen has this size.
	Resized(width, height int)
	// PointerMode: whether the guest wants places (absolute) or movements.
	PointerMode(absolute bool)
	// Cursor: the guest's pointer has this shape; nil hides it. The bytes
	// are valid during the call only.
	Cursor(shape *CursorShape)
	// GuestText: the guest's clipboard has this text.
	GuestText(text string)
	// MoreChannels: SPICE needs another connection, to be handed over by
	// Spice.Channel with this number.
	MoreChannels(channel uint64)
}

// listeners is who hears what C says, by the id that C knows. It is used on
// the main thread only.
var (
	listeners = map[uint64]Listener{}
	terminals = map[uint64]func(errno int){}
	lastID    uint64
)

// listen gives a listener an id; forget takes it back, after which C may still
// say it and nothing happens.
func listen(l Listener) uint64 {
	lastID++
	listeners[lastID] = l
	return lastID
}

func forget(id uint64) { delete(listeners, id) }

// Listening is how many connections are open, for tests that look for leaks.
func Listening() int { return len(listeners) + len(terminals) }
