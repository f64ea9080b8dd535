package virt

import (
	"cmp"
	"context"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/domainxml/build"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// letGo is how long a guest has to give a device back.
const letGo = 15 * time.Second

// UpdateDevice changes a device; see inventory.Conn.
func (c *Conn) UpdateDevice(ctx context.Context, uuid, id string, changes model.DeviceSpec, how inventory.DeviceChange) (inventory.Applied, error) {
	if err := c.deviceAnswers(ctx, id, &changes.Device); err != nil {
		return inventory.Applied{}, err
	}
	return edit(ctx, c, uuid, how, func(e *editing) (inventory.Applied, error) { return e.update(id, &changes) })
}

func (e *editing) update(id string, changes *model.DeviceSpec) (inventory.Applied, error) {
	var applied inventory.Applied
	stored, live, err := e.find(id)
	if err != nil {
		return applied, err
	}
	if err := checkValues(cmp.Or(stored, live), changes); err != nil {
		return applied, err
	}
	if kind := cmp.Or(stored, live).Kind; kind == model.KindCDROM || kind == model.KindFloppy {
		if err := e.resolveImage(changes, kind, false); err != nil {
			return applied, err
		}
	}
	if err := e.needPasst(changes.PortForwards); err != nil {
		return applied, err
	}
	for _, element := range []*domainxml.Element{stored, live} {
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
		after, err := element.XML()
		if err != nil {
			return applied, err
		}
		release, err := e.admit(element.Kind, before, after)
		if err != nil {
			return applied, err
		}
		defer release()
	}
	now := live != nil && canChange(changes)
	if !now && stored == nil {
		return applied, e.notNow("This cannot change while the virtual machine runs.", "Change it for the next boot.")
	}
	if now {
		if err := e.needInterface(changes); err != nil {
			return applied, err
		}
	}
	if stored != nil {
		applied.NextBoot, err = e.store(func() (string, error) { return domainxml.ReplaceElement(e.stored, stored) })
		if err != nil {
			return inventory.Applied{}, err
		}
	}
	if e.how.DryRun {
		return inventory.Applied{Now: now, NextBoot: stored != nil}, nil
	}
	if now {
		xml, err := live.XML()
		if err == nil {
			err = e.dom.UpdateDeviceFlags(xml, libvirt.DOMAIN_DEVICE_MODIFY_LIVE)
		}
		if err := e.afterLive(err, &applied); err != nil {
			return inventory.Applied{}, err
		}
	}
	return applied, e.expectChanged(id, changes, applied)
}

// checkValues checks the values of kinds for which that is not done where they are
// changed.
func checkValues(element *domainxml.Element, changes *model.DeviceSpec) error {
	if element.Kind != model.KindVideo && element.Kind != model.KindWatchdog {
		return nil
	}
	spec := *changes
	spec.Kind = element.Kind
	_, err := build.XML(&spec)
	return err
}

// expectChanged reads a device that was changed, and fails if libvirt has made
// something else of it.
func (e *editing) expectChanged(id string, changes *model.DeviceSpec, applied inventory.Applied) error {
	next, now, err := e.readAgain()
	if err != nil {
		return err
	}
	for _, side := range []struct {
		changed bool
		list    []domainxml.Element
	}{{applied.NextBoot, next}, {applied.Now, now}} {
		if !side.changed {
			continue
		}
		element := domainxml.WithID(side.list, id)
		if element == nil {
			continue // its id is made of what has changed
		}
		holds, err := element.Holds(changes)
		if err != nil {
			return err
		}
		if !holds {
			return e.takeBack(errs.New(errs.NotSupported, "libvirt does not take this change of “%s”.", id))
		}
	}
	return nil
}

// canChange says whether QEMU can do this to a device in use.
func canChange(changes *model.DeviceSpec) bool {
	for _, key := range []string{"model", "cache", "discard", "port-forwards", "video-memory", "heads", "accel-3d", "action"} {
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

// remove changes the stored definition first, which shows whether libvirt adds the
// device again, and takes that back if the guest keeps it.
func (e *editing) remove(id string) (inventory.Applied, error) {
	var applied inventory.Applied
	stored, live, err := e.find(id)
	if err != nil {
		return applied, err
	}
	next, running, err := domainxml.BothDevices(e.stored, e.live)
	if err != nil {
		return applied, err
	}
	now := live != nil && canPlug(&live.Device) && len(domainxml.Together(running, live)) == 1
	if !now && stored == nil {
		return applied, e.notNow("Such a device cannot be removed from a running virtual machine.", "Remove it for the next boot.")
	}
	if stored != nil {
		group, err := e.groupOf(next, stored)
		if err != nil {
			return applied, err
		}
		applied.NextBoot, err = e.store(func() (string, error) { return domainxml.RemoveElements(e.stored, group) })
		if err != nil {
			return inventory.Applied{}, err
		}
		if applied.NextBoot {
			if err := e.expectRemoved(next, group); err != nil {
				return inventory.Applied{}, err
			}
		}
	}
	if e.how.DryRun {
		return inventory.Applied{Now: now, NextBoot: stored != nil}, nil
	}
	if now {
		if err := e.afterLive(e.detach(live), &applied); err != nil {
			return inventory.Applied{}, err
		}
	}
	return applied, nil
}

// groupOf returns the devices that leave the stored definition with one, if nothing
// that stays needs them.
func (e *editing) groupOf(next []domainxml.Element, stored *domainxml.Element) ([]*domainxml.Element, error) {
	group := domainxml.Together(next, stored)
	if dependents := domainxml.Dependents(next, group); len(dependents) > 0 {
		if !e.how.Dependents {
			return nil, errs.New(errs.DeviceInUse, "Other devices need “%s”: %s. Remove them first, or together with it (option “dependents”).", stored.ID, idsOf(dependents))
		}
		group = append(group, dependents...)
	}
	return group, nil
}

func idsOf(list []*domainxml.Element) string {
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.ID
	}
	return strings.Join(ids, ", ")
}

// expectRemoved reads the stored definition, and takes the change back if libvirt
// has added a device again.
func (e *editing) expectRemoved(before []domainxml.Element, group []*domainxml.Element) error {
	after, _, err := e.readAgain()
	if err != nil {
		return err
	}
	for _, gone := range group {
		like := make([]domainxml.Element, len(group))
		for i := range group {
			like[i] = *group[i]
		}
		if domainxml.CountLike(after, gone) > domainxml.CountLike(before, gone)-domainxml.CountLike(like, gone) {
			return e.takeBack(errs.New(errs.NotSupported, "The device “%s” cannot be removed: libvirt adds it again. %s", gone.ID, insteadOf(gone)))
		}
	}
	return nil
}

// insteadOf says what can be done with a device that libvirt adds by itself.
func insteadOf(element *domainxml.Element) string {
	switch element.Kind {
	case model.KindVideo:
		return "Change its model instead, such as to “none”."
	case model.KindWatchdog:
		return "Change its action instead, such as to “none”."
	case model.KindController:
		return "Other devices of the virtual machine need it."
	}
	return "It is part of the virtual machine's machine type."
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
		_, err := e.store(func() (string, error) { return domainxml.SetBootOrder(e.stored, ids) })
		return struct{}{}, err
	})
	return err
}
