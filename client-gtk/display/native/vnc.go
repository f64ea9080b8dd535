package native

// #include <stdlib.h>
// #include "view.h"
// #include "vnc.h"
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

// VNC is a connection that paints into a view.
type VNC struct{ c *C.KvmVnc }

// OpenVNC takes a connected socket over, also when it fails. The view must
// listen already: its listener hears of the connection too.
func OpenVNC(f *os.File, v *View) (*VNC, error) {
	fd, err := take(f)
	if err != nil {
		return nil, fmt.Errorf("cannot take the display's socket over: %w", err)
	}
	return &VNC{c: C.kvm_vnc_open(fd, C.kvm_view_frame(v.c), C.guint64(v.id))}, nil
}

// Close ends the connection without an event. The picture stays.
func (c *VNC) Close() {
	C.kvm_vnc_close(c.c)
	c.c = nil
}

// Key presses or releases a key: a scancode of XT's set 1, 0xe0xx for those
// with that prefix, and a keysym for servers without scancodes.
func (c *VNC) Key(scancode uint16, keysym uint, pressed bool) {
	qemu := uint(scancode & 0x7f)
	if scancode>>8 == 0xe0 {
		qemu |= 0x80
	}
	C.kvm_vnc_key(c.c, C.guint(qemu), C.guint(keysym), fromBool(pressed))
}

// Pointer moves the pointer to a place with these buttons down (bit 0 is the
// left one, then middle, right, and the wheel's four directions).
func (c *VNC) Pointer(buttons uint8, x, y int) {
	C.kvm_vnc_pointer(c.c, C.guint(buttons), C.int(x), C.int(y))
}

// Move moves the pointer by a distance, in relative mode.
func (c *VNC) Move(buttons uint8, dx, dy int) {
	const none = 0x7fff // RFB: QEMU's relative mode counts from here
	C.kvm_vnc_pointer(c.c, C.guint(buttons), C.int(none+dx), C.int(none+dy))
}

// Resize asks for another size of the guest's screen; false when the server
// cannot.
func (c *VNC) Resize(width, height int) bool {
	return toBool(C.kvm_vnc_resize(c.c, C.int(width), C.int(height)))
}

// OfferText gives the guest a text for its clipboard.
func (c *VNC) OfferText(text string) {
	t := C.CString(text)
	defer C.free(unsafe.Pointer(t))
	C.kvm_vnc_text(c.c, t)
}

// SetActive says whether somebody looks; if not, no pictures are sent.
func (c *VNC) SetActive(active bool) { C.kvm_vnc_set_active(c.c, fromBool(active)) }
