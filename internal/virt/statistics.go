package virt

import (
	"context"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// usage is one answer of Statistics.
type usage struct {
	vms  map[string]inventory.Counters
	host inventory.HostCounters
}

// Statistics asks for all running VMs in one call and for the host in two more.
// libvirt does not wait for a VM that is busy, but a QEMU that hangs holds the
// first call that comes across it; for the next one it is busy then. So two may
// be under way.
func (c *Conn) Statistics(ctx context.Context) (map[string]inventory.Counters, inventory.HostCounters, error) {
	if c.pooled.due(time.Now()) && !isTest(c.uri) {
		c.later("", taskPools)
	}
	u, err := operate(ctx, c, work[usage]{lane: laneWatch}, func(conn *libvirt.Connect) (usage, error) {
		stats, err := allStats(conn, statsUsage, true)
		if err != nil {
			return usage{}, err
		}
		u := usage{vms: make(map[string]inventory.Counters, len(stats))}
		for uuid, s := range stats {
			u.vms[uuid] = c.counters(uuid, s)
		}
		u.host, err = hostCounters(conn)
		return u, err
	})
	return u.vms, u.host, err
}

// counters translates one VM's statistics.
func (c *Conn) counters(uuid string, s vmStats) inventory.Counters {
	const kib = 1024
	u := inventory.Counters{
		CPUTime: s.cpu, VCPUs: c.memory.vcpus(uuid), MemoryResident: s.rss * kib,
		MemoryUnknown: !s.hasMemory, DisksUnknown: s.disks.unknown, NetworkUnknown: s.interfaces.unknown,
	}
	u.DiskRead, u.DiskWrite = s.disks.sum()
	u.NetReceive, u.NetTrans = s.interfaces.sum()
	for _, d := range s.disks.known {
		u.Disks = append(u.Disks, model.DiskSample{
			Target: d.name, Read: d.in, Write: d.out, ReadRequests: d.inCount, WriteRequests: d.outCount,
		})
	}
	for _, i := range s.interfaces.known {
		u.Interfaces = append(u.Interfaces, model.InterfaceSample{
			Target: i.name, RX: i.in, TX: i.out, RXPackets: i.inCount, TXPackets: i.outCount,
		})
	}
	// What the guest could use at once without swapping is not used, as
	// free(1) sees it; a guest that does not tell that may tell what is free.
	switch {
	case s.hasUsable && s.available > s.usable:
		u.MemoryUsed = (s.available - s.usable) * kib
	case s.hasUnused && s.available > s.unused:
		u.MemoryUsed = (s.available - s.unused) * kib
	}
	return u
}

// hostCounters asks for the host. A driver that does not know leaves zeros.
func hostCounters(conn *libvirt.Connect) (inventory.HostCounters, error) {
	var h inventory.HostCounters
	cpu, err := conn.GetCPUStats(int(libvirt.NODE_CPU_STATS_ALL_CPUS), 0)
	switch {
	case err == nil:
		h.CPUBusy = cpu.Kernel + cpu.User + cpu.Intr
		h.CPUTotal = h.CPUBusy + cpu.Idle + cpu.Iowait
	case !unsupported(err):
		return h, err
	}
	memory, err := conn.GetMemoryStats(libvirt.NODE_MEMORY_STATS_ALL_CELLS, 0)
	switch {
	case err == nil:
		free := memory.Free + memory.Buffers + memory.Cached
		h.MemoryUsed = (memory.Total - min(free, memory.Total)) * 1024
	case !unsupported(err):
		return h, err
	}
	return h, nil
}
