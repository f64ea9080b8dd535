package virt

import (
	"context"
	"slices"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
)

// undefineFlags is what goes with a definition, for drivers of any age: the
// first set that a driver knows is used.
var undefineFlags = []libvirt.DomainUndefineFlagsValues{
	undefineMost | libvirt.DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | libvirt.DOMAIN_UNDEFINE_TPM,
	undefineMost | libvirt.DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
	undefineMost,
	libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA,
	0,
}

const undefineMost = libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
	libvirt.DOMAIN_UNDEFINE_NVRAM

// Delete removes a definition; see inventory.Conn.
func (c *Conn) Delete(ctx context.Context, uuid string) error {
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		active, err := dom.IsActive()
		if err != nil {
			return err
		}
		if active {
			return errs.New(errs.InvalidState, "The virtual machine is running. Turn it off before you delete it.")
		}
		for _, flags := range undefineFlags {
			err = dom.UndefineFlags(flags)
			c.memory.redefined(uuid)
			if !hasCode(err, libvirt.ERR_INVALID_ARG, libvirt.ERR_NO_SUPPORT) {
				return err
			}
		}
		return err
	})
}

// Rename gives a VM that is off another name.
func (c *Conn) Rename(ctx context.Context, uuid, name string) error {
	if name == "" {
		return errs.New(errs.InvalidArgument, "The name of a virtual machine cannot be empty.")
	}
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error { return dom.Rename(name, 0) })
}

// SetAutostart says whether libvirt starts a VM with the host.
func (c *Conn) SetAutostart(ctx context.Context, uuid string, on bool) error {
	return c.quietly(ctx, uuid, func(dom *libvirt.Domain) error { return dom.SetAutostart(on) })
}

// XML is a VM's definition; see inventory.Conn.
func (c *Conn) XML(ctx context.Context, uuid string, inactive, secrets bool) (string, error) {
	var flags libvirt.DomainXMLFlags
	if inactive {
		flags |= libvirt.DOMAIN_XML_INACTIVE
	}
	if secrets {
		flags |= libvirt.DOMAIN_XML_SECURE
	}
	return readOver(ctx, c, c.texts, func(l *link) (string, error) {
		dom, err := l.handles.borrow(l.conn, uuid)
		if err != nil {
			return "", err
		}
		defer dom.Free()
		return dom.GetXMLDesc(flags)
	})
}

// DefineXML stores a definition; see inventory.Conn.
func (c *Conn) DefineXML(ctx context.Context, xml, uuid string) (string, error) {
	return c.defineXML(ctx, xml, uuid, true)
}

// DefineNew stores the definition of a new VM; see inventory.Conn.
func (c *Conn) DefineNew(ctx context.Context, xml string, storage bool) (string, error) {
	return c.defineXML(ctx, xml, "", storage)
}

func (c *Conn) defineXML(ctx context.Context, xml, uuid string, storage bool) (string, error) {
	xml = domainxml.Decoded(xml)
	name, ownUUID, err := domainxml.Check(xml)
	if err != nil {
		return "", err
	}
	w := work[string]{uuid: uuid}
	if uuid == "" {
		w.uuid = "name:" + name // two new VMs of one name take turns
	}
	return operate(ctx, c, w, func(conn *libvirt.Connect) (string, error) {
		if uuid == "" {
			err = checkNew(conn, name, ownUUID)
		} else {
			err = checkReplacement(conn, uuid, name, ownUUID)
		}
		if err != nil {
			return "", err
		}
		release, err := c.admitNew(conn, owner{uuid: uuid, name: name}, xml, storage)
		if err != nil {
			return "", err
		}
		defer release()
		dom, err := conn.DomainDefineXMLFlags(xml, libvirt.DOMAIN_DEFINE_VALIDATE)
		if err != nil {
			return "", err
		}
		defer dom.Free()
		if uuid == "" {
			if err := c.ownVariables(conn, dom, xml); err != nil {
				_ = dom.UndefineFlags(libvirt.DOMAIN_UNDEFINE_KEEP_NVRAM)
				return "", err
			}
		}
		defined := uuidOf(dom)
		c.memory.redefined(defined)
		return defined, nil
	})
}

// admitNew says why a VM may not get the images that are new in its definition.
func (c *Conn) admitNew(conn *libvirt.Connect, to owner, xml string, storage bool) (release func(), err error) {
	images, err := domainxml.Images(xml)
	if err != nil {
		return nil, err
	}
	if to.uuid == "" {
		return c.admit(conn, to, images, storage)
	}
	dom, err := conn.LookupDomainByUUIDString(to.uuid)
	if err != nil {
		return nil, err
	}
	defer dom.Free()
	old, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
	if err != nil {
		return nil, err
	}
	had, err := domainxml.Images(old)
	if err != nil {
		return nil, err
	}
	images = slices.DeleteFunc(images, func(i domainxml.Image) bool { return slices.ContainsFunc(had, i.Same) })
	return c.admit(conn, to, images, storage)
}

// checkNew refuses a definition that would replace a VM.
func checkNew(conn *libvirt.Connect, name, uuid string) error {
	for _, find := range []func() (*libvirt.Domain, error){
		func() (*libvirt.Domain, error) { return conn.LookupDomainByName(name) },
		func() (*libvirt.Domain, error) { return conn.LookupDomainByUUIDString(uuid) },
	} {
		dom, err := find()
		if err == nil {
			_ = dom.Free()
			return errs.New(errs.AlreadyExists, "A virtual machine with this name or UUID exists already.")
		}
		if uuid == "" {
			break // libvirt makes one
		}
	}
	return nil
}

// checkReplacement refuses a definition of another VM than the one meant.
func checkReplacement(conn *libvirt.Connect, uuid, name, ownUUID string) error {
	dom, err := conn.LookupDomainByUUIDString(uuid)
	if err != nil {
		return err
	}
	defer dom.Free()
	current, err := dom.GetName()
	switch {
	case err != nil:
		return err
	case ownUUID != uuid:
		return errs.New(errs.InvalidArgument, "The UUID in the XML must be the virtual machine's own, %s.", uuid)
	case name != current:
		return errs.New(errs.InvalidArgument, "The name in the XML must be the virtual machine's own, %q. Rename it separately.", current)
	}
	return nil
}
