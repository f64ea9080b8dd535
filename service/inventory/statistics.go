package inventory

import (
	"context"
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
	if h.last != nil && time.Since(h.last.at) > interval {
		h.last = nil // rates would be over a time that nobody asked for
	}
	wait := MinSampleInterval
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case interval = <-intervals:
			wait = MinSampleInterval
		case <-time.After(time.Until(h.asked.Add(wait))):
			h.asked, wait = time.Now(), interval
			h.sample(ctx, interval, deliver)
		}
	}
}

func (h *Host) sample(ctx context.Context, interval time.Duration, deliver func(Samples)) {
	now, err := h.readCounters(ctx, interval)
	switch {
	case err == nil:
		deliver(now.since(h.last))
		h.last = now
	case !errs.Is(err, errs.Disconnected) && ctx.Err() == nil:
		h.log.Debug("no statistics this time", "error", err)
	}
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

// since makes samples of two readings; without an earlier one, rates are zero.
// What the hypervisor did not say of a VM stays as it was.
func (now *reading) since(last *reading) Samples {
	samples := Samples{At: now.at, VMs: make(map[string]model.Sample, len(now.vms))}
	samples.Host.MemoryUsed = now.host.MemoryUsed
	var seconds float64
	if last != nil {
		seconds = now.at.Sub(last.at).Seconds()
		if total := delta(now.host.CPUTotal, last.host.CPUTotal); total > 0 {
			samples.Host.CPUPercent = min(100, 100*delta(now.host.CPUBusy, last.host.CPUBusy)/total)
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
		vm.DiskRead, vm.DiskWrite, vm.disksAt = before.DiskRead, before.DiskWrite, before.disksAt
	}
}

// compare makes the sample.
func (vm *vmReading) compare(before *vmReading, seconds float64) {
	s := &vm.sample
	s.MemoryUsed, s.MemoryResident = vm.MemoryUsed, vm.MemoryResident
	s.DiskRead, s.DiskWrite, s.NetRX, s.NetTX = vm.DiskRead, vm.DiskWrite, vm.NetReceive, vm.NetTrans
	if before == nil || seconds <= 0 {
		return
	}
	if vm.VCPUs > 0 {
		s.CPUPercent = min(100, delta(vm.CPUTime, before.CPUTime)/1e7/seconds/float64(vm.VCPUs))
	}
	s.NetRXPerSecond = delta(vm.NetReceive, before.NetReceive) / seconds
	s.NetTXPerSecond = delta(vm.NetTrans, before.NetTrans) / seconds
	switch {
	case vm.DisksUnknown:
		s.DiskReadPerSecond, s.DiskWritePerSecond = before.sample.DiskReadPerSecond, before.sample.DiskWritePerSecond
	case !before.disksAt.IsZero():
		seconds = vm.disksAt.Sub(before.disksAt).Seconds()
		s.DiskReadPerSecond = delta(vm.DiskRead, before.DiskRead) / seconds
		s.DiskWritePerSecond = delta(vm.DiskWrite, before.DiskWrite) / seconds
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
