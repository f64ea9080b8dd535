package virt

import (
	"context"
	"sync"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// VMs reads all VMs; see inventory.Conn. One that goes away meanwhile is left
// out. One whose QEMU hangs has nothing but its name and state at first. Disk
// sizes follow as events.
func (c *Conn) VMs(ctx context.Context) ([]*model.VM, error) {
	all, err := readOver(ctx, c, c.texts, c.survey)
	if err != nil {
		return nil, err
	}
	if byMAC, err := c.leases(ctx); err == nil {
		c.memory.setLeases(byMAC)
	}
	vms, err := c.readAll(ctx, all)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(all))
	for _, s := range all {
		known[s.uuid] = true
	}
	c.memory.retain(known)
	c.eachReader(func(l *link) { l.handles.retain(known) })
	return vms, nil
}

// survey asks about all VMs in six calls, and about the snapshots of those that have some.
func (c *Conn) survey(l *link) ([]*sources, error) {
	conn := l.conn
	sets := make(map[libvirt.ConnectListAllDomainsFlags]map[string]bool)
	for _, flag := range []libvirt.ConnectListAllDomainsFlags{
		libvirt.CONNECT_LIST_DOMAINS_AUTOSTART, libvirt.CONNECT_LIST_DOMAINS_MANAGEDSAVE, libvirt.CONNECT_LIST_DOMAINS_PERSISTENT,
		libvirt.CONNECT_LIST_DOMAINS_HAS_SNAPSHOT,
	} {
		var err error
		if sets[flag], err = list(conn, flag); err != nil {
			return nil, err
		}
	}
	states, err := allStats(conn, statsState, false)
	if err != nil && !unsupported(err) {
		return nil, err
	}
	doms, err := conn.ListAllDomains(0)
	if err != nil {
		return nil, err
	}
	all := make([]*sources, 0, len(doms))
	for i := range doms {
		s := &sources{uuid: uuidOf(&doms[i])}
		s.name, _ = doms[i].GetName()     // the handle knows it
		c.memory.snapshotsChanged(s.uuid) // a list is for what nobody told of
		s.autostart = sets[libvirt.CONNECT_LIST_DOMAINS_AUTOSTART][s.uuid]
		s.saved = sets[libvirt.CONNECT_LIST_DOMAINS_MANAGEDSAVE][s.uuid]
		s.persistent = sets[libvirt.CONNECT_LIST_DOMAINS_PERSISTENT][s.uuid]
		if sets[libvirt.CONNECT_LIST_DOMAINS_HAS_SNAPSHOT][s.uuid] {
			if s.snapshots, err = c.snapshots(&doms[i], s.uuid); err != nil {
				c.log.Warn("cannot read the snapshots of a VM", "vm_uuid", s.uuid, "error", err)
			}
		}
		if st, ok := states[s.uuid]; ok {
			s.state, s.reason = libvirt.DomainState(st.state), st.reason
		} else if s.state, s.reason, err = doms[i].GetState(); err != nil {
			_ = doms[i].Free()
			continue // it went away, or an event follows
		}
		all = append(all, s)
		l.handles.adopt(s.uuid, &doms[i])
	}
	return all, nil
}

// list gives the UUIDs of the VMs that have a property.
func list(conn *libvirt.Connect, flag libvirt.ConnectListAllDomainsFlags) (map[string]bool, error) {
	doms, err := conn.ListAllDomains(flag)
	if err != nil {
		return nil, err
	}
	uuids := make(map[string]bool, len(doms))
	for i := range doms {
		uuids[uuidOf(&doms[i])] = true
		_ = doms[i].Free()
	}
	return uuids, nil
}

// readAll reads every VM, as many at once as a connection carries.
func (c *Conn) readAll(ctx context.Context, all []*sources) ([]*model.VM, error) {
	var (
		mu     sync.Mutex
		vms    = make([]*model.VM, 0, len(all))
		failed error
		next   = make(chan *sources)
		group  sync.WaitGroup
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range callsPerLink {
		group.Add(1)
		go func() {
			defer group.Done()
			for s := range next {
				vm, err := c.readListed(ctx, s)
				mu.Lock()
				switch {
				case err == nil:
					vms = append(vms, vm)
				case !errs.Is(err, errs.NotFound) && failed == nil:
					failed = err
					cancel()
				}
				mu.Unlock()
			}
		}()
	}
	for _, s := range all {
		next <- s
	}
	close(next)
	group.Wait()
	if failed != nil {
		return nil, failed
	}
	return vms, nil
}

// readListed reads what the survey did not say about a VM.
func (c *Conn) readListed(ctx context.Context, s *sources) (*model.VM, error) {
	got, err := c.fetch(ctx, s.uuid, s, listPatience)
	if errs.Is(err, errs.Busy) {
		return c.complete(&model.VM{Name: s.name, ID: -1}, s), nil
	}
	if err != nil {
		return nil, err
	}
	vm, err := c.parsed.fresh(got.definitions)
	if err != nil {
		return nil, err
	}
	return c.complete(vm, s), nil
}
