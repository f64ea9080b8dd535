package display

import coreglib "github.com/diamondburned/gotk4/pkg/core/glib"

// Scaling is how a picture is put into the widget.
type Scaling int

// The ways to put a picture into the widget.
const (
	// Fit makes the picture as large as fits and keeps its proportions.
	Fit Scaling = iota
	// Original shows a guest's pixel on a device pixel, and scrolls.
	Original
	// ResizeGuest asks the guest for a screen of the widget's size in device
	// pixels. Until the guest has it, and where it cannot, it is like Fit.
	ResizeGuest
)

// settle is for how long a size, in milliseconds, has to stay the same before
// the guest is asked for it: while a window is dragged, it changes all the time.
const settle = 300

// smallest is the least width and height to ask a guest for.
const smallest = 320

// SetScaling chooses how the picture is put into the widget.
func (s *Screen) SetScaling(scaling Scaling) {
	s.scaling = scaling
	s.view.SetOriginal(scaling == Original)
	s.resizeSoon()
}

// Scaling is what SetScaling chose.
func (s *Screen) Scaling() Scaling { return s.scaling }

// resizeSoon asks the guest for another size once the present one has settled.
func (s *Screen) resizeSoon() {
	s.stopResizing()
	if s.conn == nil || s.scaling != ResizeGuest {
		return
	}
	s.resizing = coreglib.TimeoutAdd(settle, func() {
		s.resizing = 0
		s.resizeGuest()
	})
}

func (s *Screen) stopResizing() {
	if s.resizing != 0 {
		coreglib.SourceRemove(s.resizing)
		s.resizing = 0
	}
}

// resizeGuest asks for even numbers, which is what graphics cards can do.
func (s *Screen) resizeGuest() {
	width, height := s.view.DeviceSize()
	if s.conn == nil || width <= 0 || height <= 0 {
		return
	}
	s.conn.Resize(max(width, smallest)&^7, max(height, smallest)&^1)
}
