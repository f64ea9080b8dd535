package virt

import (
	"maps"
	"sync"

	"org.kvmmanager/internal/model"
)

// bases is the base images of volumes as they were last read, so that what a disk
// depends on is known while its pool is not active. A volume without a base image
// is kept with an empty one, unless its format cannot have any.
type bases struct {
	mu     sync.Mutex
	byPool map[string]map[string]base // guarded by mu, by the pool's UUID and the volume's name
}

// base is the base image of the volume at a path.
type base struct{ path, backing string }

// note keeps what was read of a volume.
func (b *bases) note(pool string, v *model.StorageVolume) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(pool, v)
}

// noteAll replaces what is known of a pool's volumes.
func (b *bases) noteAll(pool string, volumes []*model.StorageVolume) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.byPool, pool)
	for _, v := range volumes {
		b.set(pool, v)
	}
}

// set is note with mu held.
func (b *bases) set(pool string, v *model.StorageVolume) {
	if imageFormat(v.Format) == "raw" && v.Backing == "" {
		delete(b.byPool[pool], v.Name)
		return
	}
	if b.byPool == nil {
		b.byPool = map[string]map[string]base{}
	}
	if b.byPool[pool] == nil {
		b.byPool[pool] = map[string]base{}
	}
	b.byPool[pool][v.Name] = base{v.Place, v.Backing}
}

// retain forgets the pools that are not in the list.
func (b *bases) retain(pools []*model.StoragePool) {
	there := make(map[string]bool, len(pools))
	for _, p := range pools {
		there[p.UUID] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.byPool, func(pool string, _ map[string]base) bool { return !there[pool] })
}

// named returns what is known of a volume of a pool; false for nothing.
func (b *bases) named(pool, volume string) (base, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, known := b.byPool[pool][volume]
	return v, known
}

// at returns the base image that an image had; false if that is not known.
func (b *bases) at(id imageID) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, volumes := range b.byPool {
		for _, v := range volumes {
			if v.path == id.path || v.path == id.spelled {
				return v.backing, true
			}
		}
	}
	return "", false
}

// of returns the base images that the volumes of a pool had, by name.
func (b *bases) of(pool string) map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := map[string]string{}
	for name, v := range b.byPool[pool] {
		if v.backing != "" {
			list[name] = v.backing
		}
	}
	return list
}
