package virt

import (
	"context"
	"sync"
	"sync/atomic"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// overview is what libvirt says of all VMs in a handful of calls.
type overview struct {
	doms                         []*handle
	autostart, saved, persistent map[string]bool
	states                       map[string]vmStats // empty where the driver has no bulk call
}

// handle is a VM in a list. Whoever takes it frees it: the read of that VM, or
// VMs when that read never came to be.
type handle struct {
	dom   libvirt.Domain
	uuid  string
	taken atomic.Bool
}

// take says whether the caller has the handle now.
func (h *handle) take() bool { return h.taken.CompareAndSwap(false, true) }

// VMs reads all VMs; see inventory.Conn. One that goes away meanwhile is left
// out. The disks' sizes follow as events if they take long.
func (c *Conn) VMs(ctx context.Context) ([]*model.VM, error) {
	all, err := read(ctx, c, look)
	if err != nil {
		return nil, err
	}
	if byMAC, err := c.leases(ctx); err == nil {
		c.memory.setLeases(byMAC)
	}
	vms, err := c.readAll(ctx, all)
	for _, h := range all.doms {
		if h.take() {
			_ = h.dom.Free()
		}
	}
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(all.doms))
	for _, h := range all.doms {
		known[h.uuid] = true
	}
	c.memory.retain(known)
	return vms, nil
}

// look makes the bulk calls.
func look(conn *libvirt.Connect) (*overview, error) {
	all := &overview{}
	for _, set := range []struct {
		flag libvirt.ConnectListAllDomainsFlags
		into *map[string]bool
	}{
		{libvirt.CONNECT_LIST_DOMAINS_AUTOSTART, &all.autostart},
		{libvirt.CONNECT_LIST_DOMAINS_MANAGEDSAVE, &all.saved},
		{libvirt.CONNECT_LIST_DOMAINS_PERSISTENT, &all.persistent},
	} {
		var err error
		if *set.into, err = list(conn, set.flag); err != nil {
			return nil, err
		}
	}
	var err error
	if all.states, err = allStats(conn, statsState, false); err != nil && !unsupported(err) {
		return nil, err
	}
	doms, err := conn.ListAllDomains(0)
	for i := range doms {
		all.doms = append(all.doms, &handle{dom: doms[i], uuid: uuidOf(&doms[i])})
	}
	return all, err
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
func (c *Conn) readAll(ctx context.Context, all *overview) ([]*model.VM, error) {
	var (
		mu     sync.Mutex
		vms    = make([]*model.VM, 0, len(all.doms))
		failed error
		next   = make(chan *handle)
		group  sync.WaitGroup
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range callsPerLink {
		group.Add(1)
		go func() {
			defer group.Done()
			for h := range next {
				vm, err := c.readListed(ctx, all, h)
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
	for _, h := range all.doms {
		next <- h
	}
	close(next)
	group.Wait()
	if failed != nil {
		return nil, failed
	}
	return vms, nil
}

// readListed reads what the bulk calls did not say about a VM.
func (c *Conn) readListed(ctx context.Context, all *overview, h *handle) (*model.VM, error) {
	s, err := read(ctx, c, func(*libvirt.Connect) (*sources, error) {
		if !h.take() {
			return nil, ctx.Err() // nobody waits for it any more
		}
		defer h.dom.Free()
		s := &sources{
			uuid: h.uuid, persistent: all.persistent[h.uuid],
			autostart: all.autostart[h.uuid], saved: all.saved[h.uuid],
		}
		if st, ok := all.states[h.uuid]; ok {
			s.state, s.reason = libvirt.DomainState(st.state), st.reason
		} else {
			var err error
			if s.state, s.reason, err = h.dom.GetState(); err != nil {
				return nil, err
			}
		}
		return s, s.describe(&h.dom)
	})
	if err != nil {
		return nil, err
	}
	return c.build(s, false)
}
