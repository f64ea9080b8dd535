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

// Sample reads the statistics of a host every interval, with one call to the
// hypervisor a tick, and delivers them until ctx ends. A tick that the
// hypervisor answers late is not made up for.
func (h *Host) Sample(ctx context.Context, interval time.Duration, deliver func(Samples)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var last *reading
	for {
		now, err := h.readCounters(ctx, interval)
		switch {
		case err == nil:
			deliver(now.since(last))
			last = now
		case !errs.Is(err, errs.Disconnected) && ctx.Err() == nil:
			h.log.Debug("no statistics this time", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// reading is what the counters said at one moment.
type reading struct {
	at   time.Time
	vms  map[string]Counters
	host HostCounters
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
	return &reading{time.Now(), vms, host}, nil
}

// since makes samples of two readings; without an earlier one, rates are zero.
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
	for uuid, c := range now.vms {
		var before *Counters
		if last != nil {
			if b, ok := last.vms[uuid]; ok && b.CPUTime <= c.CPUTime {
				before = &b // a VM that restarted counts from zero again
			}
		}
		samples.VMs[uuid] = sampleOf(c, before, seconds)
	}
	return samples
}

func sampleOf(c Counters, before *Counters, seconds float64) model.Sample {
	s := model.Sample{
		MemoryUsed: c.MemoryUsed, MemoryResident: c.MemoryResident,
		DiskRead: c.DiskRead, DiskWrite: c.DiskWrite, NetRX: c.NetReceive, NetTX: c.NetTrans,
	}
	if before == nil || seconds <= 0 {
		return s
	}
	if c.VCPUs > 0 {
		s.CPUPercent = min(100, delta(c.CPUTime, before.CPUTime)/1e7/seconds/float64(c.VCPUs))
	}
	s.DiskReadPerSecond = delta(c.DiskRead, before.DiskRead) / seconds
	s.DiskWritePerSecond = delta(c.DiskWrite, before.DiskWrite) / seconds
	s.NetRXPerSecond = delta(c.NetReceive, before.NetReceive) / seconds
	s.NetTXPerSecond = delta(c.NetTrans, before.NetTrans) / seconds
	return s
}

// delta is how far a counter moved; one that went backwards (a device was
// replaced) did not move.
func delta(now, before uint64) float64 {
	if now < before {
		return 0
	}
	return float64(now - before)
}
