package inventory

import (
	"context"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// poolOnly is a PoolEvent that leaves the pool's volumes alone.
const poolOnly EventKind = 100

const (
	// volumesTimeout bounds the reading of a pool's volumes.
	volumesTimeout = 2 * time.Minute
	// volumesAtOnce is how many volumes are shown in one update, so that what
	// happens meanwhile is not announced much later.
	volumesAtOnce = 256
	// volumesRest is how long a pool is left alone after its volumes were read,
	// as a multiple of what that took. Each change in a pool with many volumes
	// can cost reading all of them.
	volumesRest = 4
	// volumesSoon is how long after an event a pool is read. Who caused the event
	// mostly asks for a reading as well, which is enough for both.
	volumesSoon = 200 * time.Millisecond
)

// readVolumes reads the volumes of one pool after the other until ctx ends. It
// has a goroutine of its own: some pools hold thousands, and what happens to
// VMs does not wait for that.
func (h *Host) readVolumes(ctx context.Context, conn Conn) {
	rested := map[string]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.volumeQueue.wake:
		}
		k, waiters, ok := h.volumeQueue.take()
		if !ok {
			continue
		}
		if wait := time.Until(rested[k.id]); wait > 0 && len(waiters) == 0 {
			h.later(k, wait)
			continue
		}
		begun := time.Now()
		err := h.readPool(ctx, conn, k.id)
		if err != nil && ctx.Err() == nil {
			h.log.Warn("cannot read the volumes of a storage pool; trying again", "pool_uuid", k.id, "error", err)
			h.later(k, retryDelay)
		}
		rested[k.id] = time.Now().Add(volumesRest * time.Since(begun))
		tell(waiters, err)
	}
}

// queueVolumes has the volumes of pools read.
func (h *Host) queueVolumes(pools []*model.StoragePool) {
	for _, p := range pools {
		h.volumeQueue.add(key{PoolEvent, p.UUID}, nil)
	}
}

// later has a pool read in a while, unless somebody has it read until then.
func (h *Host) later(k key, wait time.Duration) {
	told := time.Now()
	time.AfterFunc(wait, func() {
		h.mu.RLock()
		since := h.lastRead[k.id].After(told)
		h.mu.RUnlock()
		if !since {
			h.volumeQueue.add(k, nil)
		}
	})
}

// readPool reads all volumes of a pool and publishes what changed. Volumes that
// are read for themselves meanwhile are left as they are then.
func (h *Host) readPool(ctx context.Context, conn Conn, pool string) error {
	if p := h.pool(pool); p == nil || !p.Active {
		return nil // its volumes went with it
	}
	ctx, cancel := context.WithTimeout(ctx, volumesTimeout)
	defer cancel()
	h.mu.Lock()
	single := map[string]bool{}
	h.readingNow[pool], h.lastRead[pool] = single, time.Now()
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.readingNow, pool)
		h.mu.Unlock()
	}()
	list, err := conn.Volumes(ctx, pool)
	if errs.Is(err, errs.NotFound) || errs.Is(err, errs.NotSupported) {
		return nil // it has gone, which has been announced, or is of no use
	}
	if err != nil {
		return err
	}
	present := make(map[string]bool, len(list))
	for _, v := range list {
		present[v.Name] = true
	}
	h.applyVolumes(pool, func(u *Update) {
		h.dropVolumes(u, pool, func(name string) bool { return present[name] || single[name] })
	})
	for len(list) > 0 {
		n := min(volumesAtOnce, len(list))
		h.applyVolumes(pool, func(u *Update) {
			for _, v := range list[:n] {
				if !single[v.Name] {
					h.putVolume(u, volumeKey{pool, v.Name}, v)
				}
			}
		})
		list = list[n:]
	}
	return nil
}

// applyVolumes changes the volumes of a pool, if it is still there and active.
func (h *Host) applyVolumes(pool string, change func(*Update)) {
	h.apply(func(u *Update) {
		if p := h.pools[pool]; p != nil && p.Active {
			change(u)
		}
	})
}

// RefreshVolumes reads all volumes of a pool again and returns when what
// changed has been announced.
func (h *Host) RefreshVolumes(ctx context.Context, pool string) error {
	return h.wait(ctx, h.volumeQueue, key{PoolEvent, pool})
}

// RefreshVolume reads one volume again, and returns when what changed has been
// announced.
func (h *Host) RefreshVolume(ctx context.Context, pool, name string) error {
	conn, err := h.Conn()
	if err != nil {
		return err
	}
	return h.readSingle(ctx, func() (volumeKey, *model.StorageVolume, error) {
		k := volumeKey{pool, name}
		h.markSingle(k)
		v, err := conn.Volume(ctx, pool, name)
		return k, v, err
	})
}

// RefreshVolumeAt does the same for the volume at a place on the host, if a
// pool has what is there.
func (h *Host) RefreshVolumeAt(ctx context.Context, place string) error {
	conn, err := h.Conn()
	if err != nil {
		return err
	}
	return h.readSingle(ctx, func() (volumeKey, *model.StorageVolume, error) {
		var k volumeKey
		h.mu.RLock()
		for _, k = range h.volumes.at(place) {
			break
		}
		h.mu.RUnlock()
		h.markSingle(k)
		v, err := conn.VolumeAt(ctx, place)
		if err == nil {
			k = h.keyOf(v)
			h.markSingle(k)
		}
		return k, v, err
	})
}

// readSingle reads a volume for itself, one at a time: what was read first is
// shown first.
func (h *Host) readSingle(ctx context.Context, read func() (volumeKey, *model.StorageVolume, error)) error {
	select {
	case h.singles <- struct{}{}:
		defer func() { <-h.singles }()
	case <-ctx.Done():
		return ctx.Err()
	}
	k, v, err := read()
	switch {
	case errs.Is(err, errs.NotFound):
		h.apply(func(u *Update) { h.dropVolume(u, k) })
		return nil
	case err != nil:
		return err
	}
	h.applyVolumes(k.pool, func(u *Update) { h.putVolume(u, k, v) })
	return nil
}

// markSingle has whoever reads the whole pool right now leave a volume alone.
func (h *Host) markSingle(k volumeKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reading := h.readingNow[k.pool]; reading != nil {
		reading[k.name] = true
	}
}

// keyOf is the key of a volume that was read.
func (h *Host) keyOf(v *model.StorageVolume) volumeKey {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for uuid, p := range h.pools {
		if p.Path() == v.Pool {
			return volumeKey{uuid, v.Name}
		}
	}
	return volumeKey{}
}

func (h *Host) pool(uuid string) *model.StoragePool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.pools[uuid]
}
