package virt

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
)

// onNetwork runs an operation on one network.
func onNetwork[T any](ctx context.Context, c *Conn, uuid string, fn func(*libvirt.Network) (T, error)) (T, error) {
	return operate(ctx, c, work[T]{uuid: uuid}, func(conn *libvirt.Connect) (T, error) {
		n, err := conn.LookupNetworkByUUIDString(uuid)
		if err != nil {
			var none T
			return none, err
		}
		defer n.Free()
		return fn(n)
	})
}

// controlNetwork is onNetwork without a value.
func (c *Conn) controlNetwork(ctx context.Context, uuid string, fn func(*libvirt.Network) error) error {
	_, err := onNetwork(ctx, c, uuid, func(n *libvirt.Network) (struct{}, error) { return struct{}{}, fn(n) })
	return err
}

// CreateNetwork makes a network; see inventory.Conn.
func (c *Conn) CreateNetwork(ctx context.Context, setup model.NetworkSetup) (string, error) {
	xml, err := domainxml.NewNetwork(&setup)
	if err != nil {
		return "", err
	}
	// Two new networks of one name take turns.
	return operate(ctx, c, work[string]{uuid: "network:" + setup.Name}, func(conn *libvirt.Connect) (string, error) {
		if err := c.checkNewNetwork(conn, &setup); err != nil {
			return "", err
		}
		n, err := conn.NetworkDefineXML(xml)
		if err != nil {
			return "", err
		}
		defer n.Free()
		if err := setUp(n, &setup); err != nil {
			if left := n.Undefine(); left != nil {
				slog.Warn("a network that cannot start is left behind", "network", setup.Name, "error", left)
			}
			return "", err
		}
		return n.GetUUIDString()
	})
}

// setUp does what comes after the definition, starting last.
func setUp(n *libvirt.Network, setup *model.NetworkSetup) error {
	if setup.Autostart {
		if err := n.SetAutostart(true); err != nil {
			return err
		}
	}
	if setup.Start == nil || *setup.Start {
		return startNetwork(n)
	}
	return nil
}

// checkNewNetwork refuses what libvirt would find out late, or not say well.
func (c *Conn) checkNewNetwork(conn *libvirt.Connect, setup *model.NetworkSetup) error {
	if n, err := conn.LookupNetworkByName(setup.Name); err == nil {
		_ = n.Free()
		return errs.New(errs.AlreadyExists, "There is already a network called “%s”.", setup.Name)
	}
	return c.checkLink(conn, setup, nil)
}

// checkLink looks whether the host has the interfaces that a network needs, and
// not the one that it makes: libvirt deletes a bridge of the host that it cannot
// make. It looks at what is given.
func (c *Conn) checkLink(conn *libvirt.Connect, setup *model.NetworkSetup, given model.Keys) error {
	there, known := c.hostInterfaces(conn)
	switch {
	case !known:
		return nil // libvirt says it when the network starts
	case given.Any("bridge", "mode") && setup.Mode == model.NetworkBridge && !there[setup.Bridge]:
		return errs.New(errs.NotFound, "The host has no bridge “%s”. Make it in the host's network settings first.", setup.Bridge)
	case given.Any("bridge") && setup.Managed() && setup.Bridge != "" && there[setup.Bridge]:
		return errs.New(errs.AlreadyExists, "The host has an interface called “%s” already. Choose another name for the bridge, or none.", setup.Bridge)
	case given.Any("host-device") && setup.HostDevice != "" && !there[setup.HostDevice]:
		return errs.New(errs.NotFound, "The host has no network interface “%s”.", setup.HostDevice)
	}
	return nil
}

// StartNetwork starts a network; see inventory.Conn.
func (c *Conn) StartNetwork(ctx context.Context, uuid string) error {
	return c.controlNetwork(ctx, uuid, startNetwork)
}

// inUse is how libvirt says that the host has a route to the addresses of a
// network; the name of an interface comes after it.
const inUse = "Network is already in use by interface "

func startNetwork(n *libvirt.Network) error {
	err := n.Create()
	var virt libvirt.Error
	if errors.As(err, &virt) {
		if _, name, found := strings.Cut(virt.Message, inUse); found {
			return errs.New(errs.DeviceInUse, "The host's interface “%s” has addresses of this network already. Give the network others.", name)
		}
	}
	return err
}

// StopNetwork stops a network; see inventory.Conn.
func (c *Conn) StopNetwork(ctx context.Context, uuid string) error {
	return c.controlNetwork(ctx, uuid, (*libvirt.Network).Destroy)
}

// SetNetworkAutostart says whether libvirt starts a network with the host.
func (c *Conn) SetNetworkAutostart(ctx context.Context, uuid string, on bool) error {
	return c.controlNetwork(ctx, uuid, func(n *libvirt.Network) error { return n.SetAutostart(on) })
}

// DeleteNetwork stops a network and removes its definition; see inventory.Conn.
// One that cannot be removed goes on as it was.
func (c *Conn) DeleteNetwork(ctx context.Context, uuid string, force bool) error {
	_, err := operate(ctx, c, work[struct{}]{uuid: uuid}, func(conn *libvirt.Connect) (struct{}, error) {
		n, err := conn.LookupNetworkByUUIDString(uuid)
		if err != nil {
			return struct{}{}, err
		}
		defer n.Free()
		if !force {
			if err := notWanted(conn, n); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, deleteNetwork(n)
	})
	return err
}

// notWanted says which VM has an interface in a network at its next boot, if one
// has: what is only stored is not in what a VM is now.
func notWanted(conn *libvirt.Connect, n *libvirt.Network) error {
	network, err := n.GetName()
	if err != nil {
		return err
	}
	doms, err := conn.ListAllDomains(0)
	if err != nil {
		return err
	}
	defer freeRest(doms, (*libvirt.Domain).Free)
	for i := range doms {
		xml, err := doms[i].GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
		if hasCode(err, libvirt.ERR_NO_DOMAIN) {
			continue // it went away meanwhile
		}
		if err != nil {
			return err
		}
		vm, err := domainxml.ParseVM("", xml)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(vm.Interfaces, func(d *model.Device) bool { return d.NetworkName == network }) {
			return errs.New(errs.DeviceInUse, "“%s” needs the network “%s” at its next boot. Connect it elsewhere before you delete it.", vm.Name, network)
		}
	}
	return nil
}

func deleteNetwork(n *libvirt.Network) error {
	active, err := n.IsActive()
	if err != nil {
		return err
	}
	persistent, err := n.IsPersistent()
	if err != nil {
		return err
	}
	if active {
		if err := n.Destroy(); err != nil {
			return err
		}
	}
	if !persistent {
		return nil // it went with its bridge
	}
	if err := n.Undefine(); err != nil {
		if active {
			_ = n.Create()
		}
		return err
	}
	return nil
}
