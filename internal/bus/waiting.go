package bus

import (
	"log/slog"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// maxWaiting is how many messages later nobody expects an answer any longer.
// The bus lets a connection wait for 128.
const maxWaiting = 8192

// waiting is the serials of godbus's calls that have not been answered.
type waiting struct {
	mu      sync.Mutex
	serials map[uint32]struct{}
}

// sent notes a message that godbus writes, if it is a call that wants an
// answer.
func (w *waiting) sent(message []byte) {
	if len(message) < fixedHeader || dbus.Type(message[1]) != dbus.TypeMethodCall || dbus.Flags(message[2])&dbus.FlagNoReplyExpected != 0 {
		return
	}
	order, err := byteOrder(message[0])
	if err != nil {
		return
	}
	serial := order.Uint32(message[8:])
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.serials == nil {
		w.serials = make(map[uint32]struct{})
	}
	if len(w.serials) >= maxWaiting {
		for old := range w.serials {
			if serial-old > maxWaiting {
				delete(w.serials, old)
			}
		}
	}
	w.serials[serial] = struct{}{}
}

// answered reports whether a call with this serial waits for its answer, and
// that it does so no longer.
func (w *waiting) answered(serial uint32) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.serials[serial]
	delete(w.serials, serial)
	return ok
}

// dropped counts messages that were not read, and logs them once a minute at
// most: whoever sends them may send many.
type dropped struct {
	count int
	since time.Time // of the last line
}

func (d *dropped) note(log *slog.Logger, what, sender string) {
	d.count++
	if now := time.Now(); now.Sub(d.since) >= time.Minute {
		log.Warn("messages were dropped", "count", d.count, "last", what, "sender", sender)
		d.count, d.since = 0, now
	}
}
