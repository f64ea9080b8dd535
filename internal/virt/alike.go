package virt

import (
	"hash/maphash"
	"reflect"
	"slices"
	"sync"
	"weak"

	"org.kvmmanager/internal/model"
)

// alike keeps one copy of devices that are the same in many VMs. Most are: a
// machine type brings a dozen controllers, which differ only between the kinds
// of VMs that people make. They would be most of what the service needs of
// memory.
type alike struct {
	mu    sync.Mutex
	known map[uint64][]weak.Pointer[model.Device] // guarded by mu, by hash
	limit int                                     // guarded by mu: prune when known is that large
}

// fewAlike is how many hashes are not worth to be pruned.
const fewAlike = 256

var alikeSeed = maphash.MakeSeed()

// share replaces the devices in the lists by those that are known already.
func (a *alike) share(lists ...[]*model.Device) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, list := range lists {
		for i, d := range list {
			list[i] = a.one(d)
		}
	}
	if len(a.known) > max(a.limit, fewAlike) {
		a.prune()
		a.limit = 2 * len(a.known)
	}
}

func (a *alike) one(d *model.Device) *model.Device {
	hash := hashOf(d)
	for _, w := range a.known[hash] {
		if other := w.Value(); other != nil && reflect.DeepEqual(other, d) {
			return other
		}
	}
	if a.known == nil {
		a.known = make(map[uint64][]weak.Pointer[model.Device])
	}
	a.known[hash] = append(a.known[hash], weak.Make(d))
	return d
}

// prune forgets the devices that no VM has any more.
func (a *alike) prune() {
	for hash, list := range a.known {
		list = slices.DeleteFunc(list, func(w weak.Pointer[model.Device]) bool { return w.Value() == nil })
		if len(list) == 0 {
			delete(a.known, hash)
		} else {
			a.known[hash] = list
		}
	}
}

// hashOf tells most devices apart that differ.
func hashOf(d *model.Device) uint64 {
	var h maphash.Hash
	h.SetSeed(alikeSeed)
	for _, s := range []string{d.ID, d.Model, d.Address, d.Alias, d.Source} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	return h.Sum64()
}
