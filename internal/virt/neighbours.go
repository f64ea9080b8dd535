package virt

import (
	"context"
	"slices"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/model"
)

// neighbourDelays is when the host's own table of neighbours is asked for a VM
// that was seen to run: nothing announces that a guest has spoken.
var neighbourDelays = [...]time.Duration{0, 10 * time.Second, 30 * time.Second, 2 * time.Minute}

// askNeighboursSoon has the host asked for a VM's addresses; it never blocks.
func (c *Conn) askNeighboursSoon(uuid string) {
	for _, d := range neighbourDelays {
		time.AfterFunc(d, func() {
			if c.ctx.Err() == nil && c.memory.needsNeighbours(uuid) {
				c.later(uuid, taskNeighbours)
			}
		})
	}
}

// neighbours lists what the host's ARP table knows of a VM's interfaces. It
// asks neither the guest nor QEMU.
func (c *Conn) neighbours(ctx context.Context, uuid string) (map[string][]string, error) {
	return onVM(ctx, c, work[map[string][]string]{uuid: uuid}, func(dom *libvirt.Domain) (map[string][]string, error) {
		interfaces, err := dom.ListAllInterfaceAddresses(libvirt.DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)
		if err != nil {
			return nil, err
		}
		return byMAC(interfaces), nil
	})
}

// maxAddresses is how many addresses of an interface are told. A guest can claim
// to have any number.
const maxAddresses = 32

// byMAC is the addresses that lead to a guest, by its interfaces' MACs.
func byMAC(interfaces []libvirt.DomainInterface) map[string][]string {
	addresses := make(map[string][]string)
	for _, i := range interfaces {
		mac := strings.ToLower(i.Hwaddr)
		for _, a := range i.Addrs {
			if len(addresses[mac]) < maxAddresses && reachable(a.Addr) && !slices.Contains(addresses[mac], a.Addr) {
				addresses[mac] = append(addresses[mac], a.Addr)
			}
		}
	}
	return addresses
}

// firstRun says whether a VM that runs has not been seen to since it started.
func (m *memory) firstRun(vm *model.VM) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.of(vm.UUID)
	first := vm.State.Active() && !v.seenRunning && len(vm.Interfaces) > 0
	v.seenRunning = vm.State.Active()
	return first
}

// needsNeighbours says whether a VM has an interface that neither its agent nor
// DHCP knows an address of.
func (m *memory) needsNeighbours(uuid string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.vms[uuid]
	return v != nil && v.seenRunning && slices.ContainsFunc(v.macs, func(mac string) bool {
		return len(v.agent[mac]) == 0 && len(m.leases[mac]) == 0
	})
}

// setNeighbours replaces what the host's table said and says whether that
// differs.
func (m *memory) setNeighbours(uuid string, byMAC map[string][]string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.vms[uuid]
	if v == nil {
		return false
	}
	differ := !sameAddresses(v.neighbours, byMAC)
	v.neighbours = byMAC
	return differ
}
