package client

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// objects is the mirror of one interface, whatever its type is.
type objects interface {
	// load reads a whole object: all properties that it has.
	load(path model.Path, r *wire.Reader)
	// update reads the properties that changed; false when there is no such
	// object.
	update(path model.Path, r *wire.Reader) bool
	has(path model.Path) bool
	remove(path model.Path)
	// begin makes load collect a new set of objects, which end puts in place of
	// the old one, as if everything that differs had changed. abort forgets it.
	begin()
	end()
	abort()
}

// table mirrors the objects of one type. The client's mu guards it.
type table[T any] struct {
	values map[model.Path]*T
	fresh  map[model.Path]*T // between begin and end
	// named completes a value with what only its path tells.
	named func(path model.Path, v *T)
	// changed learns of each change; nil means none.
	changed func(path model.Path, old, value *T)
	queues  map[*queue[T]]struct{}
}

func (t *table[T]) init() *table[T] {
	t.values = map[model.Path]*T{}
	t.queues = map[*queue[T]]struct{}{}
	return t
}

func (c *Client) initTables() map[string]objects {
	c.jobs.named = func(path model.Path, job *model.Job) { job.Number = lastElement(path) }
	c.vms.changed = c.permissions.vmChanged
	return map[string]objects{
		api.ManagerInterface: c.managers.init(), api.HostInterface: c.hosts.init(), api.VMInterface: c.vms.init(),
		api.SnapshotInterface: c.snapshots.init(),
		api.NetworkInterface:  c.networks.init(), api.StoragePoolInterface: c.pools.init(),
		api.StorageVolumeInterface: c.volumes.init(), api.JobInterface: c.jobs.init(),
	}
}

func (t *table[T]) has(path model.Path) bool { return t.values[path] != nil }

func (t *table[T]) load(path model.Path, r *wire.Reader) {
	v := new(T)
	t.read(path, v, r)
	switch {
	case r.Err() != nil:
	case t.fresh != nil:
		t.fresh[path] = v
	default:
		t.set(path, v)
	}
}

func (t *table[T]) update(path model.Path, r *wire.Reader) bool {
	values := t.values
	if t.fresh != nil { // objects are being read in parts
		values = t.fresh
	}
	old := values[path]
	if old == nil {
		return false
	}
	v := new(T)
	*v = *old
	switch t.read(path, v, r); {
	case r.Err() != nil:
	case t.fresh != nil:
		t.fresh[path] = v
	default:
		t.set(path, v)
	}
	return true
}

func (t *table[T]) read(path model.Path, v *T, r *wire.Reader) {
	r.Struct(v)
	if t.named != nil {
		t.named(path, v)
	}
}

func (t *table[T]) remove(path model.Path) {
	if t.fresh != nil {
		delete(t.fresh, path)
		return
	}
	if t.values[path] != nil {
		t.set(path, nil)
	}
}

func (t *table[T]) begin() { t.fresh = make(map[model.Path]*T, len(t.values)) }

func (t *table[T]) abort() { t.fresh = nil }

func (t *table[T]) end() {
	fresh := t.fresh
	t.fresh = nil
	for _, path := range t.paths() {
		if fresh[path] == nil {
			t.set(path, nil)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(fresh)) {
		if old := t.values[path]; old == nil || !reflect.DeepEqual(old, fresh[path]) {
			t.set(path, fresh[path])
		}
	}
}

func (t *table[T]) set(path model.Path, v *T) {
	old := t.values[path]
	if v == nil {
		delete(t.values, path)
	} else {
		t.values[path] = v
	}
	if t.changed != nil {
		t.changed(path, old, v)
	}
	for q := range t.queues {
		q.add(path, old, v)
	}
}

func (t *table[T]) paths() []model.Path { return slices.Sorted(maps.Keys(t.values)) }

// list is all values in the order of their paths. It locks.
func list[T any](c *Client, t *table[T]) []*T {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*T, 0, len(t.values))
	for _, path := range t.paths() {
		out = append(out, t.values[path])
	}
	return out
}

// one is the value at a path, or nil. It locks.
func one[T any](c *Client, t *table[T], path model.Path) *T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.values[path]
}

// Manager is the service's root object; nil before the first Ready.
func (c *Client) Manager() *model.Manager { return one(c, &c.managers, api.RootPath) }

// Hosts is all hosts, in the order of their paths.
func (c *Client) Hosts() []*model.Host { return list(c, &c.hosts) }

// Host is the host at a path, or nil.
func (c *Client) Host(path model.Path) *model.Host { return one(c, &c.hosts, path) }

// VMs is the VMs of all hosts, in the order of their paths.
func (c *Client) VMs() []*model.VM { return list(c, &c.vms) }

// VM is the VM at a path, or nil.
func (c *Client) VM(path model.Path) *model.VM { return one(c, &c.vms, path) }

// Snapshots is the snapshots of a VM, in the order of their paths.
func (c *Client) Snapshots(vm model.Path) []*model.Snapshot {
	return slices.DeleteFunc(list(c, &c.snapshots), func(s *model.Snapshot) bool { return s.VM != vm })
}

// Snapshot is the snapshot at a path, or nil.
func (c *Client) Snapshot(path model.Path) *model.Snapshot { return one(c, &c.snapshots, path) }

// Networks is the networks of all hosts, in the order of their paths.
func (c *Client) Networks() []*model.Network { return list(c, &c.networks) }

// Network is the network at a path, or nil.
func (c *Client) Network(path model.Path) *model.Network { return one(c, &c.networks, path) }

// Pools is the storage pools of all hosts, in the order of their paths.
func (c *Client) Pools() []*model.StoragePool { return list(c, &c.pools) }

// Pool is the storage pool at a path, or nil.
func (c *Client) Pool(path model.Path) *model.StoragePool { return one(c, &c.pools, path) }

// Volumes is the volumes of a storage pool, in the order of their paths. There
// may be many thousands.
func (c *Client) Volumes(pool model.Path) []*model.StorageVolume {
	c.mu.Lock()
	defer c.mu.Unlock()
	var volumes []*model.StorageVolume
	for _, v := range c.volumes.values {
		if v.Pool == pool {
			volumes = append(volumes, v)
		}
	}
	paths := make(map[*model.StorageVolume]model.Path, len(volumes))
	for _, v := range volumes {
		paths[v] = v.Path()
	}
	slices.SortFunc(volumes, func(a, b *model.StorageVolume) int { return cmp.Compare(paths[a], paths[b]) })
	return volumes
}

// Volume is the storage volume at a path, or nil.
func (c *Client) Volume(path model.Path) *model.StorageVolume { return one(c, &c.volumes, path) }

// Jobs returns the jobs under way and those that have just ended, oldest first.
func (c *Client) Jobs() []*model.Job {
	jobs := list(c, &c.jobs)
	slices.SortStableFunc(jobs, func(a, b *model.Job) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(len(a.Number), len(b.Number)), cmp.Compare(a.Number, b.Number))
	})
	return jobs
}

// Job is the job at a path, or nil.
func (c *Client) Job(path model.Path) *model.Job { return one(c, &c.jobs, path) }
