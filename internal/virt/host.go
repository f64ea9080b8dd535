package virt

import (
	"context"
	"fmt"
	"slices"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/model"
)

// Host reads what the connection and its machine are. State and identity in
// our tree are the inventory's business.
func (c *Conn) Host(ctx context.Context) (model.Host, error) {
	return read(ctx, c, func(conn *libvirt.Connect) (model.Host, error) {
		xml, err := conn.GetCapabilities()
		if err != nil {
			return model.Host{}, err
		}
		h, err := domainxml.ParseHost(xml)
		if err != nil {
			return model.Host{}, err
		}
		h.URI, h.State = c.uri, model.Connected
		return h, askHost(conn, &h)
	})
}

// askHost asks for what the capabilities do not say. A driver that does not
// know a thing leaves it empty.
func askHost(conn *libvirt.Connect, h *model.Host) error {
	for _, ask := range []func() error{
		func() (err error) { h.Hostname, err = conn.GetHostname(); return err },
		func() (err error) { h.HypervisorName, err = conn.GetType(); return err },
		func() error { v, err := conn.GetVersion(); h.HypervisorVersion = version(v); return err },
		func() error { v, err := conn.GetLibVersion(); h.LibvirtVersion = version(v); return err },
		func() error { return askNode(conn, h) },
	} {
		if err := ask(); err != nil && !unsupported(err) {
			return err
		}
	}
	return nil
}

// askNode asks for the size of the machine.
func askNode(conn *libvirt.Connect, h *model.Host) error {
	node, err := conn.GetNodeInfo()
	if err != nil {
		return err
	}
	h.MemoryTotal = node.Memory * 1024
	h.CPUs = uint32(node.Cpus)
	if h.CPUSockets == 0 {
		h.CPUSockets, h.CPUCores, h.CPUThreads = node.Sockets*max(node.Nodes, 1), node.Cores, node.Threads
	}
	return nil
}

// version writes libvirt's numbers, 1,000,000 for each major, as people do.
func version(v uint32) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", v/1_000_000, v/1000%1000, v%1000)
}

// Capabilities is what the host can give to a VM of its own architecture.
func (c *Conn) Capabilities(ctx context.Context) (model.Capabilities, error) {
	return read(ctx, c, func(conn *libvirt.Connect) (model.Capabilities, error) {
		caps, err := c.capabilities(conn)
		if err != nil {
			return caps, err
		}
		caps.PoolKinds, err = poolKinds(conn)
		return caps, err
	})
}

// capabilities is what libvirt tells, put right by what can be seen of a local
// host.
func (c *Conn) capabilities(conn *libvirt.Connect) (model.Capabilities, error) {
	caps, err := askCapabilities(conn)
	if err != nil {
		return caps, err
	}
	local := c.places.config != ""
	if !local || readsWeb(caps.Emulator) {
		caps.URLSchemes = webSchemes()
	}
	if local && !installed(build.Passt, programFolders) {
		caps.InterfaceBackends = slices.DeleteFunc(caps.InterfaceBackends, func(b string) bool { return b == build.Passt })
	}
	return caps, nil
}

// poolKinds is the kinds of storage pools that the host has what it takes for;
// none if the driver does not tell.
func poolKinds(conn *libvirt.Connect) ([]string, error) {
	xml, err := conn.GetStoragePoolCapabilities(0)
	switch {
	case unsupported(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return domainxml.ParsePoolKinds(xml)
}

// askCapabilities asks twice: the first answer says whether KVM can be used,
// and the second depends on it.
func askCapabilities(conn *libvirt.Connect) (model.Capabilities, error) {
	xml, err := conn.GetCapabilities()
	if err != nil {
		return model.Capabilities{}, err
	}
	caps, err := domainxml.ParseCapabilities(xml, "")
	if err != nil {
		return model.Capabilities{}, err
	}
	host, err := domainxml.ParseHost(xml)
	if err != nil {
		return model.Capabilities{}, err
	}
	kind := "" // the driver's own choice
	if slices.Contains(caps.DomainTypes, "kvm") {
		kind = "kvm"
	}
	domXML, err := conn.GetDomainCapabilities("", host.Architecture, "", kind, 0)
	switch {
	case unsupported(err):
		return caps, nil
	case err != nil:
		return caps, err
	}
	return domainxml.ParseCapabilities(xml, domXML)
}
