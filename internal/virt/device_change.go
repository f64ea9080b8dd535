package virt

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// letGo is how long a guest has to give a device back.
const letGo = 15 * time.Second

// UpdateDevice changes a device; see inventory.Conn.
func (c *Conn) UpdateDevice(ctx context.Context, uuid, id string, changes model.DeviceSpec, how inventory.DeviceChange) (inventory.Applied, error) {
	return edit(ctx, c, uuid, how, func(e *editing) (inventory.Applied, error) { return e.update(id, &changes) })
}

func (e *editing) update(id string, changes *model.DeviceSpec) (inventory.Applied, error) {
	var applied inventory.Applied
	stored, live, err := e.find(id)
	if err != nil {
		return applied, err
	}
	if kind := e.kindOf(stored, live); kind == model.KindCDROM || kind == model.KindFloppy {
		if err := e.resolveImage(changes, kind, false); err != nil {
			return applied, err
		}
	}
	if err := e.needPasst(changes.PortForwards); err != nil {
		return applied, err
	}
	elements := []*domainxml.Element{stored, live}
	xml := make([]string, len(elements))
	for i, element := range elements {
		if element == nil {
			continue
		}
		before, err := element.XML()
		if err != nil {
			return applied, err
		}
		if err := domainxml.Change(element, changes); err != nil {
			return applied, err
		}
		if xml[i], err = element.XML(); err != nil {
			return applied, err
		}
		release, err := e.admit(element.Kind, before, xml[i])
		if err != nil {
			return applied, err
		}
		defer release()
	}
	now := live != nil && canChange(changes)
	if !now && stored == nil {
		return applied, e.notNow("This cannot change while the virtual machine runs.", "Change it for the next boot.")
	}
	if e.how.DryRun {
		return inventory.Applied{Now: now, NextBoot: stored != nil}, nil
	}
	if stored != nil {
		if err := e.dom.UpdateDeviceFlags(xml[0], libvirt.DOMAIN_DEVICE_MODIFY_CONFIG); err != nil {
			return applied, err
		}
		applied.NextBoot = true
	}
	if now {
		err := e.dom.UpdateDeviceFlags(xml[1], libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
		if err := e.afterLive(err, &applied); err != nil {
			return inventory.Applied{}, err
		}
	}
	return applied, nil
}

// kindOf returns the kind of a device that was found.
func (e *editing) kindOf(stored, live *domainxml.Element) model.DeviceKind {
	if stored == nil {
		stored = live
	}
	return stored.Kind
}

// canChange says whether QEMU can do this to a device in use.
func canChange(changes *model.DeviceSpec) bool {
	for _, key := range []string{"model", "cache", "discard", "port-forwards"} {
		if changes.Given[key] {
			return false
		}
	}
	return true
}

// find looks a device up in the definitions that are to change.
func (e *editing) find(id string) (stored, live *domainxml.Element, err error) {
	next, now, err := domainxml.BothDevices(e.allStored, e.allLive)
	if err != nil {
		return nil, nil, err
	}
	if e.stored != "" {
		stored = domainxml.WithID(next, id)
	}
	if e.live != "" {
		live = domainxml.WithID(now, id)
	}
	if stored == nil && live == nil {
		return nil, nil, noDevice()
	}
	return stored, live, nil
}

// RemoveDevice removes a device; see inventory.Conn.
func (c *Conn) RemoveDevice(ctx context.Context, uuid, id string, how inventory.DeviceChange) (inventory.Applied, error) {
	return edit(ctx, c, uuid, how, func(e *editing) (inventory.Applied, error) { return e.remove(id) })
}

// remove begins with the running VM: only its guest can refuse.
func (e *editing) remove(id string) (inventory.Applied, error) {
	var applied inventory.Applied
	stored, live, err := e.find(id)
	if err != nil {
		return applied, err
	}
	now := live != nil && canPlug(&live.Device)
	if !now && stored == nil {
		return applied, e.notNow("Such a device cannot be removed from a running virtual machine.", "Remove it for the next boot.")
	}
	if e.how.DryRun {
		return inventory.Applied{Now: now, NextBoot: stored != nil}, nil
	}
	if now {
		err := e.detach(live)
		switch {
		case err == nil:
			applied.Now = true
		case stored != nil && e.how.Apply == inventory.ApplyBoth && notPossible(err):
			slog.Info("a change has to wait for the next boot", "what", "device", "error", err)
		default:
			return applied, err
		}
	}
	if stored != nil {
		if err := e.removeStored(stored); err != nil {
			if applied.Now {
				return applied, errs.Wrap(errs.LibvirtFailed, err, "The running virtual machine no longer has the device, but its stored configuration still has. %s", said(err))
			}
			return applied, err
		}
		applied.NextBoot = true
	}
	return applied, nil
}

func (e *editing) removeStored(element *domainxml.Element) error {
	xml, err := element.XML()
	if err != nil {
		return err
	}
	if err = e.dom.DetachDeviceFlags(xml, libvirt.DOMAIN_DEVICE_MODIFY_CONFIG); !unsupported(err) {
		return err
	}
	doc, err := domainxml.RemoveElement(e.stored, element)
	if err != nil {
		return err
	}
	return e.define(doc)
}

// detach asks the guest for a device and waits until it has let go of it.
func (e *editing) detach(element *domainxml.Element) error {
	xml, err := element.XML()
	if err != nil {
		return err
	}
	removed := make(chan struct{}, 1)
	alias := element.Alias
	callback, err := e.conn.DomainEventDeviceRemovedRegister(e.dom, func(_ *libvirt.Connect, _ *libvirt.Domain, event *libvirt.DomainEventDeviceRemoved) {
		if event.DevAlias == alias {
			select {
			case removed <- struct{}{}:
			default:
			}
		}
	})
	watched := err == nil
	if watched {
		defer e.conn.DomainEventDeregister(callback)
	}
	if err := e.dom.DetachDeviceFlags(xml, libvirt.DOMAIN_DEVICE_MODIFY_LIVE); err != nil {
		return err
	}
	if gone, err := e.isGone(alias); err != nil || gone {
		return err
	}
	deadline := time.NewTimer(letGo)
	defer deadline.Stop()
	select {
	case <-removed:
		return nil
	case <-deadline.C:
	}
	if gone, err := e.isGone(alias); err != nil || gone {
		return err
	}
	return errs.New(errs.Timeout, "The guest did not let go of the device within %d seconds. Try again when it has started, or remove the device for the next boot.", int(letGo.Seconds()))
}

// isGone says whether the running VM has the device no more.
func (e *editing) isGone(alias string) (bool, error) {
	doc, err := e.dom.GetXMLDesc(0)
	return err == nil && !strings.Contains(doc, "<alias name='"+alias+"'/>"), err
}

// SetBootOrder replaces the stored boot order; see inventory.Conn.
func (c *Conn) SetBootOrder(ctx context.Context, uuid string, ids []string) error {
	how := inventory.DeviceChange{Apply: inventory.ApplyNextBoot}
	_, err := edit(ctx, c, uuid, how, func(e *editing) (struct{}, error) {
		doc, err := domainxml.SetBootOrder(e.stored, ids)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, e.define(doc)
	})
	return err
}
