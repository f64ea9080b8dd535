package objects

import (
	"context"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/bus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
	"org.kvmmanager/service/inventory"
)

const (
	// minInterval is the least time between two samples.
	minInterval = 500 * time.Millisecond
	// maxInterval keeps a large number of milliseconds from never ending.
	maxInterval = time.Hour
)

// statistics samples every host while somebody subscribes.
type statistics struct {
	service *Service

	mu          sync.Mutex
	subscribers map[string]*subscriber // by unique name
	interval    time.Duration          // of the samplers that run; 0 when none does
	samplers    map[string]context.CancelFunc
}

type subscriber struct {
	interval time.Duration
	stop     func() // ends the watch of its name
}

func newStatistics(s *Service) *statistics {
	return &statistics{service: s, subscribers: map[string]*subscriber{}, samplers: map[string]context.CancelFunc{}}
}

func (st *statistics) subscribe(name string, interval time.Duration) {
	interval = min(max(interval, minInterval), maxInterval)
	st.mu.Lock()
	sub := st.subscribers[name]
	if sub != nil {
		sub.interval = interval
	} else {
		sub = &subscriber{interval: interval}
		st.subscribers[name] = sub
	}
	st.adjust()
	watched := sub.stop != nil
	st.mu.Unlock()
	if watched {
		return
	}
	// Watching asks the bus; the lock is not held, since it may call back.
	stop := st.service.watcher.Watch(name, func() { st.unsubscribe(name) })
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.subscribers[name] == sub && sub.stop == nil {
		sub.stop = stop
	} else {
		go stop()
	}
}

func (st *statistics) unsubscribe(name string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	sub := st.subscribers[name]
	if sub == nil {
		return
	}
	delete(st.subscribers, name)
	if sub.stop != nil {
		go sub.stop()
	}
	st.adjust()
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
	for id, cancel := range st.samplers {
		if hosts[id] == nil || interval != st.interval {
			cancel()
			delete(st.samplers, id)
		}
	}
	for id, h := range hosts {
		if st.samplers[id] == nil {
			ctx, cancel := context.WithCancel(context.Background())
			st.samplers[id] = cancel
			go h.Sample(ctx, interval, func(s inventory.Samples) { st.deliver(ctx, h, s) })
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

// deliver sends one message with all samples of a host.
func (st *statistics) deliver(ctx context.Context, h *inventory.Host, s inventory.Samples) {
	if ctx.Err() != nil {
		return
	}
	path := wire.ObjectPath(model.HostPath(h.ID()))
	samples := make(map[dbus.ObjectPath]map[string]dbus.Variant, len(s.VMs)+1)
	samples[path] = wire.Record(&s.Host)
	for uuid, sample := range s.VMs {
		if h.VM(uuid) != nil {
			samples[wire.ObjectPath(model.VMPath(uuid))] = wire.Record(&sample)
		}
	}
	st.service.tree.Apply(bus.Emit(path, api.HostInterface, "StatisticsSampled", uint64(s.At.UnixMicro()), samples))
}
