package fakehv

import (
	"context"
	"slices"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// AddDevice implements inventory.Conn: the device joins the VM's Devices.
func (c *Conn) AddDevice(ctx context.Context, uuid string, device model.DeviceSpec, how inventory.DeviceChange) (string, inventory.Applied, error) {
	if err := c.mayUse(ctx, &device.Device, how.Storage); err != nil {
		return "", inventory.Applied{}, err
	}
	id := string(device.Kind) + "-new"
	applied, err := c.changeDevices(ctx, "add-device", uuid, how, func(vm *model.VM) error {
		d := device.Device
		d.ID = id
		vm.Devices = append(slices.Clone(vm.Devices), &d)
		return nil
	})
	return id, applied, err
}

// UpdateDevice implements inventory.Conn: the device must be among Devices.
func (c *Conn) UpdateDevice(ctx context.Context, uuid, id string, changes model.DeviceSpec, how inventory.DeviceChange) (inventory.Applied, error) {
	if err := c.mayUse(ctx, &changes.Device, how.Storage); err != nil {
		return inventory.Applied{}, err
	}
	return c.changeDevices(ctx, "update-device", uuid, how, func(vm *model.VM) error {
		i := slices.IndexFunc(vm.Devices, func(d *model.Device) bool { return d.ID == id })
		if i < 0 {
			return errs.New(errs.NotFound, "There is no such device.")
		}
		d := *vm.Devices[i]
		d.LinkDown, d.Source = changes.LinkDown, changes.Source
		vm.Devices = slices.Clone(vm.Devices)
		vm.Devices[i] = &d
		return nil
	})
}

// RemoveDevice implements inventory.Conn: the device must be among Devices.
func (c *Conn) RemoveDevice(ctx context.Context, uuid, id string, how inventory.DeviceChange) (inventory.Applied, error) {
	return c.changeDevices(ctx, "remove-device", uuid, how, func(vm *model.VM) error {
		kept := slices.DeleteFunc(slices.Clone(vm.Devices), func(d *model.Device) bool { return d.ID == id })
		if len(kept) == len(vm.Devices) {
			return errs.New(errs.NotFound, "There is no such device.")
		}
		vm.Devices = kept
		return nil
	})
}

func (c *Conn) changeDevices(ctx context.Context, operation, uuid string, how inventory.DeviceChange, change func(*model.VM) error) (inventory.Applied, error) {
	vm, err := one(c, ctx, operation, uuid, c.h.vms)
	if err != nil {
		return inventory.Applied{}, err
	}
	applied := inventory.Applied{Now: vm.State.Active() && how.Apply != inventory.ApplyNextBoot, NextBoot: how.Apply != inventory.ApplyNow}
	if how.DryRun {
		return applied, nil
	}
	return applied, c.h.edit(uuid, func(vm *model.VM) error {
		vm.ConfigVersion++
		return change(vm)
	})
}

// Configure implements inventory.Conn. Of what can be changed it knows the CPU's
// mode.
func (c *Conn) Configure(ctx context.Context, uuid string, changes *model.Configuration, how inventory.DeviceChange) (inventory.Applied, error) {
	return c.changeDevices(ctx, "configure", uuid, how, func(vm *model.VM) error {
		if changes.Given["cpu-mode"] {
			vm.CPUMode = changes.CPUMode
		}
		return nil
	})
}

// SetBootOrder implements inventory.Conn.
func (c *Conn) SetBootOrder(ctx context.Context, uuid string, ids []string) error {
	return c.configure(ctx, "set-boot-order", uuid, func(vm *model.VM) { vm.BootOrder = ids })
}

// ResizeDisk implements inventory.Conn.
func (c *Conn) ResizeDisk(ctx context.Context, uuid, id string, _ uint64) error {
	return c.enter(ctx, "resize-disk "+id, uuid)
}
