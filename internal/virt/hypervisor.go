package virt

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// dialsAtOnce is how many attempts to connect to one URI may be under way,
// together with those that were given up and have not ended: a machine that dies
// before it has answered may keep one for ever.
const dialsAtOnce = 4

// Hypervisor opens connections with libvirt.
type Hypervisor struct {
	log  *slog.Logger
	open func(uri string, log *slog.Logger) (*Conn, error) // open but in tests

	mu    sync.Mutex
	dials map[string]int // guarded by mu: attempts under way by URI
}

var _ inventory.Hypervisor = (*Hypervisor)(nil)

// New makes a Hypervisor that logs what goes wrong in the background.
func New(log *slog.Logger) *Hypervisor {
	return &Hypervisor{log: log, open: open, dials: make(map[string]int)}
}

// Open connects to a libvirt URI; see inventory.Hypervisor. An attempt that
// ctx has given up is closed as soon as it succeeds.
func (h *Hypervisor) Open(ctx context.Context, uri string) (inventory.Conn, error) {
	type result struct {
		conn *Conn
		err  error
	}
	if !h.begin(uri) {
		return nil, errSilent(uri, nil)
	}
	done := make(chan result)
	go func() {
		defer h.end(uri)
		conn, err := h.open(uri, h.log)
		select {
		case done <- result{conn, err}:
		case <-ctx.Done():
			if err == nil {
				conn.Close()
			}
		}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, r.err
		}
		return r.conn, nil
	case <-ctx.Done():
		if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
		return nil, errSilent(uri, ctx.Err())
	}
}

// errSilent says that nobody has answered in time.
func errSilent(uri string, cause error) error {
	return errs.Wrap(errs.Disconnected, cause, "libvirt cannot be reached at %s: It does not answer.", redact(uri))
}

// begin counts an attempt; false when there are too many.
func (h *Hypervisor) begin(uri string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dials[uri] >= dialsAtOnce {
		return false
	}
	h.dials[uri]++
	return true
}

func (h *Hypervisor) end(uri string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dials[uri]--; h.dials[uri] == 0 {
		delete(h.dials, uri)
	}
}
