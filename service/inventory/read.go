package inventory

import (
	"context"
	"time"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/journal"
)

// everything is what a full list gives.
type everything struct {
	vms      []*model.VM
	networks []*model.Network
	pools    []*model.StoragePool
	// poolsUnknown is set when the pools are not in it: they are read apart, since
	// libvirt may not tell about them for now.
	poolsUnknown bool
}

func list(ctx context.Context, conn Conn) (everything, error) {
	pools, err := conn.Pools(ctx)
	late := errs.Is(err, errs.Timeout) && ctx.Err() == nil
	if err != nil && !errs.Is(err, errs.NotSupported) && !late {
		return everything{}, err
	}
	all, err := listOthers(ctx, conn)
	all.pools, all.poolsUnknown = pools, late
	return all, err
}

// listOthers lists everything but the pools.
func listOthers(ctx context.Context, conn Conn) (everything, error) {
	all := everything{poolsUnknown: true}
	var err error
	if all.networks, err = conn.Networks(ctx); err != nil && !errs.Is(err, errs.NotSupported) {
		return all, err
	}
	all.vms, err = conn.VMs(ctx)
	return all, err
}

// reread reads one object and publishes what changed. When it fails, it is tried
// again later.
func (h *Host) reread(ctx context.Context, conn Conn, k key) error {
	timeout := readTimeout
	if k.kind == HostEvent {
		timeout = listTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var err error
	switch k.kind {
	case VMEvent:
		h.endTransitions(k.id)
		before := h.VM(k.id)
		err = readOne(h, k.id, func() (*model.VM, error) { return conn.VM(ctx, k.id) }, h.putVM, h.dropVM)
		h.tellCrash(before, k.id)
	case NetworkEvent:
		err = readOne(h, k.id, func() (*model.Network, error) { return conn.Network(ctx, k.id) }, h.putNetwork, h.dropNetwork)
	case HostEvent:
		err = h.relist(ctx, conn)
	}
	if err != nil && !errs.Is(err, errs.Disconnected) && !errs.Is(err, errs.Cancelled) {
		h.log.Warn("cannot read an object; trying again", "object", k.id, "error", err)
		time.AfterFunc(retryDelay, func() { h.queue.add(k, nil) })
	}
	return err
}

// tellCrash notes in the log that a VM crashed, once: an event said so, or the
// VM looks so, since libvirt has no event of its own for a process that died.
func (h *Host) tellCrash(before *model.VM, uuid string) {
	now, said := h.VM(uuid), h.crashes[uuid]
	delete(h.crashes, uuid)
	if before == nil || crashed(before) || !said && (now == nil || !crashed(now)) {
		return
	}
	h.log.Warn("a VM crashed", journal.MessageID(journal.VMCrashed), "vm_name", before.Name, "vm_uuid", uuid)
}

func crashed(vm *model.VM) bool {
	return vm.State == model.VMCrashed || vm.State != model.VMRunning && vm.StateReason == "crashed"
}

func readOne[T any](h *Host, id string, read func() (*T, error), put func(*Update, *T), drop func(*Update, string)) error {
	value, err := read()
	switch {
	case errs.Is(err, errs.NotFound):
		h.apply(func(u *Update) { drop(u, id) })
		return nil
	case err != nil:
		return err
	}
	h.apply(func(u *Update) { put(u, value) })
	return nil
}

func (h *Host) relist(ctx context.Context, conn Conn) error {
	all, err := listOthers(ctx, conn)
	if err != nil {
		return err
	}
	h.apply(func(u *Update) { h.putAll(u, all) })
	h.queueStorage(all)
	return nil
}

// queueStorage has read what a list does not say about storage.
func (h *Host) queueStorage(all everything) {
	if all.poolsUnknown {
		h.poolQueue.add(allPools, nil)
	}
	h.queueVolumes(all.pools)
}
