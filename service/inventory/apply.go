package inventory

import (
	"maps"
	"reflect"
	"slices"

	"org.kvmmanager/internal/model"
)

// apply changes the picture with mu held, and publishes what change collected.
func (h *Host) apply(change func(*Update)) {
	h.publishing.Lock()
	defer h.publishing.Unlock()
	var u Update
	h.mu.Lock()
	change(&u)
	h.link(&u)
	h.mu.Unlock()
	if !u.empty() {
		h.inv.publisher.Publish(u)
		h.announceChange()
	}
	for _, path := range gone(&u) {
		h.inv.release(path, h)
	}
}

// announceChange wakes those who wait for a VM to change. It comes after the
// publication, so that what they do next is announced later, too.
func (h *Host) announceChange() {
	h.mu.Lock()
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
}

// gone lists the paths of what an update removed.
func gone(u *Update) []model.Path {
	var paths []model.Path
	for _, d := range u.VMs {
		if d.New == nil {
			paths = append(paths, d.Old.Path())
		}
	}
	for _, d := range u.Networks {
		if d.New == nil {
			paths = append(paths, d.Old.Path())
		}
	}
	for _, d := range u.Pools {
		if d.New == nil {
			paths = append(paths, d.Old.Path())
		}
	}
	return paths
}

// withdraw removes everything, the host last.
func (h *Host) withdraw() {
	h.apply(func(u *Update) {
		h.putAll(u, everything{})
		u.Host = Diff[model.Host]{Old: h.info}
	})
}

func (h *Host) putInfo(u *Update, next *model.Host) {
	if *h.info != *next {
		u.Host = Diff[model.Host]{Old: h.info, New: next}
		h.info = next
	}
}

// putAll makes the picture equal to a full list.
func (h *Host) putAll(u *Update, all everything) {
	listed := map[model.Path]bool{}
	for _, n := range all.networks {
		listed[n.Path()] = true
		h.putNetwork(u, n)
	}
	for _, p := range all.pools {
		listed[p.Path()] = true
	}
	if !all.poolsUnknown {
		h.putPools(u, all.pools)
	}
	for _, v := range all.vms {
		listed[v.Path()] = true
		h.putVM(u, v)
	}
	maps.DeleteFunc(h.refused, func(path model.Path, _ bool) bool { return !listed[path] })
	dropMissing(h.vms, all.vms, func(v *model.VM) string { return v.UUID }, func(id string) { h.dropVM(u, id) })
	dropMissing(h.networks, all.networks, func(n *model.Network) string { return n.UUID }, func(id string) { h.dropNetwork(u, id) })
}

// putPools makes the pools equal to a full list of them.
func (h *Host) putPools(u *Update, pools []*model.StoragePool) {
	for _, p := range pools {
		h.putPool(u, p)
	}
	dropMissing(h.pools, pools, func(p *model.StoragePool) string { return p.UUID }, func(id string) { h.dropPool(u, id) })
}

func dropMissing[T any](have map[string]*T, all []*T, id func(*T) string, drop func(string)) {
	present := make(map[string]bool, len(all))
	for _, v := range all {
		present[id(v)] = true
	}
	for k := range have {
		if !present[k] {
			drop(k)
		}
	}
}

func (h *Host) putVM(u *Update, next *model.VM) {
	if h.claims(next.Path()) {
		next.Host = model.HostPath(h.id)
		if ts := h.transitions[next.UUID]; len(ts) > 0 {
			next.State = ts[len(ts)-1].state
		}
		h.linkInterfaces(next)
		h.linkDisks(next)
		put(&u.VMs, h.vms, next.UUID, next)
	}
}

func (h *Host) dropVM(u *Update, uuid string) {
	drop(&u.VMs, h.vms, uuid)
	delete(h.refused, model.VMPath(uuid))
}

func (h *Host) putNetwork(u *Update, next *model.Network) {
	if h.claims(next.Path()) {
		next.Host = model.HostPath(h.id)
		if old := h.networks[next.UUID]; old != nil {
			next.VMs = old.VMs
		}
		put(&u.Networks, h.networks, next.UUID, next)
	}
}

func (h *Host) dropNetwork(u *Update, uuid string) { drop(&u.Networks, h.networks, uuid) }

func (h *Host) putPool(u *Update, next *model.StoragePool) {
	if h.claims(next.Path()) {
		next.Host = model.HostPath(h.id)
		put(&u.Pools, h.pools, next.UUID, next)
		if !next.Active {
			h.dropAllVolumes(u, next.UUID)
		}
	}
}

func (h *Host) dropPool(u *Update, uuid string) {
	h.dropAllVolumes(u, uuid)
	drop(&u.Pools, h.pools, uuid)
	delete(h.lastRead, uuid)
	delete(h.singles, uuid)
}

func (h *Host) dropAllVolumes(u *Update, pool string) {
	h.dropVolumes(u, pool, func(string) bool { return false })
}

// claims asks for a path and remembers a refusal, which it tells once: two
// entries for one hypervisor refuse each other with every event.
func (h *Host) claims(path model.Path) bool {
	owner := h.inv.claim(path, h)
	if owner == h {
		delete(h.refused, path)
		return true
	}
	if !h.refused[path] {
		h.log.Warn("two hosts have an object with the same UUID; the first one is shown", "object", string(path), "shown", owner.id)
	}
	h.refused[path] = true
	return false
}

// put stores next and notes the change, if it is one. A second change of the
// same object in one update continues the first.
func put[T any](diffs *[]Diff[T], have map[string]*T, id string, next *T) {
	old := have[id]
	if old != nil && reflect.DeepEqual(old, next) {
		return
	}
	have[id] = next
	for i := range *diffs {
		if old != nil && (*diffs)[i].New == old {
			(*diffs)[i].New = next
			return
		}
	}
	*diffs = append(*diffs, Diff[T]{old, next})
}

func drop[T any](diffs *[]Diff[T], have map[string]*T, id string) {
	if old := have[id]; old != nil {
		delete(have, id)
		*diffs = append(*diffs, Diff[T]{Old: old})
	}
}

// link makes both ends of "VM is in network" agree after an update that
// touched either.
func (h *Host) link(u *Update) {
	h.linkVolumes(u)
	if len(u.Networks) > 0 {
		for _, vm := range h.vms {
			next := *vm
			h.linkInterfaces(&next)
			put(&u.VMs, h.vms, vm.UUID, &next)
		}
	}
	if len(u.Networks) == 0 && !slices.ContainsFunc(u.VMs, moved) {
		return
	}
	members := h.members()
	for uuid, network := range h.networks {
		if vms := members[network.Path()]; !slices.Equal(vms, network.VMs) {
			next := *network
			next.VMs = vms
			put(&u.Networks, h.networks, uuid, &next)
		}
	}
}

// moved says whether a change of a VM is one of its networks, too. Most are
// not, and looking at all VMs for each of them would take longer than the rest
// of the change.
func moved(d Diff[model.VM]) bool {
	if d.Old == nil || d.New == nil {
		return true
	}
	return !slices.EqualFunc(d.Old.Interfaces, d.New.Interfaces, func(a, b *model.Device) bool { return a.Network == b.Network })
}

// members lists the VMs of each network, ordered by path.
func (h *Host) members() map[model.Path][]model.Path {
	members := map[model.Path][]model.Path{}
	for _, vm := range h.vms {
		path := vm.Path()
		for _, d := range vm.Interfaces {
			n := d.Network
			if n == "" {
				continue
			}
			if list := members[n]; len(list) == 0 || list[len(list)-1] != path {
				members[n] = append(list, path)
			}
		}
	}
	for _, vms := range members {
		slices.Sort(vms)
	}
	return members
}

// linkInterfaces fills Device.Network from the name. It replaces what changes:
// somebody may be reading it.
func (h *Host) linkInterfaces(vm *model.VM) {
	linked := slices.Clone(vm.Interfaces)
	for i, d := range linked {
		var network model.Path
		for _, n := range h.networks {
			if n.Name == d.NetworkName {
				network = n.Path()
			}
		}
		if d.Network != network {
			changed := *d
			changed.Network = network
			linked[i] = &changed
		}
	}
	vm.Interfaces = linked
}
