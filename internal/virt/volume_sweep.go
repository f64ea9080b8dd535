package virt

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/service/inventory"
)

const (
	// poolsEvery is how often pools are looked at while somebody watches the
	// host.
	poolsEvery = 5 * time.Second
	// namesUpTo is in how many volumes at most a name that comes in another's
	// place is looked for.
	namesUpTo = 2000
)

var namesSeed = maphash.MakeSeed()

// poolMark tells that volumes came, went or grew: libvirt announces that for
// none but those that were uploaded to.
type poolMark struct {
	volumes               int
	capacity, alloc, left uint64
	names                 uint64 // a hash
}

// poolMarks is what pools looked like the last time, or when their volumes were
// read after that: what came and went between two looks may have been shown.
type poolMarks struct {
	mu     sync.Mutex
	marks  map[string]poolMark // guarded by mu; nil before the first time
	fresh  map[string]bool     // guarded by mu: those that were read since the last look began
	looked time.Time           // guarded by mu
}

// due says whether it is time to look again for who watches.
func (m *poolMarks) due(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.looked) < poolsEvery {
		return false
	}
	m.looked = now
	return true
}

// begin is called before a look.
func (m *poolMarks) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.fresh)
}

// read keeps what a pool looked like just before its volumes were read.
func (m *poolMarks) read(uuid string, mark poolMark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.marks == nil {
		m.marks = map[string]poolMark{}
	}
	if m.fresh == nil {
		m.fresh = map[string]bool{}
	}
	m.marks[uuid], m.fresh[uuid] = mark, true
}

// take replaces the marks and gives the pools that differ.
func (m *poolMarks) take(now map[string]poolMark) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var differ []string
	for uuid, mark := range now {
		if m.fresh[uuid] { // since the look began: the next one tells
			now[uuid] = m.marks[uuid]
			continue
		}
		if old, known := m.marks[uuid]; known && old != mark {
			differ = append(differ, uuid)
		}
	}
	m.marks = now
	return differ
}

// sweepPools has the pools looked at now and then until the connection ends.
func (c *Conn) sweepPools() {
	c.later("", taskPools)
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		ticker := time.NewTicker(sweepEvery)
		defer ticker.Stop()
		for {
			select {
			case <-c.ctx.Done():
				return
			case <-ticker.C:
				c.later("", taskPools)
			}
		}
	}()
}

// lookAtPools announces the pools that differ from the last time, and those that
// have stopped to answer or answer again.
func (c *Conn) lookAtPools(ctx context.Context) {
	c.announceSilent(ctx)
	c.pooled.begin()
	marks, err := readPools(ctx, c, "", markPools)
	if err != nil {
		return // the next time will tell
	}
	for _, uuid := range c.pooled.take(marks) {
		c.hint(inventory.PoolEvent, uuid, false)
	}
}

func markPools(conn *libvirt.Connect) (map[string]poolMark, error) {
	pools, err := conn.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE)
	if err != nil {
		return nil, err
	}
	defer freeRest(pools, (*libvirt.StoragePool).Free)
	marks := make(map[string]poolMark, len(pools))
	for i := range pools {
		if mark, err := markPool(&pools[i]); err == nil {
			marks[uuidOf(&pools[i])] = mark
		}
	}
	return marks, nil
}

func markPool(p *libvirt.StoragePool) (poolMark, error) {
	info, err := p.GetInfo()
	if err != nil {
		return poolMark{}, err
	}
	n, err := p.NumOfStorageVolumes()
	if err != nil {
		return poolMark{}, err
	}
	mark := poolMark{volumes: n, capacity: info.Capacity, alloc: info.Allocation, left: info.Available}
	if n == 0 || n > namesUpTo {
		return mark, nil
	}
	names, err := p.ListStorageVolumes()
	if err != nil {
		return poolMark{}, err
	}
	for _, name := range names {
		mark.names += maphash.String(namesSeed, name) // in any order
	}
	return mark, nil
}
