package objects

import (
	"context"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/unfinished"
)

const (
	// soonest and latest are how long after one attempt at clearing up the next
	// one comes, while there is something to do.
	soonest = time.Second
	latest  = 5 * time.Minute
	// longest is for how long a VM that could not be taken back is nobody's. Who
	// has seen it later may use it, perhaps with other programs, and keeps it.
	longest = 10 * time.Minute
	// clearTimeout bounds one removal.
	clearTimeout = time.Minute
)

// ClearUp removes what jobs have left that never ended, those of earlier processes
// first, until ctx ends. A host that is not connected, or a pool that is not
// active, has to wait.
func (s *Service) ClearUp(ctx context.Context) {
	pause := soonest
	for {
		s.clearOnce(ctx)
		var again <-chan time.Time
		if s.unfinished.Waiting() {
			again, pause = time.After(pause), min(2*pause, latest)
		}
		select {
		case <-again:
		case <-s.unfinished.Wake():
			pause = soonest
		case <-ctx.Done():
			return
		}
	}
}

// clearOnce tries everything once. The volumes of a host wait for its VMs, which
// may use them.
func (s *Service) clearOnce(ctx context.Context) {
	blocked := map[string]bool{}
	for _, note := range s.unfinished.Left() {
		item := note.Item()
		if blocked[item.Host] || !s.cleared(ctx, item) {
			blocked[item.Host] = blocked[item.Host] || item.VM != ""
			note.Keep()
			continue
		}
		note.Done()
	}
}

// cleared says whether nothing is left to do about an item.
func (s *Service) cleared(ctx context.Context, item unfinished.Item) bool {
	host := s.inventory.Host(model.HostPath(item.Host))
	if host == nil {
		return false // it may be added again
	}
	if age := time.Since(time.Unix(item.Since, 0)); item.VM != "" && age > longest {
		s.log.Warn("what an operation left that did not end stays, for somebody may use it by now", "host", item.Host, "vm_uuid", item.VM, "age", age)
		return true
	}
	conn, err := host.Conn()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, clearTimeout)
		defer cancel()
		err = s.remove(ctx, host, conn, item)
	}
	switch {
	case err == nil:
		s.log.Info("removed what an operation left that did not end", "host", item.Host, "pool", item.Pool, "volume", item.Volume, "vm_uuid", item.VM)
		return true
	case errs.Is(err, errs.NotFound), errs.Is(err, errs.DeviceInUse):
		return true
	case item.VM != "" && errs.Is(err, errs.InvalidState): // somebody has started it
		return true
	default:
		s.log.Debug("cannot clear up yet", "host", item.Host, "pool", item.Pool, "volume", item.Volume, "error", err)
		return false
	}
}

func (s *Service) remove(ctx context.Context, host *inventory.Host, conn inventory.Conn, item unfinished.Item) error {
	if item.VM != "" {
		err := conn.Delete(ctx, item.VM)
		_ = host.Refresh(ctx, item.VM) // it may be the first to know
		return err
	}
	var err error
	if item.Made {
		err = conn.DropUnwanted(ctx, item.Pool, item.Volume)
	} else {
		err = conn.DropUnused(ctx, item.Pool, item.Volume, item.Copy)
	}
	_ = host.RefreshVolume(ctx, item.Pool, item.Volume)
	_ = host.RefreshPool(ctx, item.Pool)
	return err
}
