package virt

import (
	"context"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// Configure changes the machine; see inventory.Conn.
func (c *Conn) Configure(ctx context.Context, uuid string, changes *model.Configuration, how inventory.DeviceChange) (inventory.Applied, error) {
	return edit(ctx, c, uuid, how, func(e *editing) (inventory.Applied, error) {
		switch {
		case e.how.Apply == inventory.ApplyNow:
			return inventory.Applied{}, errs.New(errs.NotSupported, "The machine cannot change while the virtual machine runs. Change it for the next boot.")
		case e.stored == "":
			return inventory.Applied{}, errs.New(errs.InvalidState, "The virtual machine is gone once it is off, so its machine cannot change.")
		}
		doc, err := domainxml.Configure(e.stored, changes)
		if err != nil {
			return inventory.Applied{}, err
		}
		before, err := domainxml.ParseVM("", e.stored)
		if err != nil {
			return inventory.Applied{}, err
		}
		after, err := domainxml.ParseVM("", doc)
		if err != nil {
			return inventory.Applied{}, err
		}
		stored, err := e.store(func() (string, error) { return doc, nil })
		if stored && (before.Firmware != after.Firmware || before.SecureBoot != after.SecureBoot) {
			err = e.newFirmware()
		}
		if err != nil {
			return inventory.Applied{}, err
		}
		return inventory.Applied{NextBoot: true}, nil
	})
}
