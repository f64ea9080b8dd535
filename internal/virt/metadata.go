package virt

import (
	"context"
	"strings"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// SetTitle stores a VM's title.
func (c *Conn) SetTitle(ctx context.Context, uuid, title string) error {
	if strings.ContainsAny(title, "\r\n") {
		return errs.New(errs.InvalidArgument, "A title must be a single line.")
	}
	return c.setMetadata(ctx, uuid, libvirt.DOMAIN_METADATA_TITLE, title)
}

// SetDescription stores a VM's description.
func (c *Conn) SetDescription(ctx context.Context, uuid, text string) error {
	return c.setMetadata(ctx, uuid, libvirt.DOMAIN_METADATA_DESCRIPTION, text)
}

// SetTags stores a VM's tags as an XML element of ours.
func (c *Conn) SetTags(ctx context.Context, uuid string, tags []string) error {
	xml, err := domainxml.TagsXML(tags)
	if err != nil {
		return err
	}
	return c.setMetadata(ctx, uuid, libvirt.DOMAIN_METADATA_ELEMENT, xml)
}

// setElement is setMetadata for an element with a namespace, on a VM at hand.
func setElement(dom *libvirt.Domain, xml, prefix, namespace string) error {
	impact, err := whereItIs(dom)
	if err != nil {
		return err
	}
	err = dom.SetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, xml, prefix, namespace, impact)
	if hasCode(err, libvirt.ERR_NO_DOMAIN_METADATA) && xml == "" {
		return nil // there was none to remove
	}
	return err
}

// setMetadata changes the stored definition and the running VM, whichever
// exist. An empty value removes what is there.
func (c *Conn) setMetadata(ctx context.Context, uuid string, kind libvirt.DomainMetadataType, value string) error {
	if strings.ContainsRune(value, 0) {
		return errs.New(errs.InvalidArgument, "The text must not contain a NUL character.")
	}
	key, uri := "", ""
	if kind == libvirt.DOMAIN_METADATA_ELEMENT {
		key, uri = domainxml.NamespacePrefix, domainxml.Namespace
	}
	return c.do(ctx, uuid, laneWork, func(dom *libvirt.Domain) error {
		impact, err := whereItIs(dom)
		if err != nil {
			return err
		}
		err = dom.SetMetadata(kind, value, key, uri, impact)
		if hasCode(err, libvirt.ERR_NO_DOMAIN_METADATA) && value == "" {
			err = nil // there was none to remove
		}
		c.hint(inventory.VMEvent, uuid, false) // not all drivers announce it
		return err
	})
}

// whereItIs says which of the stored and the running definition a VM has.
func whereItIs(dom *libvirt.Domain) (libvirt.DomainModificationImpact, error) {
	persistent, err := dom.IsPersistent()
	if err != nil {
		return 0, err
	}
	active, err := dom.IsActive()
	if err != nil {
		return 0, err
	}
	var impact libvirt.DomainModificationImpact
	if persistent {
		impact |= libvirt.DOMAIN_AFFECT_CONFIG
	}
	if active {
		impact |= libvirt.DOMAIN_AFFECT_LIVE
	}
	return impact, nil
}
