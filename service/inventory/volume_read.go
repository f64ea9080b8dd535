package inventory

import (
	"context"
	"maps"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// poolOnly is a PoolEvent that leaves the pool's volumes alone.
const poolOnly EventKind = 100

// allPools has all pools listed.
var allPools = key{kind: PoolEvent}

const (
	// poolTimeout bounds the reading of pools themselves.
	poolTimeout = 10 * time.Second
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

// readVolumes reads the volumes of pools until ctx ends, several pools at once:
// some hold thousands, and some do not answer.
func (h *Host) readVolumes(ctx context.Context, conn Conn) {
	var (
		mu     sync.Mutex
		rested = map[string]time.Time{} // guarded by mu
	)
	reads := &parallel{
		queue: h.volumeQueue,
		read: func(ctx context.Context, k key, asked bool) error {
			mu.Lock()
			wait := time.Until(rested[k.id])
			mu.Unlock()
			if wait > 0 && !asked {
				h.later(k, wait)
				return nil
			}
			begun := time.Now()
			err := h.readPool(ctx, conn, k.id)
			mu.Lock()
			rested[k.id] = time.Now().Add(min(volumesRest*time.Since(begun), longestRetry))
			mu.Unlock()
			return err
		},
		failed: func(k key, times int, err error) {
			if times == 1 {
				h.log.Warn("cannot read the volumes of a storage pool; trying again", "pool_uuid", k.id, "error", err)
			}
			h.later(k, retryAfter(times))
		},
	}
	reads.serve(ctx)
}

// readPools reads storage pools until ctx ends. It is apart from reading VMs:
// libvirt tells nothing about any pool while one of them hangs.
func (h *Host) readPools(ctx context.Context, conn Conn) {
	reads := &parallel{
		queue: h.poolQueue,
		read:  func(ctx context.Context, k key, _ bool) error { return h.rereadPool(ctx, conn, k) },
		failed: func(k key, times int, err error) {
			if times == 1 {
				h.log.Warn("cannot read storage pools; trying again", "pool_uuid", k.id, "error", err)
			}
			time.AfterFunc(retryAfter(times), func() { h.poolQueue.add(k, nil) })
		},
	}
	reads.serve(ctx)
}

// rereadPool reads one pool, or all of them for allPools, and publishes what
// changed.
func (h *Host) rereadPool(ctx context.Context, conn Conn, k key) error {
	ctx, cancel := context.WithTimeout(ctx, poolTimeout)
	defer cancel()
	if k == allPools {
		return h.relistPools(ctx, conn)
	}
	err := readOne(h, k.id, func() (*model.StoragePool, error) { return conn.Pool(ctx, k.id) }, func(u *Update, p *model.StoragePool) {
		h.poolReads[k.id]++
		h.putPool(u, p)
	}, func(u *Update, id string) {
		h.poolReads[id]++
		h.dropPool(u, id)
	})
	if k.kind == PoolEvent {
		h.later(k, volumesSoon)
	}
	return err
}

// relistPools lists all pools. One that was read for itself since the list was asked
// for is read once more: the list may be older.
func (h *Host) relistPools(ctx context.Context, conn Conn) error {
	h.mu.RLock()
	before := maps.Clone(h.poolReads)
	h.mu.RUnlock()
	pools, err := conn.Pools(ctx)
	if errs.Is(err, errs.NotSupported) {
		return nil
	}
	if err != nil {
		return err
	}
	var again []string
	h.apply(func(u *Update) {
		for uuid, n := range h.poolReads {
			if n != before[uuid] {
				again = append(again, uuid)
			}
		}
		h.putPools(u, pools)
		maps.DeleteFunc(h.poolReads, func(uuid string, _ uint64) bool { return h.pools[uuid] == nil })
	})
	for _, uuid := range again {
		h.poolQueue.add(key{poolOnly, uuid}, nil)
	}
	h.queueVolumes(pools)
	return nil
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
	return h.readSingle(ctx, pool, func() (volumeKey, *model.StorageVolume, error) {
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
	var k volumeKey
	h.mu.RLock()
	for _, k = range h.volumes.at(place) {
		break
	}
	h.mu.RUnlock()
	return h.readSingle(ctx, k.pool, func() (volumeKey, *model.StorageVolume, error) {
		h.markSingle(k)
		v, err := conn.VolumeAt(ctx, place)
		if err == nil {
			k = h.keyOf(v)
			h.markSingle(k)
		}
		return k, v, err
	})
}

// readSingle reads a volume for itself, one at a time in each pool: what was read
// first is shown first.
func (h *Host) readSingle(ctx context.Context, pool string, read func() (volumeKey, *model.StorageVolume, error)) error {
	single := h.singleOf(pool)
	select {
	case single <- struct{}{}:
		defer func() { <-single }()
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

// singleOf is what the reader of one volume of a pool has an element in.
func (h *Host) singleOf(pool string) chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.singles[pool] == nil {
		h.singles[pool] = make(chan struct{}, 1)
	}
	return h.singles[pool]
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
