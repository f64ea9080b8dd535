package virt

/*
#cgo pkg-config: libvirt
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

// run_events serves events until that fails, and says why.
static const char *run_events(void) {
	while (virEventRunDefaultImpl() >= 0)
		;
	return virGetLastErrorMessage();
}
*/
import "C"

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"libvirt.org/go/libvirt"
)

// loopStart guards the one event loop of the process. libvirt keeps its event
// implementation in a global, so this is the one global here.
var loopStart = sync.OnceValue(startLoop)

// startLoop registers libvirt's event loop and runs it for ever. It must come
// before the first connection: without it closed sockets would leak and no
// event would arrive.
//
// The loop is in C. It turns several times for each call into libvirt and for
// each keepalive of an idle connection, and Go need not wake up for that.
func startLoop() error {
	if err := libvirt.EventRegisterDefaultImpl(); err != nil {
		return fmt.Errorf("cannot start libvirt's event loop: %w", err)
	}
	go func() {
		runtime.LockOSThread() // libvirt keeps its last error per thread
		for {
			why := C.GoString(C.run_events())
			slog.Error("libvirt's event loop failed; trying again", "error", why)
			time.Sleep(time.Second)
		}
	}()
	return nil
}
