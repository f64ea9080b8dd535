package native

// #include <stdlib.h>
// #include "view.h"
import "C"

import "unsafe"

// View is the widget that shows a guest's screen.
type View struct {
	c  *C.KvmView
	id uint64
}

// CursorShape is the shape of a pointer: straight RGBA, and the pixel that
// points.
type CursorShape struct {
	RGBA                      []byte
	Width, Height, HotX, HotY int
}

// NewView makes the widget and gives a floating reference to what belongs into
// a window, a GtkScrolledWindow with the view in it.
func NewView() (widget unsafe.Pointer, v *View) {
	v = &View{}
	widget = unsafe.Pointer(C.kvm_view_new(&v.c))
	return widget, v
}

// Listen sends the view's events to l; with nil to nobody.
func (v *View) Listen(l Listener) {
	forget(v.id)
	v.id = 0
	if l != nil {
		v.id = listen(l)
	}
	C.kvm_view_set_id(v.c, C.guint64(v.id))
}

// Abandon is for a widget that is gone: it forgets the listener only.
func (v *View) Abandon() {
	forget(v.id)
	v.id = 0
}

// SetOriginal shows a guest's pixel on a device pixel, and scrolls; otherwise
// the picture fits the view.
func (v *View) SetOriginal(original bool) {
	scaling := C.KvmScaling(C.KVM_SCALING_FIT)
	if original {
		scaling = C.KVM_SCALING_ORIGINAL
	}
	C.kvm_view_set_scaling(v.c, scaling)
}

// SetCursor gives the pointer over the view a shape; nil hides it.
func (v *View) SetCursor(shape *CursorShape) {
	if shape == nil || len(shape.RGBA) == 0 {
		C.kvm_view_set_cursor(v.c, nil, 0, 0, 0, 0)
		return
	}
	C.kvm_view_set_cursor(v.c, (*C.guint8)(unsafe.Pointer(&shape.RGBA[0])),
		C.int(shape.Width), C.int(shape.Height), C.int(shape.HotX), C.int(shape.HotY))
}

// DefaultCursor gives the pointer over the view the desktop's own shape.
func (v *View) DefaultCursor() { C.kvm_view_default_cursor(v.c) }

// InhibitShortcuts asks the desktop to let Alt+Tab and the like through, or to
// have them back.
func (v *View) InhibitShortcuts(inhibit bool) {
	C.kvm_view_inhibit_shortcuts(v.c, fromBool(inhibit))
}

// Focus takes the keyboard's focus or gives it back to the window.
func (v *View) Focus(focus bool) { C.kvm_view_focus(v.c, fromBool(focus)) }

// SetName says what a screen reader calls the view.
func (v *View) SetName(name string) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	C.kvm_view_name(v.c, c)
}

// Keysym is what a hardware keycode means without modifiers.
func (v *View) Keysym(keycode uint) uint {
	return uint(C.kvm_view_keysym(v.c, C.guint(keycode)))
}

// ToGuest is the guest's pixel at a point of the view; false without picture.
func (v *View) ToGuest(x, y float64) (guestX, guestY int, ok bool) {
	var gx, gy C.int
	ok = toBool(C.kvm_view_to_guest(v.c, C.double(x), C.double(y), &gx, &gy))
	return int(gx), int(gy), ok
}

// DeviceSize is the view's size in device pixels.
func (v *View) DeviceSize() (width, height int) {
	var w, h C.int
	C.kvm_view_device_size(v.c, &w, &h)
	return int(w), int(h)
}

// CentrePointer puts the desktop's pointer into the middle; false where the
// desktop does not let a program do that.
func (v *View) CentrePointer() bool { return toBool(C.kvm_view_centre_pointer(v.c)) }

// SetClipboard gives the desktop's clipboard a text.
func (v *View) SetClipboard(text string) {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	C.kvm_view_set_clipboard(v.c, c)
}

// WatchClipboard starts or stops Listener.DesktopText.
func (v *View) WatchClipboard(watch bool) { C.kvm_view_watch_clipboard(v.c, fromBool(watch)) }

// Texture is a new reference to a GdkTexture of the whole picture, or nil.
func (v *View) Texture() unsafe.Pointer {
	return unsafe.Pointer(C.kvm_frame_texture(C.kvm_view_frame(v.c)))
}

// HasPicture is whether the guest's screen has a size.
func (v *View) HasPicture() bool { return C.kvm_frame_width(C.kvm_view_frame(v.c)) > 0 }

// Clear forgets the picture.
func (v *View) Clear() { C.kvm_frame_clear(C.kvm_view_frame(v.c)) }

// NearEdge is whether a point of the view is nearer to its border than a part
// of its size.
func (v *View) NearEdge(x, y, part float64) bool {
	return toBool(C.kvm_view_near_edge(v.c, C.double(x), C.double(y), C.double(part)))
}
