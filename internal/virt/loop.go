package virt

import (
	"fmt"
	"log/slog"
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
func startLoop() error {
	if err := libvirt.EventRegisterDefaultImpl(); err != nil {
		return fmt.Errorf("cannot start libvirt's event loop: %w", err)
	}
	go func() {
		for {
			if err := libvirt.EventRunDefaultImpl(); err != nil {
				slog.Error("libvirt's event loop failed; trying again", "error", err)
				time.Sleep(time.Second)
			}
		}
	}()
	return nil
}
