package virt

import (
	"errors"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// attach adds a disk or drive on a volume of the pool images to a VM.
func attach(t *testing.T, c *Conn, uuid, volume string, readOnly, medium, storage bool) error {
	t.Helper()
	d := model.DeviceSpec{Device: model.Device{Kind: model.KindDisk, Bus: "virtio", Pool: "images", Volume: volume, Format: "raw", ReadOnly: readOnly}}
	if strings.HasSuffix(volume, ".qcow2") {
		d.Format = "qcow2"
	}
	if medium {
		d.Kind, d.Bus = model.KindCDROM, "sata"
	}
	_, _, err := c.AddDevice(t.Context(), uuid, d, inventory.DeviceChange{Apply: inventory.ApplyNextBoot, DryRun: true, Storage: storage})
	return err
}

func TestWhatAnotherVMHasTakesTheRightToManageStorage(t *testing.T) {
	t.Parallel()
	const mine = "11111111-2222-4333-8444-000000000001"
	disk := func(device, inside string) string {
		return `<disk type='file' device='` + device + `'>` + inside + `<target dev='vda' bus='virtio'/></disk>`
	}
	source := func(path string) string { return `<driver name='qemu' type='raw'/><source file='` + path + `'/>` }
	for how, devices := range map[string]string{
		"as a disk":                 disk("disk", source("/tmp/images/x.img")),
		"as a disk, by another way": disk("disk", source("/tmp//images/./x.img")),
		"through a linked folder":   disk("disk", source("/elsewhere/x.img")),
		"read-only":                 disk("disk", source("/tmp/images/x.img")+"<readonly/>"),
		"shared":                    disk("disk", source("/tmp/images/x.img")+"<shareable/>"),
		"as a floppy":               `<disk type='file' device='floppy'>` + source("/tmp/images/x.img") + `<target dev='fda' bus='fdc'/></disk>`,
		"as a base image":           disk("disk", `<driver name='qemu' type='qcow2'/><source file='/tmp/images/top.qcow2'/><backingStore type='file'><format type='raw'/><source file='/tmp/images/x.img'/><backingStore/></backingStore>`),
		"as a medium":               `<disk type='file' device='cdrom'>` + source("/tmp/images/x.img") + `<target dev='sda' bus='sata'/><readonly/></disk>`,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c, vm := stopped(t)
			volume(t, c, "x.img")
			if _, err := c.DefineXML(t.Context(), vmXML("mine", mine), ""); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				if err := attach(t, c, mine, "x.img", readOnly, false, false); err != nil {
					t.Fatalf("while nobody has it: %v", err)
				}
			}
			other := strings.Replace(vmXML(vm.Name, vm.UUID), "</domain>", "<devices>"+devices+"</devices></domain>", 1)
			if _, err := c.DefineXML(t.Context(), other, vm.UUID); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				if err := attach(t, c, mine, "x.img", readOnly, false, false); !errors.Is(err, inventory.ErrNeedsStorage) || !errs.Is(err, errs.NotAuthorized) {
					t.Errorf("read-only %v, without the right: %v", readOnly, err)
				}
				if err := attach(t, c, mine, "x.img", readOnly, false, true); err != nil {
					t.Errorf("read-only %v, with the right: %v", readOnly, err)
				}
			}
			if err := attach(t, c, mine, "x.img", true, true, false); !errors.Is(err, inventory.ErrNeedsStorage) {
				t.Errorf("into a drive: %v", err)
			}
			if err := c.CheckUse(t.Context(), &model.Device{Kind: model.KindDisk, Source: "/tmp/images//x.img", Format: "raw", ReadOnly: true}, false); !errors.Is(err, inventory.ErrNeedsStorage) {
				t.Errorf("for a new VM: %v", err)
			}
			if _, err := c.DefineNew(t.Context(), strings.Replace(vmXML("new", ""), "</domain>", "<devices>"+disk("disk", source("/tmp/images/./x.img"))+"</devices></domain>", 1), false); !errors.Is(err, inventory.ErrNeedsStorage) {
				t.Errorf("in a new definition: %v", err)
			}
		})
	}
}

func TestNobodyWritesToATemplatesDisks(t *testing.T) {
	t.Parallel()
	const mine = "11111111-2222-4333-8444-000000000001"
	c, vm := stopped(t)
	volume(t, c, "base.qcow2")
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/images/base.qcow2'/>`)
	if _, err := c.DefineXML(t.Context(), vmXML("mine", mine), ""); err != nil {
		t.Fatal(err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, true); err != nil {
		t.Fatal(err)
	}
	for _, storage := range []bool{false, true} {
		if err := attach(t, c, mine, "base.qcow2", false, false, storage); !errs.Is(err, errs.DeviceInUse) {
			t.Errorf("with the right %v: %v", storage, err)
		}
		if err := attach(t, c, mine, "base.qcow2", true, false, storage); err != nil {
			t.Errorf("reading, with the right %v: %v", storage, err)
		}
	}
	xml := strings.Replace(vmXML("mine", mine), "</domain>", `<devices><disk type='file' device='disk'><source file='/tmp/./images/base.qcow2'/><target dev='vda'/></disk></devices></domain>`, 1)
	if _, err := c.DefineXML(t.Context(), xml, mine); !errs.Is(err, errs.DeviceInUse) {
		t.Errorf("with XML: %v", err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DefineXML(t.Context(), xml, mine); err != nil {
		t.Fatal(err)
	}
	if err := c.SetTemplate(t.Context(), vm.UUID, true); !errs.Is(err, errs.DeviceInUse) || !strings.Contains(err.Error(), "mine") {
		t.Errorf("what another VM writes to became a template's: %v", err)
	}
}

func TestTwoAtOnceDoNotBothGetAnImage(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	volume(t, c, "x.img")
	mine := c.claims.add(use{uuid: "11111111-2222-4333-8444-000000000002", vm: "other", id: c.eyes.identify("/tmp/images/x.img"), writes: true})
	if err := attach(t, c, vm.UUID, "x.img", false, false, false); !errors.Is(err, inventory.ErrNeedsStorage) {
		t.Errorf("while another VM gets it: %v", err)
	}
	if err := c.DeleteVolumeOf(t.Context(), imagesUUID, "x.img"); !errs.Is(err, errs.DeviceInUse) {
		t.Errorf("deleted while a VM gets it: %v", err)
	}
	c.claims.drop(mine)
	job := c.claims.add(use{id: c.eyes.identify("/tmp/images//x.img"), writes: true, job: true})
	for what, err := range map[string]error{
		"attached": attach(t, c, vm.UUID, "x.img", true, false, true), "deleted": c.DeleteVolumeOf(t.Context(), imagesUUID, "x.img"),
		"resized": c.ResizeVolume(t.Context(), imagesUUID, "x.img", 4<<20, false),
	} {
		if !errs.Is(err, errs.Busy) {
			t.Errorf("%s while it is wiped: %v", what, err)
		}
	}
	c.claims.drop(job)
	if err := attach(t, c, vm.UUID, "x.img", false, false, false); err != nil {
		t.Error(err)
	}
}

func TestMediaThatSetUpASystemAreNotPublic(t *testing.T) {
	t.Parallel()
	descriptor := func(kind byte, at int, text string) []byte {
		d := make([]byte, sector)
		d[0] = kind
		copy(d[1:], "CD001")
		copy(d[at:], text)
		return d
	}
	volume := func(label string) []byte { return descriptor(1, 40, label+strings.Repeat(" ", 32-len(label))) }
	boot, end := descriptor(0, 7, "EL TORITO SPECIFICATION"), descriptor(255, 7, "")
	for what, row := range map[string]struct {
		sectors [][]byte
		length  uint64
		want    bool
	}{
		"an installer":                {[][]byte{volume("DEBIAN 13"), boot, end}, 1 << 20, true},
		"a seed":                      {[][]byte{volume("cidata"), end}, 1 << 20, false},
		"a large seed that boots":     {[][]byte{boot, volume("CIDATA"), end}, 1 << 30, false},
		"OpenStack's":                 {[][]byte{volume("config-2"), boot, end}, 1 << 30, false},
		"answers to an installer":     {[][]byte{volume("OEMDRV"), boot, end}, 1 << 30, false},
		"something small":             {[][]byte{volume("FILES"), end}, 1 << 20, false},
		"drivers":                     {[][]byte{volume("VIRTIO-WIN"), end}, 700 << 20, true},
		"no ISO image":                {[][]byte{make([]byte, sector)}, 1 << 30, false},
		"what comes after its end":    {[][]byte{volume("FILES"), end, boot}, 1 << 20, false},
		"nothing":                     {nil, 0, false},
		"a boot record without files": {[][]byte{boot, end}, 1 << 30, false},
	} {
		var data []byte
		for _, s := range row.sectors {
			data = append(data, s...)
		}
		if got := publicMedium(data, row.length); got != row.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestASnapshotBringsBackNoImageThatAnotherVMHasGot(t *testing.T) {
	t.Parallel()
	const other = "11111111-2222-4333-8444-000000000001"
	c, vm := stopped(t)
	volume(t, c, "base.qcow2")
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/images/base.qcow2'/>`)
	take(t, c, vm.UUID, `<domainsnapshot><name>s</name></domainsnapshot>`)
	if err := c.CheckRevert(t.Context(), vm.UUID, "s", false); err != nil {
		t.Errorf("to what it has: %v", err)
	}
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/images/mine.qcow2'/>`)
	if err := c.CheckRevert(t.Context(), vm.UUID, "s", false); err != nil {
		t.Errorf("to what nobody has: %v", err)
	}
	if _, err := c.DefineXML(t.Context(), vmXML("other", other), ""); err != nil {
		t.Fatal(err)
	}
	onImage(t, c, "other", other, `<source file='/tmp/./images/base.qcow2'/>`)
	for what, err := range map[string]error{
		"looked at": c.CheckRevert(t.Context(), vm.UUID, "s", false), "done": c.RevertSnapshot(t.Context(), vm.UUID, "s", false, false),
	} {
		if !errors.Is(err, inventory.ErrNeedsStorage) {
			t.Errorf("%s without the right: %v", what, err)
		}
	}
	if err := c.RevertSnapshot(t.Context(), vm.UUID, "s", false, true); err != nil {
		t.Errorf("with the right: %v", err)
	}
}

func TestAVMDoesNotStartOnWhatAnOperationIsAt(t *testing.T) {
	t.Parallel()
	c, vm := stopped(t)
	volume(t, c, "base.qcow2")
	onImage(t, c, vm.Name, vm.UUID, `<source file='/tmp/images/base.qcow2'/>`)
	job := c.claims.add(use{id: c.eyes.identify("/tmp//images/base.qcow2"), writes: true, job: true})
	if err := c.Start(t.Context(), vm.UUID, false); !errs.Is(err, errs.Busy) {
		t.Errorf("while it is wiped: %v", err)
	}
	c.claims.drop(job)
	if err := c.Start(t.Context(), vm.UUID, false); err != nil {
		t.Error(err)
	}
	if held := c.claims.others(nil); len(held) != 0 {
		t.Errorf("claims are left: %v", held)
	}
}
