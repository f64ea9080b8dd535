package virt

import (
	"context"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/model"
)

// Leases lists the leases of a network; see inventory.Conn.
func (c *Conn) Leases(ctx context.Context, uuid string) ([]model.Lease, error) {
	return read(ctx, c, func(conn *libvirt.Connect) ([]model.Lease, error) {
		n, err := conn.LookupNetworkByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer n.Free()
		if active, err := n.IsActive(); err != nil || !active {
			return nil, err
		}
		found, err := n.GetDHCPLeases()
		if err != nil {
			if unsupported(err) || hasCode(err, libvirt.ERR_OPERATION_INVALID) {
				return nil, nil // it leases nothing
			}
			return nil, err
		}
		leases := make([]model.Lease, len(found))
		for i, l := range found {
			leases[i] = model.Lease{
				MAC: strings.ToLower(l.Mac), Address: l.IPaddr, Prefix: uint32(l.Prefix), Family: "ipv4",
				Name: l.Hostname, ID: l.Clientid, ExpiresAt: l.ExpiryTime,
			}
			if l.Type == libvirt.IP_ADDR_TYPE_IPV6 {
				leases[i].Family = "ipv6"
			}
		}
		slices.SortFunc(leases, func(a, b model.Lease) int { return strings.Compare(a.Address, b.Address) })
		return leases, nil
	})
}
