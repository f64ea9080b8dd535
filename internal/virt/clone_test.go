package virt

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/unfinished"
)

// withDisk is a connection with a VM that is off and whose disk is a volume.
func withDisk(t *testing.T) (*Conn, *model.VM) {
	t.Helper()
	c, vm := stopped(t)
	volume(t, c, "web.qcow2")
	const disk = `<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/tmp/images/web.qcow2'/><target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface></devices></domain>`
	if _, err := c.DefineXML(t.Context(), strings.Replace(vmXML(vm.Name, vm.UUID), "</domain>", disk, 1), vm.UUID); err != nil {
		t.Fatal(err)
	}
	return c, only(t, c)
}

func volume(t *testing.T, c *Conn, name string) {
	t.Helper()
	pool, err := c.main.conn.LookupStoragePoolByName("images")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Free()
	xml := "<volume><name>" + name + "</name><capacity>1048576</capacity><target><format type='qcow2'/></target></volume>"
	vol, err := pool.StorageVolCreateXML(xml, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = vol.Free()
}

func volumes(t *testing.T, c *Conn) []string {
	t.Helper()
	pool, err := c.main.conn.LookupStoragePoolByName("images")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Free()
	names, err := pool.ListStorageVolumes()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func spec(name string) inventory.CloneSpec {
	return inventory.CloneSpec{
		Storage: true,
		Name:    name, Progress: func(uint64, uint64) {}, Finish: func() bool { return true },
		Unfinished: unfinished.Open("", slog.New(slog.DiscardHandler)).OnHost("local"),
	}
}

func TestACloneHasDisksOfItsOwn(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	volume(t, c, "copy.qcow2") // the name is taken
	uuid, err := c.Clone(t.Context(), vm.UUID, spec("copy"))
	if err != nil {
		t.Fatal(err)
	}
	clone, err := c.VM(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	if clone.Name != "copy" || clone.State != model.VMShutOff || clone.Disks[0].Source != "/tmp/images/copy-1.qcow2" || clone.Interfaces[0].MAC == vm.Interfaces[0].MAC {
		t.Errorf("the clone is %+v, with %+v and %+v", clone, clone.Disks[0], clone.Interfaces[0])
	}
	if got := volumes(t, c); !slices.Equal(got, []string{"copy-1.qcow2", "copy.qcow2", "web.qcow2"}) {
		t.Errorf("the volumes are %v", got)
	}
	if _, err := c.Clone(t.Context(), vm.UUID, spec("copy")); !errs.Is(err, errs.AlreadyExists) {
		t.Errorf("a name that is taken: %v", err)
	}
}

func TestACloneThatDoesNotComeAboutLeavesNothing(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	cancelled, cancel := context.WithCancel(t.Context())
	refuses, unlucky, late := spec("a"), spec(strings.Repeat("x", 300)), spec("b")
	refuses.Finish = func() bool { return false }
	late.Progress = func(uint64, uint64) { cancel() }
	for name, try := range map[string]struct {
		ctx  context.Context
		spec inventory.CloneSpec
	}{
		"cancelled at the end": {t.Context(), refuses}, "cancelled meanwhile": {cancelled, late}, "a name that libvirt refuses": {t.Context(), unlucky},
	} {
		if _, err := c.Clone(try.ctx, vm.UUID, try.spec); err == nil {
			t.Logf("%s: this driver takes it", name)
		}
	}
	if got := volumes(t, c); !slices.Contains(got, "web.qcow2") || slices.Contains(got, "a.qcow2") || slices.Contains(got, "b.qcow2") {
		t.Errorf("the volumes are %v", got)
	}
}

func TestAVMThatRunsIsNotCloned(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	if err := c.Start(t.Context(), vm.UUID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Clone(t.Context(), vm.UUID, spec("copy")); !errs.Is(err, errs.InvalidState) {
		t.Errorf("got %v", err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, true); !errs.Is(err, errs.InvalidState) {
		t.Errorf("as a template: %v", err)
	}
}

func TestATemplateIsMarkedAndItsCloneIsNot(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	if err := c.SetAutostart(t.Context(), vm.UUID, true); err != nil {
		t.Fatal(err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, true); err != nil {
		t.Fatal(err)
	}
	if now := only(t, c); !now.Template || now.Autostart {
		t.Errorf("template %v, autostart %v", now.Template, now.Autostart)
	}
	uuid, err := c.Clone(t.Context(), vm.UUID, spec("copy"))
	if err != nil {
		t.Fatal(err)
	}
	if clone, err := c.VM(t.Context(), uuid); err != nil || clone.Template {
		t.Errorf("the clone is %+v, %v", clone, err)
	}
	for range 2 { // the second time there is nothing to do
		if err := c.SetTemplate(t.Context(), vm.UUID, false); err != nil {
			t.Fatal(err)
		}
	}
	if now, err := c.VM(t.Context(), vm.UUID); err != nil || now.Template {
		t.Errorf("it is %+v, %v", now, err)
	}
}

func TestWhatADeletedVMLeaves(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	storage, err := c.Storage(t.Context(), vm.UUID)
	if err != nil || len(storage) != 1 || storage[0] != (inventory.DiskStorage{Disk: "disk-vda", Volume: "/tmp/images/web.qcow2", Pool: poolOf(t, c), Name: "web.qcow2"}) {
		t.Fatalf("it has %+v, %v", storage, err)
	}
	other := strings.Replace(vmXML("other", ""), "</domain>", `<devices><disk type='volume' device='disk'><source pool='images' volume='web.qcow2'/><target dev='vdb' bus='virtio'/></disk>
<disk type='file' device='disk'><source file='/nowhere.img'/><target dev='vdc' bus='virtio'/></disk><disk type='file' device='disk'><source file='/tmp/images/web.qcow2'/><target dev='vdd' bus='virtio'/><readonly/></disk></devices></domain>`, 1)
	uuid, err := c.DefineXML(t.Context(), other, "")
	if err != nil {
		t.Fatal(err)
	}
	storage, err = c.Storage(t.Context(), vm.UUID)
	if err != nil || len(storage) != 1 || !strings.Contains(storage[0].Kept, "“other”") {
		t.Errorf("with another user: %+v, %v", storage, err)
	}
	storage, err = c.Storage(t.Context(), uuid)
	if err != nil || len(storage) != 3 || storage[0].Kept == "" || !strings.Contains(storage[1].Kept, "not on a volume") || !strings.Contains(storage[2].Kept, "read-only") {
		t.Errorf("the other has %+v, %v", storage, err)
	}
	for _, user := range []string{vm.UUID, uuid} {
		if err := c.DeleteVolume(t.Context(), "/tmp/images/web.qcow2"); !errs.Is(err, errs.DeviceInUse) {
			t.Errorf("with a user: %v", err)
		}
		if err := c.Delete(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.DeleteVolume(t.Context(), "/tmp/images/web.qcow2"); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteVolume(t.Context(), "/tmp/images/web.qcow2"); !errs.Is(err, errs.NotFound) {
		t.Errorf("once more: %v", err)
	}
	if got := volumes(t, c); len(got) != 0 {
		t.Errorf("the volumes are %v", got)
	}
}

func TestAnImageInNoPoolIsSaidSo(t *testing.T) {
	t.Parallel()
	err := notAVolume(libvirt.Error{Code: libvirt.ERR_NO_STORAGE_VOL}, "vda")
	if !errs.Is(err, errs.NotSupported) || !strings.Contains(err.Error(), "vda") {
		t.Errorf("got %v", err)
	}
}

func TestAVolumeThatIsUsedIsNotDropped(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	volume(t, c, "free.qcow2")
	pool := poolOf(t, c)
	before := volumes(t, c)
	used := only(t, c).Disks[0]
	if err := c.DropUnused(t.Context(), pool, filepath.Base(used.Source), ""); !errs.Is(err, errs.DeviceInUse) {
		t.Errorf("the disk of %s: %v", vm.Name, err)
	}
	if got := volumes(t, c); !slices.Equal(got, before) {
		t.Errorf("the volumes are %v", got)
	}
	if err := c.DropUnused(t.Context(), pool, "free.qcow2", used.Source+".copy"); !errs.Is(err, errs.DeviceInUse) {
		t.Errorf("an original whose copy nobody has: %v", err)
	}
	if err := c.DropUnused(t.Context(), pool, "free.qcow2", used.Source); err != nil {
		t.Error(err)
	}
	if err := c.DropUnused(t.Context(), pool, "free.qcow2", ""); !errs.Is(err, errs.NotFound) {
		t.Errorf("once more: %v", err)
	}
}

func poolOf(t *testing.T, c *Conn) string {
	t.Helper()
	pool, err := c.main.conn.LookupStoragePoolByName("images")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Free()
	return uuidOf(pool)
}

// TestACloneWritesToASharedDiskOnlyWithTheRight since that is a disk of another VM,
// also when the other one is a template.
func TestACloneWritesToASharedDiskOnlyWithTheRight(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	volume(t, c, "shared.qcow2")
	xml, err := c.XML(t.Context(), vm.UUID, true, false)
	if err != nil {
		t.Fatal(err)
	}
	const disk = "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/tmp/images/shared.qcow2'/><target dev='vdb' bus='virtio'/><shareable/></disk></devices>"
	if _, err := c.DefineXML(t.Context(), strings.Replace(xml, "</devices>", disk, 1), vm.UUID); err != nil {
		t.Fatal(err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, true); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckCopy(t.Context(), vm.UUID, "", inventory.ImageRights{}); !errors.Is(err, inventory.ErrNeedsStorage) {
		t.Errorf("the check says %v", err)
	}
	for _, storage := range []bool{false, true} {
		s := spec("copy")
		s.Storage = storage
		_, err := c.Clone(t.Context(), vm.UUID, s)
		if (err == nil) != storage || !storage && !errors.Is(err, inventory.ErrNeedsStorage) {
			t.Errorf("a clone with the right %v: %v", storage, err)
		}
	}
}
