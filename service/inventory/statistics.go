package inventory

import (
	"context"
	"sync"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Samples is what one tick saw: the VMs by UUID, and the host itself.
type Samples struct {
	At   time.Time
	VMs  map[string]model.Sample
	Host model.Sample
}

// MinSampleInterval is the least time between two samples of a host.
const MinSampleInterval = 500 * time.Millisecond

// Sample reads the statistics of a host every interval, with one call to the
// hypervisor a tick, and delivers them until ctx ends. A tick that the
// hypervisor answers late is not made up for. The first sample, and the next
// one after another interval has come from intervals, are taken as soon as
// MinSampleInterval allows, which counts from the last one of an earlier Sample
// as well: nobody gets more of them by coming and going.
func (h *Host) Sample(ctx context.Context, interval time.Duration, intervals <-chan time.Duration, deliver func(Samples)) {
	h.sampling.Lock() // an earlier one may be about to end
	defer h.sampling.Unlock()
	h.samples.forgetOlder(interval) // rates would be over a time that was not asked for
	wait := MinSampleInterval
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case interval = <-intervals:
			wait = MinSampleInterval
		case <-time.After(time.Until(h.samples.askedAt().Add(wait))):
			wait = interval
			samples, err := h.sample(ctx, interval)
			switch {
			case err == nil:
				deliver(samples)
			case !errs.Is(err, errs.Disconnected) && ctx.Err() == nil:
				h.log.Debug("no statistics this time", "error", err)
			}
		}
	}
}

// ratesWithin is the longest time over which SampleNow makes rates.
const ratesWithin = 10 * time.Second

// SampleNow returns a sample that is at most MinSampleInterval old. Its rates are
// known if one was taken before, within ratesWithin.
func (h *Host) SampleNow(ctx context.Context) (Samples, error) {
	if latest, ok := h.samples.fresh(); ok {
		return latest, nil
	}
	h.samples.forgetOlder(ratesWithin)
	return h.sample(ctx, MinSampleInterval)
}

// sampling is what is known of the samples that were taken of a host.
type sampling struct {
	turn sync.Mutex // held while the hypervisor is asked

	mu     sync.Mutex // guards what follows
	asked  time.Time  // when the hypervisor was last asked for statistics
	last   *reading   // what it said then; nil when that is of no use
	latest Samples    // what was made of it
	err    error      // of the last question
}

func (s *sampling) askedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// forgetOlder drops a reading that is older than this.
func (s *sampling) forgetOlder(than time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && time.Since(s.last.at) > than {
		s.last = nil
	}
}

// fresh returns the latest samples; false if they are older than MinSampleInterval.
func (s *sampling) fresh() (Samples, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest, s.last != nil && time.Since(s.last.at) < MinSampleInterval
}

// sample asks the hypervisor. Callers who wait for the answer of another one get that,
// also when it is an error: with a hypervisor that hangs they would wait for each
// other.
func (h *Host) sample(ctx context.Context, interval time.Duration) (Samples, error) {
	s := &h.samples
	before := s.askedAt()
	s.turn.Lock() // for as long as an answer may take
	defer s.turn.Unlock()
	s.mu.Lock()
	if s.asked != before {
		defer s.mu.Unlock()
		return s.latest, s.err
	}
	s.asked = time.Now()
	s.mu.Unlock()
	now, err := h.readCounters(ctx, interval)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err != nil {
		return Samples{}, err
	}
	s.latest = now.since(s.last)
	s.last = now
	return s.latest, nil
}

// reading is what the counters said at one moment.
type reading struct {
	at   time.Time
	vms  map[string]*vmReading
	host HostCounters
}

// vmReading is one VM's part of a reading.
type vmReading struct {
	Counters
	disksAt time.Time // when the disks' counters were known; zero when they never were
	sample  model.Sample
}

func (h *Host) readCounters(ctx context.Context, interval time.Duration) (*reading, error) {
	conn, err := h.Conn()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, max(interval, readTimeout))
	defer cancel()
	vms, host, err := conn.Statistics(ctx)
	if err != nil {
		return nil, err
	}
	now := &reading{time.Now(), make(map[string]*vmReading, len(vms)), host}
	for uuid, c := range vms {
		now.vms[uuid] = &vmReading{Counters: c, disksAt: now.at}
	}
	return now, nil
}

// since makes samples of two readings; without an earlier one, rates are unknown.
// What the hypervisor did not say of a VM stays as it was.
func (now *reading) since(last *reading) Samples {
	samples := Samples{At: now.at, VMs: make(map[string]model.Sample, len(now.vms))}
	host := &samples.Host
	host.MemoryUsed = now.host.MemoryUsed
	host.SetUnknown(^(model.UnknownCPUPercent | model.UnknownMemoryUsed), true)
	host.SetUnknown(model.UnknownMemoryUsed, now.host.MemoryUsed == 0)
	host.SetUnknown(model.UnknownCPUPercent, true)
	var seconds float64
	if last != nil {
		seconds = now.at.Sub(last.at).Seconds()
		if total := delta(now.host.CPUTotal, last.host.CPUTotal); total > 0 {
			host.CPUPercent = min(100, 100*delta(now.host.CPUBusy, last.host.CPUBusy)/total)
			host.SetUnknown(model.UnknownCPUPercent, false)
		}
	}
	for uuid, vm := range now.vms {
		var before *vmReading
		if last != nil {
			if b := last.vms[uuid]; b != nil && b.CPUTime <= vm.CPUTime {
				before = b // a VM that restarted counts from zero again
			}
		}
		vm.keep(before)
		vm.compare(before, seconds)
		samples.VMs[uuid] = vm.sample
	}
	return samples
}

// keep takes what is not known from an earlier reading, if there is one.
func (vm *vmReading) keep(before *vmReading) {
	if before == nil {
		before = &vmReading{}
	}
	if vm.MemoryUnknown {
		vm.MemoryUsed, vm.MemoryResident = before.MemoryUsed, before.MemoryResident
	}
	if vm.DisksUnknown {
		vm.DiskRead, vm.DiskWrite, vm.Disks, vm.disksAt = before.DiskRead, before.DiskWrite, before.Disks, before.disksAt
	}
}

// compare makes the sample.
func (vm *vmReading) compare(before *vmReading, seconds float64) {
	s := &vm.sample
	s.CPUTime, s.MemoryUsed, s.MemoryResident = vm.CPUTime, vm.MemoryUsed, vm.MemoryResident
	s.DiskRead, s.DiskWrite, s.NetRX, s.NetTX = vm.DiskRead, vm.DiskWrite, vm.NetReceive, vm.NetTrans
	s.Disks, s.Interfaces = vm.Disks, vm.Interfaces
	s.SetUnknown(model.UnknownCPUPercent|model.UnknownDiskRates|model.UnknownNetworkRates, true)
	s.SetUnknown(model.UnknownMemoryUsed, vm.MemoryUsed == 0)
	s.SetUnknown(model.UnknownMemoryResident, vm.MemoryResident == 0)
	s.SetUnknown(model.UnknownDisks, vm.disksAt.IsZero())
	s.SetUnknown(model.UnknownNetwork, vm.NetworkUnknown)
	if before == nil || seconds <= 0 {
		return
	}
	if vm.VCPUs > 0 {
		s.CPUPercent = min(100, delta(vm.CPUTime, before.CPUTime)/1e7/seconds/float64(vm.VCPUs))
		s.SetUnknown(model.UnknownCPUPercent, false)
	}
	if !vm.NetworkUnknown {
		s.NetRXPerSecond = delta(vm.NetReceive, before.NetReceive) / seconds
		s.NetTXPerSecond = delta(vm.NetTrans, before.NetTrans) / seconds
		s.SetUnknown(model.UnknownNetworkRates, before.NetworkUnknown)
	}
	switch {
	case vm.DisksUnknown:
		s.DiskReadPerSecond, s.DiskWritePerSecond = before.sample.DiskReadPerSecond, before.sample.DiskWritePerSecond
		s.SetUnknown(model.UnknownDiskRates, before.sample.Lacks("disk-read-bytes-per-second"))
	case !before.disksAt.IsZero():
		seconds = vm.disksAt.Sub(before.disksAt).Seconds()
		s.DiskReadPerSecond = delta(vm.DiskRead, before.DiskRead) / seconds
		s.DiskWritePerSecond = delta(vm.DiskWrite, before.DiskWrite) / seconds
		s.SetUnknown(model.UnknownDiskRates, false)
	}
}

// delta is how far a counter moved; one that went backwards (a device was
// replaced) did not move.
func delta(now, before uint64) float64 {
	if now < before {
		return 0
	}
	return float64(now - before)
}
