package virt

import (
	"sync"

	"libvirt.org/go/libvirt"
)

// handles keeps one handle of each VM that was read over a link, so that a
// read need not look it up. It owns them; who borrows one has a reference of
// its own. All are given back before the connection is closed. The only calls
// made with the lock held take references, which asks nobody.
type handles struct {
	mu  sync.Mutex
	vms map[string]*libvirt.Domain // guarded by mu, by UUID
}

// borrow gives a reference to a VM's handle, which the caller frees.
func (h *handles) borrow(conn *libvirt.Connect, uuid string) (*libvirt.Domain, error) {
	h.mu.Lock()
	dom := h.vms[uuid]
	if dom != nil {
		defer h.mu.Unlock()
		return dom, dom.Ref()
	}
	h.mu.Unlock()
	dom, err := conn.LookupDomainByUUIDString(uuid)
	if err != nil {
		return nil, err
	}
	if err := dom.Ref(); err != nil {
		_ = dom.Free()
		return nil, err
	}
	h.adopt(uuid, dom)
	return dom, nil
}

// adopt takes over a handle, unless there is one already.
func (h *handles) adopt(uuid string, dom *libvirt.Domain) {
	h.mu.Lock()
	known := h.vms[uuid] != nil
	if !known {
		if h.vms == nil {
			h.vms = make(map[string]*libvirt.Domain)
		}
		h.vms[uuid] = dom
	}
	h.mu.Unlock()
	if known {
		_ = dom.Free()
	}
}

// retain gives back the handles of all VMs that are not in the list.
func (h *handles) retain(uuids map[string]bool) {
	h.mu.Lock()
	var gone []*libvirt.Domain
	for uuid, dom := range h.vms {
		if !uuids[uuid] {
			gone = append(gone, dom)
			delete(h.vms, uuid)
		}
	}
	h.mu.Unlock()
	for _, dom := range gone {
		_ = dom.Free()
	}
}

// drop gives back the handle of a VM that is gone.
func (h *handles) drop(uuid string) {
	h.mu.Lock()
	dom := h.vms[uuid]
	delete(h.vms, uuid)
	h.mu.Unlock()
	if dom != nil {
		_ = dom.Free()
	}
}
