package virt

import (
	"context"
	"maps"
	"slices"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/service/inventory"
)

const (
	// sweepEvery is how often what cannot be watched is asked for.
	sweepEvery = time.Minute
	// sweepsPerList is how many sweeps go by until everything is listed
	// again, for changes that only a definition shows.
	sweepsPerList = 10
)

// startWatching watches libvirt's files, and sweeps for what that misses. The
// test driver has neither files nor other users.
func (c *Conn) startWatching() {
	if isTest(c.uri) {
		return
	}
	c.later("", taskScratch)
	c.sweepPools()
	p, local := placesOf(c.uri)
	if !local {
		c.log.Info("changes of stored definitions by other tools show late: libvirt's files are out of reach")
		c.sweepFor(sweep{flags: true, leases: true, definitions: true})
		return
	}
	w, blind, err := newWatcher(p.folders(), c.log)
	if err == nil {
		c.watch = w
		w.changed = c.filesChanged
		w.overrun = func() { c.queue.push(inventory.Event{Kind: inventory.HostEvent}) }
		c.tasks.Add(1)
		go func() { defer c.tasks.Done(); w.run() }()
	}
	var s sweep
	for _, f := range blind {
		c.log.Info("changes by other tools show late: a folder of libvirt's cannot be watched", "folder", f.path, "every", sweepEvery)
		s.miss(f, p)
	}
	if s != (sweep{}) {
		c.sweepFor(s)
	}
}

// sweep says what has to be asked for now and then.
type sweep struct {
	flags       bool // autostart, saved states and first snapshots of VMs
	leases      bool
	definitions bool
}

// miss adds what a folder would have told.
func (s *sweep) miss(f folder, p places) {
	switch {
	case f.about == aboutLeases:
		s.leases = true
	case f.path == p.save:
		s.flags = true
	case f.about == aboutSnapshots:
		s.flags, s.definitions = true, true
	default:
		s.flags, s.definitions = true, true
	}
}

// sweepFor asks until the connection ends.
func (c *Conn) sweepFor(s sweep) {
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		ticker := time.NewTicker(sweepEvery)
		defer ticker.Stop()
		var last flags
		for n := 1; ; n++ {
			select {
			case <-c.ctx.Done():
				return
			case <-ticker.C:
			}
			if s.leases {
				c.later("", taskLeases)
			}
			if s.flags {
				last = c.sweepFlags(last)
			}
			if s.definitions && n%sweepsPerList == 0 {
				c.queue.push(inventory.Event{Kind: inventory.HostEvent})
			}
		}
	}()
}

// flags is which VMs have what no event tells of.
type flags struct{ autostart, saved, snapshots map[string]bool }

// sweepFlags asks for all VMs in three calls and announces those that differ.
func (c *Conn) sweepFlags(last flags) flags {
	ctx, cancel := context.WithTimeout(c.ctx, sweepEvery)
	defer cancel()
	now, err := read(ctx, c, func(conn *libvirt.Connect) (f flags, err error) {
		if f.autostart, err = list(conn, libvirt.CONNECT_LIST_DOMAINS_AUTOSTART); err != nil {
			return f, err
		}
		if f.saved, err = list(conn, libvirt.CONNECT_LIST_DOMAINS_MANAGEDSAVE); err != nil {
			return f, err
		}
		f.snapshots, err = list(conn, libvirt.CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)
		return f, err
	})
	if err != nil {
		return last
	}
	if last.autostart != nil {
		snapshots := differ(last.snapshots, now.snapshots)
		for _, uuid := range snapshots {
			c.memory.snapshotsChanged(uuid)
		}
		for _, uuid := range slices.Concat(differ(last.autostart, now.autostart), differ(last.saved, now.saved), snapshots) {
			c.hint(inventory.VMEvent, uuid, false)
		}
	}
	return now
}

// differ is what only one of the sets has.
func differ(a, b map[string]bool) []string {
	var uuids []string
	for uuid := range maps.Keys(a) {
		if !b[uuid] {
			uuids = append(uuids, uuid)
		}
	}
	for uuid := range maps.Keys(b) {
		if !a[uuid] {
			uuids = append(uuids, uuid)
		}
	}
	return uuids
}

// filesChanged makes hints of changed files.
func (c *Conn) filesChanged(changes map[change]bool) {
	for ch := range changes {
		switch ch.about {
		case aboutLeases:
			c.later("", taskLeases)
		case aboutVM:
			c.named(inventory.VMEvent, ch.name)
		case aboutSnapshots:
			if uuid := c.memory.uuidOfName(ch.name); uuid != "" {
				c.memory.snapshotsChanged(uuid)
			}
			c.named(inventory.VMEvent, ch.name)
		case aboutNetwork:
			c.named(inventory.NetworkEvent, ch.name)
		case aboutPool:
			c.named(inventory.PoolEvent, ch.name)
		}
	}
}

// named makes a hint about the object of this name. One that libvirt does not
// know (any more) is no news: it announces what comes and goes.
func (c *Conn) named(kind inventory.EventKind, name string) {
	uuid := ""
	if kind == inventory.VMEvent {
		uuid = c.memory.uuidOfName(name)
	}
	if uuid == "" {
		ctx, cancel := context.WithTimeout(c.ctx, taskPatience)
		defer cancel()
		var err error
		ask := func(conn *libvirt.Connect) (string, error) { return lookupName(conn, kind, name) }
		if kind == inventory.PoolEvent {
			uuid, err = readPools(ctx, c, "", ask)
		} else {
			uuid, err = read(ctx, c, ask)
		}
		if err != nil {
			return
		}
	}
	c.hint(kind, uuid, false)
}

// lookupName finds the UUID of an object by its name.
func lookupName(conn *libvirt.Connect, kind inventory.EventKind, name string) (string, error) {
	var (
		object interface {
			named
			Free() error
		}
		err error
	)
	switch kind {
	case inventory.NetworkEvent:
		object, err = conn.LookupNetworkByName(name)
	case inventory.PoolEvent:
		object, err = conn.LookupStoragePoolByName(name)
	default:
		object, err = conn.LookupDomainByName(name)
	}
	if err != nil {
		return "", err
	}
	defer object.Free()
	return object.GetUUIDString()
}
