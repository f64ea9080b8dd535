package client

import (
	"context"
	"slices"

	"org.kvmmanager/internal/model"
)

// Change is an object before and after: Old is nil for a new one, New for one
// that is gone.
type Change[T any] struct{ Old, New *T }

// Batch is what happened between two moments of the mirror. Each object occurs
// at most once; those of one type come in the order in which they first
// changed. The values of different types fit each other when the whole batch
// has been taken in. A job that has ended and gone since is there with its end, and
// goes with the next batch.
type Batch struct {
	// Status is that at the end.
	Status    Status
	Hosts     []Change[model.Host]
	VMs       []Change[model.VM]
	Snapshots []Change[model.Snapshot]
	Networks  []Change[model.Network]
	Pools     []Change[model.StoragePool]
	Volumes   []Change[model.StorageVolume]
	Jobs      []Change[model.Job]
	// PermissionsChanged says that what Permissions said may no longer hold.
	PermissionsChanged bool
}

// Subscription collects changes for one subscriber.
type Subscription struct {
	client *Client
	ready  chan struct{} // has an element when something may be there

	// The client's mu guards what follows.
	dirty              bool
	permissionsChanged bool
	hosts              queue[model.Host]
	vms                queue[model.VM]
	snapshots          queue[model.Snapshot]
	networks           queue[model.Network]
	pools              queue[model.StoragePool]
	volumes            queue[model.StorageVolume]
	jobs               queue[model.Job]
}

// Subscribe starts to collect changes. The first batch comes at once, with the
// present state: every object is new in it. Close must be called, unless the
// client is closed.
func (c *Client) Subscribe() *Subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &Subscription{client: c, ready: make(chan struct{}, 1), dirty: true}
	c.subscriptions[s] = struct{}{}
	attach(&c.hosts, &s.hosts)
	attach(&c.vms, &s.vms)
	attach(&c.snapshots, &s.snapshots)
	attach(&c.networks, &s.networks)
	attach(&c.pools, &s.pools)
	attach(&c.volumes, &s.volumes)
	// The service lists a job for some seconds after its end, which is what whoever
	// was busy has waited for.
	s.jobs.news = func(old, job *model.Job) bool {
		return job.State.Ended() && (old == nil || !old.State.Ended())
	}
	attach(&c.jobs, &s.jobs)
	s.wake()
	return s
}

// Close ends the subscription. Next must not be under way.
func (s *Subscription) Close() {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.subscriptions, s)
	delete(c.hosts.queues, &s.hosts)
	delete(c.vms.queues, &s.vms)
	delete(c.snapshots.queues, &s.snapshots)
	delete(c.networks.queues, &s.networks)
	delete(c.pools.queues, &s.pools)
	delete(c.volumes.queues, &s.volumes)
	delete(c.jobs.queues, &s.jobs)
}

// Next waits until something has changed since the last batch. After the batch
// that says Closed it fails with the reason. One goroutine at a time may call
// it.
func (s *Subscription) Next(ctx context.Context) (*Batch, error) {
	for {
		batch, err := s.take()
		if batch != nil || err != nil {
			return batch, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (s *Subscription) take() (*Batch, error) {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if !s.changed() {
		if s.client.status.State == Closed {
			return nil, s.client.status.Err
		}
		return nil, nil
	}
	b := &Batch{
		Status: s.client.status, PermissionsChanged: s.permissionsChanged,
		Hosts: s.hosts.take(), VMs: s.vms.take(), Snapshots: s.snapshots.take(), Networks: s.networks.take(), Pools: s.pools.take(),
		Volumes: s.volumes.take(), Jobs: s.jobs.take(),
	}
	s.dirty, s.permissionsChanged = false, false
	return b, nil
}

func (s *Subscription) changed() bool {
	return s.dirty || s.permissionsChanged || len(s.hosts.changes)+len(s.vms.changes)+len(s.snapshots.changes)+
		len(s.networks.changes)+len(s.pools.changes)+len(s.volumes.changes)+len(s.jobs.changes) > 0
}

// wake lets Next look. The caller holds the client's mu.
func (s *Subscription) wake() {
	if !s.changed() {
		return
	}
	select {
	case s.ready <- struct{}{}:
	default: // it has been told
	}
}

// queue holds the changes of one type that a subscriber has not fetched.
type queue[T any] struct {
	changes map[model.Path]Change[T]
	order   []model.Path // in which they first changed
	// news reports whether a subscriber has to see this value although the object
	// has gone since; nil for never. Its removal waits for the next batch.
	news  func(old, value *T) bool
	after []model.Path // what has gone since such a value
}

func attach[T any](t *table[T], q *queue[T]) {
	q.changes = map[model.Path]Change[T]{}
	for _, path := range t.paths() {
		q.add(path, nil, t.values[path])
	}
	t.queues[q] = struct{}{}
}

func (q *queue[T]) add(path model.Path, old, value *T) {
	change, known := q.changes[path]
	if known && value == nil && change.New != nil && q.news != nil && q.news(change.Old, change.New) {
		q.after = append(q.after, path)
		return
	}
	q.after = slices.DeleteFunc(q.after, func(p model.Path) bool { return p == path })
	if known {
		old = change.Old
	}
	if old == value { // it came and went again
		delete(q.changes, path)
		q.order = slices.DeleteFunc(q.order, func(p model.Path) bool { return p == path })
		return
	}
	if !known {
		q.order = append(q.order, path)
	}
	q.changes[path] = Change[T]{old, value}
}

func (q *queue[T]) take() []Change[T] {
	if len(q.changes) == 0 {
		return nil
	}
	out := make([]Change[T], len(q.order))
	for i, path := range q.order {
		out[i] = q.changes[path]
	}
	after := make([]Change[T], len(q.after))
	for i, path := range q.after {
		after[i] = Change[T]{Old: q.changes[path].New}
	}
	clear(q.changes)
	q.order = append(q.order[:0], q.after...)
	for i, path := range q.after {
		q.changes[path] = after[i]
	}
	q.after = nil
	return out
}
