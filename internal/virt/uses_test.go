package virt

import (
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// onImage redefines a VM, which gets one disk on an image.
func onImage(t *testing.T, c *Conn, name, uuid, inside string) {
	t.Helper()
	kind := "file"
	if strings.Contains(inside, "pool=") {
		kind = "volume"
	}
	disk := `<devices><disk type='` + kind + `' device='disk'><driver name='qemu' type='qcow2'/>` + inside + `<target dev='vda' bus='virtio'/></disk></devices></domain>`
	if _, err := c.DefineXML(t.Context(), strings.Replace(vmXML(name, uuid), "</domain>", disk, 1), uuid); err != nil {
		t.Fatal(err)
	}
}

// baseStays tries everything that changes or removes a volume.
func baseStays(t *testing.T, c *Conn, how string, want errs.Kind) {
	t.Helper()
	for what, try := range map[string]func() error{
		"delete":           func() error { return c.DeleteVolumeOf(t.Context(), imagesUUID, "base.qcow2") },
		"delete with a VM": func() error { return c.DeleteVolume(t.Context(), "/tmp/images/base.qcow2") },
		"drop":             func() error { return c.DropUnused(t.Context(), imagesUUID, "base.qcow2", "") },
		"wipe":             func() error { return c.WipeVolume(t.Context(), imagesUUID, "base.qcow2", func(uint64, uint64) {}) },
		"resize":           func() error { return c.ResizeVolume(t.Context(), imagesUUID, "base.qcow2", 2<<20, false) },
		"check":            func() error { return c.CheckVolume(t.Context(), imagesUUID, "base.qcow2") },
	} {
		if err := try(); !errs.Is(err, want) {
			t.Errorf("%s, %s: %v", how, what, err)
		}
	}
}

func TestWhatAVMsImageIsMadeOfStays(t *testing.T) {
	t.Parallel()
	for how, source := range map[string]string{
		"as the VM says":   `<source file='/tmp/images/unlisted.qcow2'/><backingStore type='file'><format type='raw'/><source file='/tmp/images/base.qcow2'/><backingStore/></backingStore>`,
		"as its pool says": `<source file='/tmp/images/overlay.qcow2'/>`,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c, vm := stopped(t)
			volume(t, c, "base.qcow2")
			overlay := inventory.NewVolume{Name: "overlay.qcow2", Format: "qcow2", Capacity: 1 << 20, Backing: "/tmp/images/base.qcow2", BackingFormat: "qcow2"}
			if err := c.CreateVolume(t.Context(), imagesUUID, overlay); err != nil {
				t.Fatal(err)
			}
			onImage(t, c, vm.Name, vm.UUID, source)
			baseStays(t, c, "off", errs.DeviceInUse)
			if err := c.Start(t.Context(), vm.UUID, false); err != nil {
				t.Fatal(err)
			}
			baseStays(t, c, "running", errs.DeviceInUse)
		})
	}
}

func TestWhatASnapshotIsOfStays(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	volume(t, c, "base.qcow2")
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/images/base.qcow2'/>`)
	take(t, c, vm.UUID, `<domainsnapshot><name>s</name></domainsnapshot>`)
	if err := c.CheckVolume(t.Context(), imagesUUID, "base.qcow2"); err != nil {
		t.Errorf("as long as the VM goes on with it: %v", err)
	}
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/images/base.s'/>`)
	baseStays(t, c, "with a snapshot", errs.DeviceInUse)
	if err := c.DeleteSnapshot(t.Context(), vm.UUID, "s", false); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteVolumeOf(t.Context(), imagesUUID, "base.qcow2"); err != nil {
		t.Errorf("without: %v", err)
	}
}

func TestWhatMayBeMadeOfAVolumeIsNotGuessed(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	volume(t, c, "base.qcow2")
	pool, err := c.main.conn.StoragePoolDefineXML(`<pool type='dir'><name>asleep</name><target><path>/tmp/asleep</path></target></pool>`, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Free()
	for how, source := range map[string]string{
		"its path":  `<source file='/tmp/asleep/overlay.qcow2'/>`,
		"its names": `<source pool='asleep' volume='overlay.qcow2'/>`,
	} {
		onImage(t, c, vm.Name, vm.UUID, source)
		baseStays(t, c, how, errs.InvalidState)
	}
	volume(t, c, "made.qcow2")
	if err := c.DropUnwanted(t.Context(), imagesUUID, "made.qcow2"); err != nil {
		t.Errorf("what is too new for that: %v", err)
	}
	if err := c.CheckPool(t.Context(), imagesUUID); !errs.Is(err, errs.InvalidState) {
		t.Errorf("the whole pool: %v", err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, true); err != nil {
		t.Fatal(err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, false); !errs.Is(err, errs.InvalidState) || !strings.Contains(err.Error(), "asleep") {
		t.Errorf("no template any more: %v", err)
	}
	if err := pool.Create(0); err != nil {
		t.Fatal(err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, false); err != nil {
		t.Error(err)
	}
	if err := c.DeleteVolumeOf(t.Context(), imagesUUID, "base.qcow2"); err != nil {
		t.Error(err)
	}
}

func TestAPoolThatIsAwayKeepsOnlyWhatItsVolumesNeed(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	volume(t, c, "base.qcow2")
	volume(t, c, "free.qcow2")
	pool, err := c.main.conn.StoragePoolDefineXML(`<pool type='dir'><name>stick</name><target><path>/tmp/stick</path></target></pool>`, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Free()
	if err := pool.Create(0); err != nil {
		t.Fatal(err)
	}
	overlay := inventory.NewVolume{Name: "overlay.qcow2", Format: "qcow2", Capacity: 1 << 20, Backing: "/tmp/images/base.qcow2", BackingFormat: "qcow2"}
	if err := c.CreateVolume(t.Context(), uuidOf(pool), overlay); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Volumes(t.Context(), uuidOf(pool)); err != nil {
		t.Fatal(err)
	}
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/stick/overlay.qcow2'/>`)
	if err := pool.Destroy(); err != nil {
		t.Fatal(err)
	}
	baseStays(t, c, "with a VM on the stick", errs.DeviceInUse)
	if err := c.CheckVolume(t.Context(), imagesUUID, "free.qcow2"); err != nil {
		t.Errorf("what the stick needs nothing of cannot change: %v", err)
	}
	onImage(t, c, vm.Name, vm.UUID, `<source pool='stick' volume='overlay.qcow2'/>`)
	baseStays(t, c, "with a VM on the stick, by name", errs.DeviceInUse)
	if err := c.CheckVolume(t.Context(), imagesUUID, "free.qcow2"); err != nil {
		t.Errorf("what the stick needs nothing of cannot change, by name: %v", err)
	}
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/images/other.qcow2'/>`)
	for what, err := range map[string]error{
		"deleted": c.DeleteVolumeOf(t.Context(), imagesUUID, "base.qcow2"), "dropped": c.DropUnused(t.Context(), imagesUUID, "base.qcow2", ""), "changed": c.CheckVolume(t.Context(), imagesUUID, "base.qcow2"),
	} {
		if !errs.Is(err, errs.DeviceInUse) || !strings.Contains(err.Error(), "overlay.qcow2") {
			t.Errorf("what a volume on the stick is made of can be %s: %v", what, err)
		}
	}
	if err := c.DropUnused(t.Context(), imagesUUID, "free.qcow2", ""); err != nil {
		t.Errorf("what the stick needs nothing of cannot go: %v", err)
	}
	if err := pool.Undefine(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pools(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.DropUnused(t.Context(), imagesUUID, "base.qcow2", ""); err != nil {
		t.Errorf("the stick is forgotten, and yet: %v", err)
	}
}

// TestADiskInAPoolThatIsNotActiveIsInUse, also one that never had a base image, so
// that nobody gets it from another pool over the same folder.
func TestADiskInAPoolThatIsNotActiveIsInUse(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	volume(t, c, "raw.img")
	disk := `<devices><disk type='volume' device='disk'><driver name='qemu' type='raw'/><source pool='images' volume='raw.img'/><target dev='vda' bus='virtio'/></disk></devices></domain>`
	if _, err := c.DefineXML(t.Context(), strings.Replace(vmXML(vm.Name, vm.UUID), "</domain>", disk, 1), vm.UUID); err != nil {
		t.Fatal(err)
	}
	pool, err := c.main.conn.LookupStoragePoolByName("images")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Free()
	if err := pool.Destroy(); err != nil {
		t.Fatal(err)
	}
	for _, known := range []bool{true, false} {
		if !known {
			c.bases = bases{} // as after a start
		}
		u, err := c.users(c.main.conn, "")
		if err != nil {
			t.Fatal(err)
		}
		id := u.identify("/tmp//images/raw.img")
		if by := u.of(&id, nil); by == nil || !by.sure || by.uuid != vm.UUID {
			t.Errorf("with its base image known (%v), the disk is used by %+v", known, by)
		}
	}
}
