package inventory

import (
	"reflect"
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// volumeRoom bounds what a host's volumes add to a list of all objects, in
// bytes, so that it still fits into one message: that of some 25,000 volumes.
const volumeRoom = 16 << 20

// volumeKey names a volume: its pool's UUID and its name.
type volumeKey struct{ pool, name string }

// volumeSet is the volumes that a host shows. The host's mu guards it.
type volumeSet struct {
	pools  map[string]map[string]*model.StorageVolume // by the pool's UUID and the name
	places map[string]volumeKey
	used   map[volumeKey][]model.Path // the VMs of those that have any
	room   int                        // bytes that are left of volumeRoom
}

func newVolumeSet() volumeSet {
	return volumeSet{
		pools: map[string]map[string]*model.StorageVolume{}, places: map[string]volumeKey{},
		used: map[volumeKey][]model.Path{}, room: volumeRoom,
	}
}

// volumeCost is about what a volume adds to a list of all objects, in bytes.
func volumeCost(v *model.StorageVolume) int {
	const fixed = 400
	return fixed + 5*len(v.Name) + len(v.Place) + len(v.Backing)
}

func (s *volumeSet) get(k volumeKey) *model.StorageVolume { return s.pools[k.pool][k.name] }

// set stores a volume; false when there is no room for it.
func (s *volumeSet) set(k volumeKey, v *model.StorageVolume) bool {
	if old := s.get(k); old != nil {
		s.remove(k, old)
	}
	if s.room < volumeCost(v) {
		return false
	}
	if s.pools[k.pool] == nil {
		s.pools[k.pool] = map[string]*model.StorageVolume{}
	}
	s.pools[k.pool][k.name] = v
	s.room -= volumeCost(v)
	if v.Place != "" {
		s.places[v.Place] = k
	}
	return true
}

func (s *volumeSet) remove(k volumeKey, v *model.StorageVolume) {
	delete(s.pools[k.pool], k.name)
	if len(s.pools[k.pool]) == 0 {
		delete(s.pools, k.pool)
	}
	s.room += volumeCost(v)
	if s.places[v.Place] == k {
		delete(s.places, v.Place)
	}
}

// at is the volume at a place on the host; nil when there is none.
func (s *volumeSet) at(place string) (volumeKey, *model.StorageVolume) {
	k, known := s.places[place]
	if !known {
		return k, nil
	}
	return k, s.get(k)
}

// Volume is the volume with this name in a pool; nil when there is none.
func (h *Host) Volume(pool, name string) *model.StorageVolume {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.volumes.get(volumeKey{pool, name})
}

// VolumeAt is the volume at a place on the host; nil when none is shown.
func (h *Host) VolumeAt(place string) *model.StorageVolume {
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, v := h.volumes.at(place)
	return v
}

// Volumes lists the volumes of a pool by name.
func (h *Host) Volumes(pool string) []*model.StorageVolume {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return sorted(h.volumes.pools[pool], func(v *model.StorageVolume) string { return v.Name })
}

// MadeOf lists the volumes that are made of what is at a place.
func (h *Host) MadeOf(place string) []*model.StorageVolume {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var made []*model.StorageVolume
	for _, pool := range h.volumes.pools {
		for _, v := range pool {
			if v.Backing == place && place != "" {
				made = append(made, v)
			}
		}
	}
	slices.SortFunc(made, func(a, b *model.StorageVolume) int { return strings.Compare(a.Name, b.Name) })
	return made
}

// putVolume shows a volume as it was read, used by whom it was used before.
func (h *Host) putVolume(u *Update, k volumeKey, next *model.StorageVolume) {
	old := h.volumes.get(k)
	next.UsedBy = h.volumes.used[k]
	if old != nil && reflect.DeepEqual(old, next) {
		return
	}
	h.replaceVolume(u, k, old, next)
}

func (h *Host) replaceVolume(u *Update, k volumeKey, old, next *model.StorageVolume) {
	if !h.volumes.set(k, next) {
		h.crowded(k.pool)
		next = nil
	}
	u.noteVolume(old, next)
}

// crowded says once that not all volumes are shown.
func (h *Host) crowded(pool string) {
	if !h.tooMany {
		h.tooMany = true
		h.log.Warn("there are too many storage volumes; some are not shown", "pool_uuid", pool)
	}
}

func (h *Host) dropVolume(u *Update, k volumeKey) {
	if old := h.volumes.get(k); old != nil {
		h.volumes.remove(k, old)
		delete(h.volumes.used, k)
		u.noteVolume(old, nil)
	}
}

// dropVolumes withdraws the volumes of a pool that keep does not want.
func (h *Host) dropVolumes(u *Update, pool string, keep func(name string) bool) {
	var gone []string
	for name := range h.volumes.pools[pool] {
		if !keep(name) {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	for _, name := range gone {
		h.dropVolume(u, volumeKey{pool, name})
	}
}

// noteVolume notes a change. A second change of a volume in one update
// continues the first.
func (u *Update) noteVolume(old, next *model.StorageVolume) {
	if old == nil && next == nil {
		return
	}
	i, again := u.volumeAt[old]
	if old == nil || !again {
		i = len(u.Volumes)
		u.Volumes = append(u.Volumes, Diff[model.StorageVolume]{Old: old})
	}
	u.Volumes[i].New = next
	if next == nil {
		return
	}
	if u.volumeAt == nil {
		u.volumeAt = map[*model.StorageVolume]int{}
	}
	u.volumeAt[next] = i
}

// linkVolumes makes UsedBy agree with the disks of the VMs after an update that
// touched either. A volume that another one is made of is used by the VMs of
// that one, too.
func (h *Host) linkVolumes(u *Update) {
	if len(u.Volumes) == 0 && len(u.Pools) == 0 && !slices.ContainsFunc(u.VMs, rewired) {
		return
	}
	used := h.volumeUsers()
	for k := range h.volumes.used {
		if used[k] == nil {
			h.useVolume(u, k, nil)
		}
	}
	for k, vms := range used {
		if !slices.Equal(vms, h.volumes.used[k]) {
			h.useVolume(u, k, vms)
		}
	}
}

func (h *Host) useVolume(u *Update, k volumeKey, vms []model.Path) {
	if vms == nil {
		delete(h.volumes.used, k)
	} else {
		h.volumes.used[k] = vms
	}
	if old := h.volumes.get(k); old != nil {
		next := *old
		next.UsedBy = vms
		h.replaceVolume(u, k, old, &next)
	}
}

// rewired says whether a change of a VM is one of where its disks are.
func rewired(d Diff[model.VM]) bool {
	if d.Old == nil || d.New == nil {
		return true
	}
	return !slices.EqualFunc(d.Old.Disks, d.New.Disks, func(a, b *model.Device) bool {
		return a.Source == b.Source && a.Pool == b.Pool && a.Volume == b.Volume
	})
}

// volumeUsers is the VMs of every volume that has any, ordered by path.
func (h *Host) volumeUsers() map[volumeKey][]model.Path {
	used := map[volumeKey][]model.Path{}
	for _, vm := range h.vms {
		path := vm.Path()
		for _, d := range vm.Disks {
			k, v := h.volumeOf(d)
			for v != nil && !slices.Contains(used[k], path) { // what it is made of can be a circle
				used[k] = append(used[k], path)
				k, v = h.volumes.at(v.Backing)
			}
		}
	}
	for _, vms := range used {
		slices.Sort(vms)
	}
	return used
}

// volumeOf is the volume that a disk is on, however the disk names it.
func (h *Host) volumeOf(d *model.Device) (volumeKey, *model.StorageVolume) {
	if d.Source != "" || d.Volume == "" {
		return h.volumes.at(d.Source)
	}
	for uuid, p := range h.pools {
		if p.Name == d.Pool {
			k := volumeKey{uuid, d.Volume}
			return k, h.volumes.get(k)
		}
	}
	return volumeKey{}, nil
}
