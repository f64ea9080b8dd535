package client

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/client/busconn"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/wire"
)

// Samples is what one tick saw on one host.
type Samples struct {
	Host model.Path
	At   time.Time
	// Values has a sample for each active VM, and the host's own under its
	// path.
	Values map[model.Path]model.Sample
}

// Statistics is a subscription to samples.
type Statistics struct {
	client   *Client
	interval time.Duration
	ready    chan struct{} // has an element when there are samples

	// The client's mu guards what follows.
	newest []*Samples // one for each host at most, oldest first
}

// statistics makes one subscription with the service out of all that there are
// here. The client's mu guards it.
type statistics struct {
	client      *Client
	subscribers map[*Statistics]struct{}
	matched     bool          // the bus has been asked for the signals
	have        time.Duration // the service's interval for us; 0 is none
	asking      bool          // it is being asked to change that, or will be again soon
}

// retryDelay is how long after a failure the service is asked again.
const retryDelay = 3 * time.Second

func (st *statistics) init(c *Client) {
	*st = statistics{client: c, subscribers: map[*Statistics]struct{}{}}
}

// SubscribeStatistics asks for samples of all hosts at this interval, or a
// shorter one if somebody else in this program or elsewhere wants that. It
// goes on when the service restarts. Close must be called, unless the client
// is closed.
func (c *Client) SubscribeStatistics(interval time.Duration) *Statistics {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &Statistics{client: c, interval: max(interval, time.Millisecond), ready: make(chan struct{}, 1)}
	c.statistics.subscribers[s] = struct{}{}
	c.statistics.adjust()
	return s
}

// Close ends the subscription, and with the last one the sampling.
func (s *Statistics) Close() {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	delete(s.client.statistics.subscribers, s)
	s.client.statistics.adjust()
}

// Next waits for samples. Whoever is late gets the newest of each host only.
// One goroutine at a time may call it. It fails when the client is closed.
func (s *Statistics) Next(ctx context.Context) (*Samples, error) {
	for {
		if samples, err := s.take(); samples != nil || err != nil {
			return samples, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (s *Statistics) take() (*Samples, error) {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if len(s.newest) > 0 {
		first := s.newest[0]
		s.newest = append([]*Samples(nil), s.newest[1:]...)
		return first, nil
	}
	if s.client.status.State == Closed {
		return nil, s.client.status.Err
	}
	return nil, nil
}

func (s *Statistics) add(samples *Samples) {
	for i, old := range s.newest {
		if old.Host == samples.Host {
			s.newest = append(s.newest[:i], s.newest[i+1:]...)
			break
		}
	}
	s.newest = append(s.newest, samples)
	s.wake()
}

func (s *Statistics) wake() {
	select {
	case s.ready <- struct{}{}:
	default: // it has been told
	}
}

// sampled reads one signal.
func (st *statistics) sampled(host model.Path, r *wire.Reader) {
	if len(st.subscribers) == 0 {
		return // the last ones before the service stops
	}
	samples := readSamples(host, r)
	if r.Err() != nil {
		return
	}
	for s := range st.subscribers {
		s.add(samples)
	}
}

func readSamples(host model.Path, r *wire.Reader) *Samples {
	samples := &Samples{Host: host, At: time.UnixMicro(int64(r.Uint64())), Values: map[model.Path]model.Sample{}}
	for end := r.Array(8); r.More(end); {
		r.Entry()
		path := r.Path()
		var sample model.Sample
		r.Struct(&sample)
		samples.Values[path] = sample
	}
	return samples
}

// GetStatistics measures once. Whoever wants to go on subscribes.
func (c *Client) GetStatistics(ctx context.Context, host model.Path, options ...Option) (*Samples, error) {
	m, err := c.send(ctx, host, hostIface, "GetStatistics", options)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if m.Signature != "ta{oa{sv}}" {
		return nil, unexpected(m.Store())
	}
	samples := readSamples(host, m.Body)
	return samples, unexpected(m.Body.Err())
}

func (st *statistics) ownerChanged() { st.have, st.asking = 0, false }

// end lets everybody see that there is nothing more to come.
func (st *statistics) end() {
	for s := range st.subscribers {
		s.wake()
	}
}

// shortest is the interval that serves everybody; 0 when there is nobody.
func (st *statistics) shortest() (want time.Duration) {
	for s := range st.subscribers {
		if want == 0 || s.interval < want {
			want = s.interval
		}
	}
	return want
}

// adjust makes the service's subscription what is wanted here. The service
// handles calls side by side, so one must have ended before the next is made.
// The caller holds mu.
func (st *statistics) adjust() {
	want := st.shortest()
	if st.client.status.State != Ready || st.asking {
		return
	}
	st.match(want > 0)
	if want == st.have {
		return
	}
	st.asking = true
	epoch, have := st.client.epoch, st.have
	call := ownerCall(st.client.owner, api.RootPath, managerIface, "UnsubscribeStatistics", map[string]dbus.Variant{})
	if want > 0 {
		call.Member = "SubscribeStatistics"
		call.Args = append([]any{uint32(min(want/time.Millisecond, math.MaxUint32))}, call.Args...)
	}
	st.client.conn.Go(call, func(m *busconn.Message, err error) {
		if err != nil {
			time.AfterFunc(retryDelay, func() { st.asked(epoch, have) })
			return
		}
		m.Close()
		st.asked(epoch, want)
	})
}

// asked goes on with what is wanted by now, unless the service or the client
// has ended since.
func (st *statistics) asked(epoch uint64, have time.Duration) {
	st.client.mu.Lock()
	defer st.client.mu.Unlock()
	if epoch == st.client.epoch {
		st.asking, st.have = false, have
		st.adjust()
	}
}

// match asks the bus for the signals, or no longer. The caller holds mu.
func (st *statistics) match(on bool) {
	if on == st.matched {
		return
	}
	st.matched = on
	member := "RemoveMatch"
	if on {
		member = "AddMatch"
	}
	rule := fmt.Sprintf("type='signal',sender='%s',interface='%s',member='StatisticsSampled'", busName, hostIface)
	st.client.conn.GoDaemon(member, func(m *busconn.Message, err error) {
		if err == nil {
			m.Close()
		}
	}, rule)
}
