package native

// #include <stdlib.h>
// #include "terminal.h"
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

// Terminal is a serial console's widget.
type Terminal struct {
	c  *C.KvmTerminal
	id uint64
}

// NewTerminal makes the widget and gives a floating reference to what belongs
// into a window, a GtkScrolledWindow with the terminal in it.
func NewTerminal() (widget unsafe.Pointer, t *Terminal) {
	t = &Terminal{}
	widget = unsafe.Pointer(C.kvm_terminal_new(&t.c))
	return widget, t
}

// Open takes a connected descriptor over, also when it fails; closed hears of
// its end once, unless Close comes first. errno is 0 for an orderly end.
func (t *Terminal) Open(f *os.File, closed func(errno int)) error {
	t.Close()
	fd, err := take(f)
	if err != nil {
		return fmt.Errorf("cannot take the console's socket over: %w", err)
	}
	lastID++
	t.id = lastID
	id := t.id
	terminals[id] = func(errno int) {
		delete(terminals, id)
		closed(errno)
	}
	C.kvm_terminal_open(t.c, fd, C.guint64(id))
	return nil
}

// Close closes the descriptor without an event. What was shown stays.
func (t *Terminal) Close() {
	delete(terminals, t.id)
	C.kvm_terminal_close(t.c)
}

// Clear forgets what was shown.
func (t *Terminal) Clear() { C.kvm_terminal_clear(t.c) }

// Copy puts the selection into the clipboard.
func (t *Terminal) Copy() { C.kvm_terminal_copy(t.c) }

// Paste types the clipboard's text.
func (t *Terminal) Paste() { C.kvm_terminal_paste(t.c) }

// Focus takes the keyboard.
func (t *Terminal) Focus() { C.kvm_terminal_focus(t.c) }

// SetName says what a screen reader calls the terminal.
func (t *Terminal) SetName(name string) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	C.kvm_terminal_name(t.c, c)
}

// Type sends text as if it was typed.
func (t *Terminal) Type(text string) {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	C.kvm_terminal_type(t.c, c)
}

// Text is what the terminal shows.
func (t *Terminal) Text() string {
	c := C.kvm_terminal_text(t.c)
	defer C.g_free(C.gpointer(c))
	return C.GoString(c)
}
