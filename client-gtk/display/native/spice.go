package native

// #include <stdlib.h>
// #include "spice.h"
// #include "view.h"
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

// Spice is a session that paints into a view.
type Spice struct{ c *C.KvmSpice }

// OpenSpice takes a connected socket over, also when it fails. The view must
// listen already: its listener hears of the session too, and is asked for the
// sockets of more channels.
func OpenSpice(f *os.File, v *View) (*Spice, error) {
	fd, err := take(f)
	if err != nil {
		return nil, fmt.Errorf("cannot take the display's socket over: %w", err)
	}
	return &Spice{c: C.kvm_spice_open(fd, C.kvm_view_frame(v.c), C.guint64(v.id))}, nil
}

// Channel takes the socket over that Listener.MoreChannels asked for.
func (c *Spice) Channel(number uint64, f *os.File) error {
	fd, err := take(f)
	if err != nil {
		return fmt.Errorf("cannot take the channel's socket over: %w", err)
	}
	C.kvm_spice_channel(c.c, C.guint64(number), fd)
	return nil
}

// Close ends the session without an event. The picture stays.
func (c *Spice) Close() {
	C.kvm_spice_close(c.c)
	c.c = nil
}

// Key presses or releases a key: a scancode of XT's set 1, 0xe0xx for those
// with that prefix. SPICE has no keysyms.
func (c *Spice) Key(scancode uint16, _ uint, pressed bool) {
	code := uint(scancode & 0x7f)
	if scancode>>8 == 0xe0 {
		code |= 0x100
	}
	C.kvm_spice_key(c.c, C.guint(code), fromBool(pressed))
}

// Pointer moves the pointer to a place with these buttons down (bit 0 is the
// left one, then middle, right, and the wheel's directions up and down).
func (c *Spice) Pointer(buttons uint8, x, y int) {
	C.kvm_spice_pointer(c.c, C.guint(buttons), C.int(x), C.int(y))
}

// Move moves the pointer by a distance, in relative mode.
func (c *Spice) Move(buttons uint8, dx, dy int) {
	C.kvm_spice_move(c.c, C.guint(buttons), C.int(dx), C.int(dy))
}

// Resize asks for another size of the guest's screen; false without an agent
// in the guest.
func (c *Spice) Resize(width, height int) bool {
	return toBool(C.kvm_spice_resize(c.c, C.int(width), C.int(height)))
}

// OfferText gives the guest a text for its clipboard.
func (c *Spice) OfferText(text string) {
	t := C.CString(text)
	defer C.free(unsafe.Pointer(t))
	C.kvm_spice_text(c.c, t)
}

// SetActive does nothing: a SPICE server sends pictures unasked.
func (c *Spice) SetActive(bool) {}
