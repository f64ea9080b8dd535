package virt

import (
	"context"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// Networks reads all networks; one that goes away meanwhile is left out.
func (c *Conn) Networks(ctx context.Context) ([]*model.Network, error) {
	return read(ctx, c, func(conn *libvirt.Connect) ([]*model.Network, error) {
		found, err := conn.ListAllNetworks(0)
		if errs.Is(translate(err, true), errs.NotSupported) {
			return nil, nil // a driver without networks has none
		}
		if err != nil {
			return nil, err
		}
		return askEach(ctx, found, (*libvirt.Network).Free, libvirt.ERR_NO_NETWORK, askNetwork)
	})
}

// Network reads one network.
func (c *Conn) Network(ctx context.Context, uuid string) (*model.Network, error) {
	return read(ctx, c, func(conn *libvirt.Connect) (*model.Network, error) {
		n, err := conn.LookupNetworkByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer n.Free()
		return askNetwork(n)
	})
}

// askNetwork reads everything about one network.
func askNetwork(n *libvirt.Network) (*model.Network, error) {
	xml, err := n.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	network, err := domainxml.ParseNetwork(xml)
	if err != nil {
		return nil, err
	}
	if network.UUID, err = n.GetUUIDString(); err != nil {
		return nil, err
	}
	if network.Active, err = n.IsActive(); err != nil {
		return nil, err
	}
	if network.Persistent, err = n.IsPersistent(); err != nil {
		return nil, err
	}
	if network.Persistent {
		network.Autostart, err = optional(n.GetAutostart())
	}
	if err == nil && network.Persistent && network.Active {
		network.PendingChanges, err = pendingOf(n, network)
	}
	return network, err
}

// pendingOf compares a running network with its stored definition.
func pendingOf(n *libvirt.Network, live *model.Network) ([]string, error) {
	xml, err := storedNetwork(n)
	if err != nil {
		return nil, err
	}
	stored, err := domainxml.ParseNetwork(xml)
	if err != nil {
		return nil, err
	}
	return domainxml.PendingNetworkChanges(live, stored), nil
}

// storedNetwork is the stored definition; of a driver that has one definition
// only it is that.
func storedNetwork(n *libvirt.Network) (string, error) {
	xml, err := n.GetXMLDesc(libvirt.NETWORK_XML_INACTIVE)
	if unsupported(err) {
		return n.GetXMLDesc(0)
	}
	return xml, err
}

// askEach reads what is behind handles, and gives them back. What went away
// meanwhile, for which libvirt has an error, is left out.
func askEach[T, M any](ctx context.Context, handles []T, free func(*T) error, gone libvirt.ErrorNumber, ask func(*T) (*M, error)) ([]*M, error) {
	all := make([]*M, 0, len(handles))
	for i := range handles {
		if err := ctx.Err(); err != nil {
			freeRest(handles[i:], free)
			return nil, err
		}
		one, err := ask(&handles[i])
		_ = free(&handles[i])
		switch {
		case err == nil:
			all = append(all, one)
		case !hasCode(err, gone):
			freeRest(handles[i+1:], free)
			return nil, err
		}
	}
	return all, nil
}

// freeRest gives back the handles that are not needed any more.
func freeRest[T any](handles []T, free func(*T) error) {
	for i := range handles {
		_ = free(&handles[i])
	}
}
