package virt

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// PlanSnapshot settles the kind of a snapshot; see inventory.Conn.
func (c *Conn) PlanSnapshot(ctx context.Context, uuid string, spec inventory.SnapshotSpec) (inventory.SnapshotSpec, error) {
	return readOver(ctx, c, c.texts, func(l *link) (inventory.SnapshotSpec, error) {
		dom, err := l.handles.borrow(l.conn, uuid)
		if err != nil {
			return spec, err
		}
		defer dom.Free()
		plan, _, err := planSnapshot(dom, spec)
		if err != nil {
			return spec, err
		}
		spec.Kind = plan.Kind
		return spec, nil
	})
}

// planSnapshot looks at what the VM is now.
func planSnapshot(dom *libvirt.Domain, spec inventory.SnapshotSpec) (plan *domainxml.SnapshotPlan, active bool, err error) {
	if active, err = dom.IsActive(); err != nil {
		return nil, false, err
	}
	if spec.Memory && !active {
		return nil, false, errs.New(errs.InvalidState, "The virtual machine is off, so it has no memory that could be saved.")
	}
	xml, err := dom.GetXMLDesc(0)
	if err != nil {
		return nil, false, err
	}
	plan, err = domainxml.PlanSnapshot(xml, spec.Name, spec.Kind, active, spec.Memory)
	return plan, active, err
}

// CreateSnapshot makes a snapshot; see inventory.Conn.
func (c *Conn) CreateSnapshot(ctx context.Context, uuid string, spec inventory.SnapshotSpec) error {
	if err := c.imagesAnswer(ctx, uuid); err != nil {
		return err
	}
	return c.onSnapshots(ctx, uuid, func(dom *libvirt.Domain) error {
		plan, active, err := planSnapshot(dom, spec)
		if err != nil {
			return err
		}
		unique := make([]byte, 6)
		_, _ = rand.Read(unique) // it never fails
		xml, err := plan.XML(spec.Name, spec.Description, hex.EncodeToString(unique))
		if err != nil {
			return err
		}
		if spec.Quiesce { // not with the little time that others give the agent
			done, err := c.turns.lock(ctx, turnKey{uuid, laneAgent})
			if err != nil {
				return err
			}
			defer done()
		}
		if err := c.lookBeforeSnapshot(dom, nil); err != nil {
			return err
		}
		made, err := dom.CreateSnapshotXML(xml, createFlags(spec, plan.Kind, active))
		if err != nil {
			return err
		}
		return made.Free()
	})
}

// AbortSnapshot ends a CreateSnapshot that is under way; see inventory.Conn.
func (c *Conn) AbortSnapshot(ctx context.Context, uuid string) error {
	return c.abort(ctx, uuid, libvirt.DOMAIN_JOB_OPERATION_SNAPSHOT)
}

// createFlags has the guest run on where that is possible.
func createFlags(spec inventory.SnapshotSpec, kind model.SnapshotKind, active bool) libvirt.DomainSnapshotCreateFlags {
	var flags libvirt.DomainSnapshotCreateFlags
	switch {
	case !active || kind != model.SnapshotExternal:
		return 0
	case spec.Memory:
		flags = libvirt.DOMAIN_SNAPSHOT_CREATE_LIVE
	default:
		flags = libvirt.DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
	}
	if spec.Quiesce {
		flags |= libvirt.DOMAIN_SNAPSHOT_CREATE_QUIESCE
	}
	return flags | libvirt.DOMAIN_SNAPSHOT_CREATE_ATOMIC
}

// RevertSnapshot goes back to a snapshot; see inventory.Conn.
func (c *Conn) RevertSnapshot(ctx context.Context, uuid, name string, start, storage bool) error {
	if err := c.imagesAnswer(ctx, uuid); err != nil {
		return err
	}
	var flags libvirt.DomainSnapshotRevertFlags
	if start {
		flags |= libvirt.DOMAIN_SNAPSHOT_REVERT_RUNNING
	}
	err := c.onSnapshot(ctx, uuid, name, func(dom *libvirt.Domain, s *libvirt.DomainSnapshot) error {
		release, err := c.admitRevert(dom, s, storage)
		if err != nil {
			return err
		}
		defer release()
		if err := c.lookBeforeSnapshot(dom, s); err != nil {
			return err
		}
		return s.RevertToSnapshot(flags)
	})
	c.later(uuid, taskSizes)
	return err
}

// DeleteSnapshot removes a snapshot; see inventory.Conn.
func (c *Conn) DeleteSnapshot(ctx context.Context, uuid, name string, children bool) error {
	if err := c.imagesAnswer(ctx, uuid); err != nil {
		return err
	}
	var flags libvirt.DomainSnapshotDeleteFlags
	if children {
		flags |= libvirt.DOMAIN_SNAPSHOT_DELETE_CHILDREN
	}
	err := c.onSnapshot(ctx, uuid, name, func(dom *libvirt.Domain, s *libvirt.DomainSnapshot) error {
		if err := c.lookBeforeSnapshot(dom, s); err != nil {
			return err
		}
		return s.Delete(flags)
	})
	c.later(uuid, taskSizes)
	return err
}

// SetSnapshotDescription changes a snapshot's text; see inventory.Conn. libvirt
// has no other way than to define the same snapshot anew.
func (c *Conn) SetSnapshotDescription(ctx context.Context, uuid, name, text string) error {
	return c.onSnapshot(ctx, uuid, name, func(dom *libvirt.Domain, s *libvirt.DomainSnapshot) error {
		flags := libvirt.DOMAIN_SNAPSHOT_CREATE_REDEFINE
		current, err := s.IsCurrent(0)
		if err != nil {
			return err
		}
		if current {
			flags |= libvirt.DOMAIN_SNAPSHOT_CREATE_CURRENT
		}
		xml, err := s.GetXMLDesc(libvirt.DOMAIN_SNAPSHOT_XML_SECURE)
		if err != nil {
			return err
		}
		if xml, err = domainxml.DescribeSnapshot(xml, text); err != nil {
			return err
		}
		again, err := dom.CreateSnapshotXML(xml, flags)
		if err != nil {
			return err
		}
		return again.Free()
	})
}

// onSnapshots runs an operation on a VM's snapshots, which libvirt does not
// announce, and announces it.
func (c *Conn) onSnapshots(ctx context.Context, uuid string, fn func(*libvirt.Domain) error) error {
	return c.quietly(ctx, uuid, func(dom *libvirt.Domain) error {
		defer c.memory.snapshotsChanged(uuid) // a failure may have changed something
		return fn(dom)
	})
}

// onSnapshot is onSnapshots for one that exists.
func (c *Conn) onSnapshot(ctx context.Context, uuid, name string, fn func(*libvirt.Domain, *libvirt.DomainSnapshot) error) error {
	return c.onSnapshots(ctx, uuid, func(dom *libvirt.Domain) error {
		s, err := dom.SnapshotLookupByName(name, 0)
		if err != nil {
			return err
		}
		defer s.Free()
		return fn(dom, s)
	})
}
