package virt

import (
	"context"
	"log/slog"

	"org.kvmmanager/service/inventory"
)

// Hypervisor opens connections with libvirt.
type Hypervisor struct{ log *slog.Logger }

var _ inventory.Hypervisor = (*Hypervisor)(nil)

// New makes a Hypervisor that logs what goes wrong in the background.
func New(log *slog.Logger) *Hypervisor { return &Hypervisor{log: log} }

// Open connects to a libvirt URI; see inventory.Hypervisor. An attempt that
// ctx has given up is closed as soon as it succeeds.
func (h *Hypervisor) Open(ctx context.Context, uri string) (inventory.Conn, error) {
	type result struct {
		conn *Conn
		err  error
	}
	done := make(chan result)
	go func() {
		conn, err := open(uri, h.log)
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
		return nil, ctx.Err()
	}
}
