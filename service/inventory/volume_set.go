package inventory

import (
	"path"
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
	paths  *paths
	pools  map[string]map[string]*model.StorageVolume // by the pool's UUID and the name
	places map[string][]volumeKey                     // by path without links
	placed map[volumeKey]string                       // where each is in places
	used   map[volumeKey][]model.Path                 // the VMs of those that have any
	room   int                                        // bytes that are left of volumeRoom
}

func newVolumeSet(p *paths) volumeSet {
	return volumeSet{
		paths: p,
		pools: map[string]map[string]*model.StorageVolume{}, places: map[string][]volumeKey{}, placed: map[volumeKey]string{},
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
	s.place(k, v)
	return true
}

// place notes where a volume is.
func (s *volumeSet) place(k volumeKey, v *model.StorageVolume) {
	if v.Place != "" {
		at := s.paths.of(v.Place)
		s.places[at] = append(s.places[at], k)
		s.placed[k] = at
	}
}

// replace notes again where all volumes are.
func (s *volumeSet) replace() {
	clear(s.places)
	clear(s.placed)
	for pool, volumes := range s.pools {
		for name, v := range volumes {
			s.place(volumeKey{pool, name}, v)
		}
	}
}

func (s *volumeSet) remove(k volumeKey, v *model.StorageVolume) {
	delete(s.pools[k.pool], k.name)
	if len(s.pools[k.pool]) == 0 {
		delete(s.pools, k.pool)
	}
	s.room += volumeCost(v)
	at := s.placed[k]
	delete(s.placed, k)
	if s.places[at] = slices.DeleteFunc(s.places[at], func(o volumeKey) bool { return o == k }); len(s.places[at]) == 0 {
		delete(s.places, at)
	}
}

// at lists the volumes at a place on the host: more than one if two pools have the
// folder.
func (s *volumeSet) at(place string) []volumeKey {
	if place == "" {
		return nil
	}
	return s.places[s.paths.of(place)]
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
	for _, k := range h.volumes.at(place) {
		return h.volumes.get(k)
	}
	return nil
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
	if place == "" {
		return nil
	}
	at := h.paths.of(place)
	for _, pool := range h.volumes.pools {
		for _, v := range pool {
			if v.Backing != "" && h.paths.of(v.Backing) == at {
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
	if !u.relink && len(u.Volumes) == 0 && len(u.Pools) == 0 && !slices.ContainsFunc(u.VMs, rewired) {
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
	if len(u.Volumes) == 0 && len(u.Pools) == 0 {
		return // those of the VMs were linked when they came
	}
	for _, vm := range h.vms {
		next := *vm
		if h.linkDisks(&next) {
			put(&u.VMs, h.vms, vm.UUID, &next)
		}
	}
}

// linkDisks fills the objects of a VM's disks, and reports whether that changed any.
// It replaces what changes: somebody may be reading it.
func (h *Host) linkDisks(vm *model.VM) (changed bool) {
	linked := vm.Disks
	for i, d := range vm.Disks {
		pool, volume := h.objectsOf(d)
		if d.PoolObject == pool && d.VolumeObject == volume {
			continue
		}
		if !changed {
			linked, changed = slices.Clone(vm.Disks), true
		}
		next := *d
		next.PoolObject, next.VolumeObject = pool, volume
		linked[i] = &next
	}
	vm.Disks = linked
	return changed
}

// objectsOf returns the pool and the volume that a disk is on, and of several, as
// those of pools over one folder, the first; empty when none is shown.
func (h *Host) objectsOf(d *model.Device) (pool, volume model.Path) {
	for _, k := range h.volumesOf(d) {
		if path := model.VolumePath(k.pool, k.name); h.volumes.get(k) != nil && (volume == "" || path < volume) {
			pool, volume = model.PoolPath(k.pool), path
		}
	}
	return pool, volume
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
		for _, d := range vm.Disks {
			h.useBy(used, vm.Path(), h.volumesOf(d))
		}
	}
	for _, vms := range used {
		slices.Sort(vms)
	}
	return used
}

// useBy notes that a VM uses volumes, and what those are made of.
func (h *Host) useBy(used map[volumeKey][]model.Path, vm model.Path, volumes []volumeKey) {
	for _, k := range volumes {
		if v := h.volumes.get(k); v != nil && !slices.Contains(used[k], vm) { // what it is made of can be a circle
			used[k] = append(used[k], vm)
			h.useBy(used, vm, h.volumes.at(v.Backing))
		}
	}
}

// volumesOf lists the volumes that a disk is on, however the disk names them.
func (h *Host) volumesOf(d *model.Device) []volumeKey {
	if d.Source != "" || d.Volume == "" {
		return h.volumes.at(d.Source)
	}
	for uuid, p := range h.pools {
		if v := h.volumes.get(volumeKey{uuid, d.Volume}); p.Name == d.Pool && v != nil {
			if v.Place == "" {
				return []volumeKey{{uuid, d.Volume}}
			}
			return h.volumes.places[h.volumes.placed[volumeKey{uuid, d.Volume}]]
		}
	}
	return nil
}

// IsOn reports whether a disk is on a volume, as far as paths tell that.
func (h *Host) IsOn(d *model.Device, v *model.StorageVolume) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.ContainsFunc(h.volumesOf(d), func(k volumeKey) bool {
		other := h.volumes.get(k)
		return other != nil && other.Name == v.Name && other.Pool == v.Pool
	})
}

// IsIn reports whether a disk is in the folder of a pool, as far as paths tell that.
func (h *Host) IsIn(d *model.Device, p *model.StoragePool) bool {
	if d.Volume != "" {
		return d.Pool == p.Name
	}
	return p.Target != "" && strings.HasPrefix(d.Source, "/") && path.Dir(h.paths.of(d.Source)) == h.paths.folder(p.Target+"/")
}
