package virt

import (
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

func device(d model.Device, given ...string) model.DeviceSpec {
	spec := model.DeviceSpec{Device: d, Given: map[string]bool{}}
	for _, key := range given {
		spec.Given[key] = true
	}
	return spec
}

var both = inventory.DeviceChange{Apply: inventory.ApplyBoth}

func has(vm *model.VM, id string) bool {
	return slices.ContainsFunc(slices.Concat(vm.Disks, vm.Interfaces, vm.Devices, vm.Graphics, vm.Consoles), func(d *model.Device) bool { return d.ID == id })
}

func TestDevicesAreAddedAndRemovedWhileAVMIsOff(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	for _, d := range []model.Device{
		{Kind: model.KindRNG},
		{Kind: model.KindSound},
		{Kind: model.KindWatchdog},
		{Kind: model.KindCDROM},
		{Kind: model.KindDisk, Source: "/nowhere/a & b.qcow2"},
		{Kind: model.KindInterface, NetworkName: "default"},
		{Kind: model.KindGraphics},
		{Kind: model.KindSerial},
		{Kind: model.KindInput},
	} {
		dry, applied, err := c.AddDevice(t.Context(), vm.UUID, device(d), inventory.DeviceChange{Apply: inventory.ApplyBoth, DryRun: true})
		if err != nil || dry != "" || applied != (inventory.Applied{NextBoot: true}) {
			t.Errorf("%s, dry: %q, %v, %v", d.Kind, dry, applied, err)
		}
		id, applied, err := c.AddDevice(t.Context(), vm.UUID, device(d), both)
		if err != nil || applied != (inventory.Applied{NextBoot: true}) {
			t.Errorf("%s: %v, %v", d.Kind, applied, err)
			continue
		}
		if now := only(t, c); !has(now, id) {
			t.Errorf("%s: there is no %q", d.Kind, id)
		}
		if _, err := c.RemoveDevice(t.Context(), vm.UUID, id, both); err != nil {
			t.Errorf("%s cannot be removed: %v", id, err)
		}
		if now := only(t, c); has(now, id) {
			t.Errorf("%s is still there", id)
		}
	}
}

func TestAMediumIsInsertedAndEjectedAndBootedFrom(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	id, _, err := c.AddDevice(t.Context(), vm.UUID, device(model.Device{Kind: model.KindCDROM, Bus: "scsi"}), both)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetBootOrder(t.Context(), vm.UUID, []string{id}); err != nil {
		t.Error(err)
	}
	for _, medium := range []string{"/nowhere/a.iso", ""} {
		if _, err := c.UpdateDevice(t.Context(), vm.UUID, id, device(model.Device{Source: medium}, "source"), both); err != nil {
			if errs.Is(err, errs.NotSupported) {
				t.Skip("libvirt's test driver cannot do this: ", err)
			}
			t.Error(err)
		}
		now := only(t, c)
		if i := slices.IndexFunc(now.Disks, func(d *model.Device) bool { return d.ID == id }); i < 0 || now.Disks[i].Source != medium {
			t.Errorf("%q is not in %s", medium, id)
		}
	}
	if now := only(t, c); !slices.Equal(now.BootOrder, []string{id}) {
		t.Errorf("it boots from %v", now.BootOrder)
	}
}

func TestWrongChangesOfDevicesChangeNothing(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	before := only(t, c).ConfigVersion
	for name, test := range map[string]struct {
		want errs.Kind
		do   func() error
	}{
		"a device that is not there": {errs.NotFound, func() error { _, err := c.RemoveDevice(t.Context(), vm.UUID, "disk-vdz", both); return err }},
		"a volume that is not there": {errs.NotFound, func() error {
			_, _, err := c.AddDevice(t.Context(), vm.UUID, device(model.Device{Kind: model.KindDisk, Pool: "nowhere", Volume: "a"}), both)
			return err
		}},
		"now, when off": {errs.InvalidState, func() error {
			_, _, err := c.AddDevice(t.Context(), vm.UUID, device(model.Device{Kind: model.KindRNG}), inventory.DeviceChange{Apply: inventory.ApplyNow})
			return err
		}},
		"a share without shared memory": {errs.InvalidState, func() error {
			_, _, err := c.AddDevice(t.Context(), vm.UUID, device(model.Device{Kind: model.KindShare, Source: "/srv", Tag: "a"}), both)
			return err
		}},
		"a boot order of nothing": {errs.NotFound, func() error { return c.SetBootOrder(t.Context(), vm.UUID, []string{"x"}) }},
		"a size of nothing":       {errs.NotFound, func() error { return c.ResizeDisk(t.Context(), vm.UUID, "x", 1<<30) }},
	} {
		if err := test.do(); !errs.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := only(t, c).ConfigVersion; after != before {
		t.Error("the VM has changed")
	}
}

// TestADeviceOfTheNextBootIsNotTheOneThatGoes has one device that only runs and
// one that is only stored, which have the same place.
func TestWhatCannotChangeAndHasNoNextBootIsRefused(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	const disk = `<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/tmp/a'/><target dev='sda' bus='sata'/></disk></devices></domain>`
	dom, err := c.main.conn.DomainCreateXML(strings.Replace(vmXML("transient", ""), "</domain>", disk, 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dom.Free()
	uuid, err := dom.GetUUIDString()
	if err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		for _, apply := range []inventory.Apply{inventory.ApplyBoth, inventory.ApplyNow} {
			how := inventory.DeviceChange{Apply: apply, DryRun: dry}
			_, _, added := c.AddDevice(t.Context(), uuid, device(model.Device{Kind: model.KindDisk, Source: "/tmp/b", Bus: "sata"}), how)
			_, changed := c.UpdateDevice(t.Context(), uuid, "disk-sda", device(model.Device{Cache: "none"}, "cache"), how)
			_, removed := c.RemoveDevice(t.Context(), uuid, "disk-sda", how)
			for what, err := range map[string]error{"added": added, "changed": changed, "removed": removed} {
				if !errs.Is(err, errs.NotSupported) || strings.Contains(err.Error(), "next boot") {
					t.Errorf("%s, %s, dry %v: %v", what, apply, dry, err)
				}
			}
		}
	}
}

func TestADeviceOfTheNextBootIsNotTheOneThatGoes(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	nextBoot := inventory.DeviceChange{Apply: inventory.ApplyNextBoot}
	add := func(d model.Device) string {
		t.Helper()
		id, _, err := c.AddDevice(t.Context(), vm.UUID, device(d), nextBoot)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	old := add(model.Device{Kind: model.KindSound, Model: "ich9"})
	disk := add(model.Device{Kind: model.KindDisk, Source: "/nowhere/a.qcow2"})
	if err := c.Start(t.Context(), vm.UUID, false); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{old, disk} {
		if _, err := c.RemoveDevice(t.Context(), vm.UUID, id, nextBoot); err != nil {
			t.Fatal(err)
		}
	}
	added := add(model.Device{Kind: model.KindSound, Model: "ac97"})
	if other := add(model.Device{Kind: model.KindDisk, Source: "/nowhere/b.qcow2"}); added == old || other == disk {
		t.Errorf("%s and %s have the ids of others", added, other)
	}
	if now := only(t, c); !has(now, old) || has(now, added) || !slices.Contains(now.PendingChanges, old) || !slices.Contains(now.PendingChanges, added) {
		t.Errorf("it has %v, and the next boot changes %v", now.Devices, now.PendingChanges)
	}
	if _, err := c.RemoveDevice(t.Context(), vm.UUID, added, nextBoot); err != nil {
		t.Fatal(err)
	}
	if now := only(t, c); slices.Contains(now.PendingChanges, added) || !slices.Contains(now.PendingChanges, old) {
		t.Errorf("the next boot changes %v", now.PendingChanges)
	}
}

func TestOldCardsNeedAnOldConnector(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]bool{"pci-root": true, "pcie-to-pci-bridge": true, "pcie-root": false, "dmi-to-pci-bridge": false} {
		live := "<domain><devices><controller type='usb' index='0' model='qemu-xhci'/><controller type='pci' index='0' model='" + model + "'/></devices></domain>"
		if got, err := hasOldConnector(live); err != nil || got != want {
			t.Errorf("with %s: %v, %v", model, got, err)
		}
	}
	if !usesOldConnector(&model.Device{Kind: model.KindInterface, Model: "rtl8139"}) || usesOldConnector(&model.Device{Kind: model.KindInterface}) {
		t.Error("network cards are mixed up")
	}
}
