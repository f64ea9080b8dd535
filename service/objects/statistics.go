package objects

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/inventory"
)

const (
	// maxInterval keeps a large number of milliseconds from never ending.
	maxInterval = time.Hour
	// maxSubscriptions is how many connections of one user may subscribe.
	maxSubscriptions = 16
)

// statistics samples every host while somebody subscribes.
type statistics struct {
	service *Service

	mu          sync.Mutex
	subscribers map[string]*subscriber // by unique name
	entering    map[uint32]int         // subscriptions that are being made, by user
	interval    time.Duration          // of the samplers that run; 0 when none does
	samplers    map[string]sampler
}

// sampler is one host's, which runs as long as somebody subscribes.
type sampler struct {
	host      *inventory.Host
	cancel    context.CancelFunc
	intervals chan time.Duration // capacity 1: the newest that it has not seen
}

type subscriber struct {
	uid      uint32
	interval time.Duration
	stop     func() // ends the watch of its name
	gone     bool   // it left the bus before it was noted
}

func newStatistics(s *Service) *statistics {
	return &statistics{service: s, subscribers: map[string]*subscriber{}, entering: map[uint32]int{}, samplers: map[string]sampler{}}
}

func (st *statistics) subscribe(ctx context.Context, name string, uid uint32, interval time.Duration) error {
	interval = min(max(interval, inventory.MinSampleInterval), maxInterval)
	if st.change(name, interval) {
		return nil
	}
	if !st.enter(uid) {
		return dbus.NewError("org.freedesktop.DBus.Error.LimitsExceeded",
			[]any{fmt.Sprintf("You have %d subscriptions to statistics. End one of them first.", maxSubscriptions)})
	}
	defer st.leave(uid)
	sub := &subscriber{uid: uid, interval: interval}
	// Watching asks the bus, so mu is not held.
	stop, err := st.service.watcher.Watch(ctx, name, func() { st.left(name, sub) })
	if err != nil {
		return errs.Wrap(errs.Timeout, err, "The message bus did not answer. Try again.")
	}
	sub.stop = stop
	st.mu.Lock()
	defer st.mu.Unlock()
	if sub.gone {
		return nil
	}
	if other := st.subscribers[name]; other != nil {
		go other.stop() // the same caller subscribed twice at once
	}
	st.subscribers[name] = sub
	st.adjust()
	return nil
}

// enter counts a user's subscription that is being made; false when there are
// too many.
func (st *statistics) enter(uid uint32) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	n := st.entering[uid]
	for _, sub := range st.subscribers {
		if sub.uid == uid {
			n++
		}
	}
	if n >= maxSubscriptions {
		return false
	}
	st.entering[uid]++
	return true
}

func (st *statistics) leave(uid uint32) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.entering[uid]--; st.entering[uid] == 0 {
		delete(st.entering, uid)
	}
}

// change gives a subscriber another interval; false when there is none.
func (st *statistics) change(name string, interval time.Duration) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	sub := st.subscribers[name]
	if sub != nil {
		sub.interval = interval
		st.adjust()
	}
	return sub != nil
}

func (st *statistics) unsubscribe(name string) {
	st.mu.Lock()
	sub := st.subscribers[name]
	st.mu.Unlock()
	if sub != nil {
		sub.stop()
		st.remove(name, sub)
	}
}

func (st *statistics) left(name string, sub *subscriber) {
	st.mu.Lock()
	sub.gone = true
	st.mu.Unlock()
	st.remove(name, sub)
}

func (st *statistics) remove(name string, sub *subscriber) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.subscribers[name] == sub {
		delete(st.subscribers, name)
		st.adjust()
	}
}

// hostsChanged starts and stops samplers after a host came or went.
func (st *statistics) hostsChanged() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.adjust()
}

func (st *statistics) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	clear(st.subscribers)
	st.adjust()
}

// adjust makes the samplers what the subscribers want. The caller holds mu.
func (st *statistics) adjust() {
	interval := st.shortest()
	hosts := map[string]*inventory.Host{}
	if interval > 0 {
		for _, h := range st.service.inventory.Hosts() {
			hosts[h.ID()] = h
		}
	}
	for id, sampler := range st.samplers {
		if hosts[id] != sampler.host { // it went, or another one has its id
			sampler.cancel()
			delete(st.samplers, id)
		} else if interval != st.interval {
			select {
			case <-sampler.intervals:
			default:
			}
			sampler.intervals <- interval
		}
	}
	for id, h := range hosts {
		if _, ok := st.samplers[id]; !ok {
			ctx, cancel := context.WithCancel(context.Background())
			intervals := make(chan time.Duration, 1)
			st.samplers[id] = sampler{h, cancel, intervals}
			go h.Sample(ctx, interval, intervals, func(s inventory.Samples) { st.deliver(ctx, h, s) })
		}
	}
	st.interval = interval
}

func (st *statistics) shortest() time.Duration {
	var shortest time.Duration
	for _, sub := range st.subscribers {
		if shortest == 0 || sub.interval < shortest {
			shortest = sub.interval
		}
	}
	return shortest
}

// deliver sends each subscriber one message with all samples of a host.
func (st *statistics) deliver(ctx context.Context, h *inventory.Host, s inventory.Samples) {
	st.mu.Lock()
	names := slices.Sorted(maps.Keys(st.subscribers))
	st.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	path := wire.ObjectPath(model.HostPath(h.ID()))
	st.service.tree.Apply(bus.EmitTo(names, path, api.HostInterface, "StatisticsSampled", uint64(s.At.UnixMicro()), samplesOf(h, s)))
}

// samplesOf returns the samples of a host as they travel.
func samplesOf(h *inventory.Host, s inventory.Samples) map[dbus.ObjectPath]bus.Dict {
	samples := make(map[dbus.ObjectPath]bus.Dict, len(s.VMs)+1)
	samples[wire.ObjectPath(model.HostPath(h.ID()))] = wire.Record(&s.Host)
	for uuid, sample := range s.VMs {
		if vm := h.VM(uuid); vm != nil {
			identify(&sample, vm)
			samples[wire.ObjectPath(vm.Path())] = wire.Record(&sample)
		}
	}
	return samples
}

// identify gives the parts of a sample the ids of the VM's devices. The lists are
// copied: the next sample may have the same.
func identify(sample *model.Sample, vm *model.VM) {
	sample.Disks, sample.Interfaces = slices.Clone(sample.Disks), slices.Clone(sample.Interfaces)
	for i := range sample.Disks {
		sample.Disks[i].ID = idOfTarget(vm.Disks, sample.Disks[i].Target)
	}
	for i := range sample.Interfaces {
		sample.Interfaces[i].ID = idOfTarget(vm.Interfaces, sample.Interfaces[i].Target)
	}
}

// idOfTarget returns the id of the device with this target; empty when there is
// none any more.
func idOfTarget(devices []*model.Device, target string) string {
	for _, d := range devices {
		if d.Target == target {
			return d.ID
		}
	}
	return ""
}

// getStatistics answers with a sample of now, for whoever does not stay.
func (r *request) getStatistics(ctx context.Context) ([]any, error) {
	s, err := r.host.SampleNow(ctx)
	if err != nil {
		return nil, err
	}
	return []any{uint64(s.At.UnixMicro()), samplesOf(r.host, s)}, nil
}
