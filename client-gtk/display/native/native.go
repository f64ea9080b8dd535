// Package native is the C in the client: the widget that shows a guest's
// screen, and small glue over libgvnc, spice-client-glib and VTE.
//
// It knows no Go binding of GTK, so it builds and is tested in seconds; package
// display turns what it has into types of gotk4. Everything here belongs on
// GTK's main thread. A View and a Terminal are pointers into their widgets:
// they are valid as long as the widget is, which whoever calls New has to see
// to. C knows Go's side only by numbers, so neither keeps the other alive.
package native

/*
#cgo pkg-config: gtk4 gtk4-x11 x11 gvnc-1.0 spice-client-glib-2.0 vte-2.91-gtk4
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -Wno-deprecated-declarations
#include <stdlib.h>
#include "spice.h"
#include "terminal.h"
#include "view.h"
#include "vnc.h"
*/
import "C"

import (
	"os"

	"golang.org/x/sys/unix"
)

// take gives a copy of a file's descriptor that is C's, and closes the file.
func take(f *os.File) (C.int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	defer f.Close()
	fd := -1
	var failed error
	if err := raw.Control(func(own uintptr) {
		fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return -1, err
	}
	return C.int(fd), failed
}

func toBool(b C.gboolean) bool { return b != 0 }

func fromBool(b bool) C.gboolean {
	if b {
		return 1
	}
	return 0
}
