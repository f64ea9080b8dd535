package store

import (
	"fmt"
	"strings"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// PoolAction is something that a person can do with a storage pool.
type PoolAction string

// What can be done with a storage pool.
const (
	StartPool     PoolAction = "start"
	StopPool      PoolAction = "stop"
	RefreshPool   PoolAction = "refresh"
	AutostartPool PoolAction = "autostart"
	DeletePool    PoolAction = "delete"
	MakeVolume    PoolAction = "new-volume"
)

var (
	poolOn  = mark("The storage pool is active")
	poolOff = mark("Start the storage pool first")
)

// WhyNotPool is why somebody with these permissions on a pool cannot do
// something with it now; empty when they can.
func (w Words) WhyNotPool(a PoolAction, p *model.StoragePool, host *model.Host, permissions map[string]client.Permission) string {
	why := whyNotHost(host, permissions[rightStorage])
	switch {
	case why != "":
	case a == StartPool && p.Active:
		why = poolOn
	case (a == StopPool || a == RefreshPool || a == MakeVolume) && !p.Active:
		why = poolOff
	case a == AutostartPool && !p.Persistent:
		why = notStored
	}
	return w.text(why)
}

// WhyNoNewPool is why somebody cannot make a storage pool on a host.
func (w Words) WhyNoNewPool(host *model.Host, permissions map[string]client.Permission) string {
	return w.text(whyNotHost(host, permissions[rightStorage]))
}

// SortPools is those of one host, by name.
func SortPools(all map[model.Path]*model.StoragePool, host model.Path) []*model.StoragePool {
	return sortedOf(all, host, func(p *model.StoragePool) (model.Path, string) { return p.Host, p.Name })
}

var poolKinds = map[string]string{
	"dir": mark("Folder"), "fs": mark("File system"), "netfs": mark("Network folder"), "logical": mark("Volume group"),
	"disk": mark("Disk"), "iscsi": mark("iSCSI target"), "rbd": mark("Ceph"), "zfs": mark("ZFS"),
}

// PoolKind is what a storage pool is made of. A kind that is not known here
// stays as it is.
func (w Words) PoolKind(kind string) string { return lookUp(w, poolKinds, kind) }

// PoolFill is how full a storage pool is, from 0 to 1.
func PoolFill(p *model.StoragePool) float64 {
	if p.Capacity == 0 {
		return 0
	}
	return max(0, min(1, 1-float64(p.Available)/float64(p.Capacity)))
}

// PoolSummary is a storage pool in one line.
func (w Words) PoolSummary(p *model.StoragePool) string {
	if p.State != model.PoolRunning && p.State != model.PoolDegraded {
		return w.PoolState(p.State) + " · " + w.PoolKind(p.Kind)
	}
	// TRANSLATORS: two sizes: how much is free in a storage pool, and how large
	// it is.
	room := fmt.Sprintf(w.text("%s of %s free"), w.Size(p.Available), w.Size(p.Capacity))
	if p.State == model.PoolDegraded {
		return w.PoolState(p.State) + " · " + room
	}
	return room
}

// PoolFacts is what to know of a storage pool, in one line below its name.
func (w Words) PoolFacts(p *model.StoragePool) string {
	parts := []string{w.PoolState(p.State), w.PoolKind(p.Kind)}
	if p.Target != "" {
		parts = append(parts, p.Target)
	}
	return strings.Join(parts, " · ")
}
