package virt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

const imagesPool = "22222222-0000-4000-8000-000000000000"

// layered makes a volume of this format that is a layer over a file, as the driver
// of the tests remembers it.
func layered(t *testing.T, c *Conn, name, format, backing string) {
	t.Helper()
	pool, err := c.main.conn.LookupStoragePoolByName("images")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Free()
	vol, err := pool.StorageVolCreateXML("<volume><name>"+name+"</name><capacity>1048576</capacity><target><format type='"+format+"'/></target><backingStore><path>"+backing+"</path><format type='raw'/></backingStore></volume>", 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = vol.Free()
}

// withLayers is a connection with a VM that is off, and volumes that a guest could
// have written.
func withLayers(t *testing.T) (*Conn, *model.VM) {
	t.Helper()
	c, vm := withDisk(t)
	layered(t, c, "overlay", "qcow2", "/tmp/images/web.qcow2")
	layered(t, c, "foreign", "qcow2", "/etc/shadow")
	layered(t, c, "over-foreign", "qcow2", "/tmp/images/foreign")
	layered(t, c, "circle", "qcow2", "/tmp/images/circle")
	layered(t, c, "by-protocol", "qcow2", "json:{\"file.filename\":\"/etc/shadow\"}")
	layered(t, c, "extents", "vmdk", "/tmp/images/web.qcow2")
	return c, vm
}

func TestAVolumeThatNamesAFileOfTheHostIsNoImage(t *testing.T) {
	t.Parallel()
	c, vm := withLayers(t)
	drive, _, err := c.AddDevice(t.Context(), vm.UUID, device(model.Device{Kind: model.KindCDROM, Bus: "scsi"}), both)
	if err != nil {
		t.Fatal(err)
	}
	dry := inventory.DeviceChange{Apply: inventory.ApplyBoth, DryRun: true, Storage: true}
	without := inventory.DeviceChange{Apply: inventory.ApplyBoth, DryRun: true}
	for _, test := range []struct {
		volume, format string
		refused        bool
	}{
		{"web.qcow2", "", false},
		{"web.qcow2", "qcow2", false},
		{"overlay", "", false},
		{"overlay", "qcow2", false},
		{"foreign", "", true},
		{"foreign", "qcow2", true},
		{"foreign", "raw", false},
		{"over-foreign", "qcow2", true},
		{"circle", "qcow2", true},
		{"by-protocol", "qcow2", true},
		{"extents", "", false}, // it is raw then
	} {
		spec := device(model.Device{Kind: model.KindDisk, Pool: "images", Volume: test.volume, Format: test.format, ReadOnly: true}, "pool", "volume")
		_, _, added := c.AddDevice(t.Context(), vm.UUID, spec, dry)
		_, inserted := c.UpdateDevice(t.Context(), vm.UUID, drive, device(model.Device{Pool: "images", Volume: test.volume, Format: test.format}, "pool", "volume"), dry)
		_, _, err := c.AddDevice(t.Context(), vm.UUID, spec, without)
		if needs := slices.Contains([]string{"overlay", "over-foreign", "circle"}, test.volume); needs != errors.Is(err, inventory.ErrNeedsStorage) {
			t.Errorf("%s as %q without a right to layers: %v", test.volume, test.format, err)
		}
		for what, err := range map[string]error{"a disk": added, "a medium": inserted} {
			if test.refused != errs.Is(err, errs.NotSupported) || err != nil && !strings.Contains(err.Error(), "layer") {
				t.Errorf("%s, %s as %q: %v", test.volume, what, test.format, err)
			}
		}
	}
	for name, refused := range map[string]bool{"web.qcow2": false, "overlay": false, "foreign": true, "over-foreign": true} {
		rights := inventory.ImageRights{Storage: true}
		if _, err := c.InspectImage(t.Context(), "/tmp/images/"+name, "qcow2", false, rights); refused != errs.Is(err, errs.NotSupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLibvirtCopiesNoFileOfTheHost(t *testing.T) {
	t.Parallel()
	c, _ := withLayers(t)
	for name, refused := range map[string]bool{"web.qcow2": false, "overlay": false, "foreign": true, "over-foreign": true, "extents": true} {
		err := c.CopyVolume(t.Context(), imagesPool, name, imagesPool, inventory.NewVolume{Name: "a " + name, Format: "raw", Capacity: 1 << 20}, func(uint64, uint64) {})
		if refused != errs.Is(err, errs.NotSupported) {
			t.Errorf("%s: %v", name, err)
		}
		_, err = c.DuplicateVolume(t.Context(), imagesPool, name, imagesPool, inventory.VolumeInfo{Name: "b " + name, Format: "raw", Capacity: 1 << 20}, inventory.ImageRights{Storage: true})
		if refused != errs.Is(err, errs.NotSupported) {
			t.Errorf("%s for a new VM: %v", name, err)
		}
	}
}

// TestLibvirtResizesNoFileOfTheHost goes by the sentences: the driver of the tests
// refuses every other size.
func TestLibvirtResizesNoFileOfTheHost(t *testing.T) {
	t.Parallel()
	c, vm := withLayers(t)
	volume(t, c, "plain.qcow2")
	for name, reason := range map[string]string{"plain.qcow2": "hypervisor", "over-foreign": "layer", "extents": "format"} {
		for what, err := range map[string]error{
			"resized": c.ResizeVolume(t.Context(), imagesPool, name, 2<<20, false),
			"grown":   c.GrowVolume(t.Context(), imagesPool, name, 2<<20),
		} {
			if _, text := errs.Of(translate(err, true)); !strings.Contains(text, reason) {
				t.Errorf("%s is %s: %v", name, what, err)
			}
		}
	}
	disk := device(model.Device{Kind: model.KindDisk, Pool: "images", Volume: "foreign", Format: "raw"}, "pool", "volume")
	id, _, err := c.AddDevice(t.Context(), vm.UUID, disk, both)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ResizeDisk(t.Context(), vm.UUID, id, 2<<20); !errs.Is(err, errs.NotSupported) || !strings.Contains(err.Error(), "looks like qcow2") {
		t.Errorf("the disk is resized: %v", err)
	}
}

// TestARawDiskIsNotClonedAsWhatItsGuestMadeItLookLike has libvirt take the volume
// for qcow2, and the VM for raw.
func TestARawDiskIsNotClonedAsWhatItsGuestMadeItLookLike(t *testing.T) {
	t.Parallel()
	for _, linked := range []bool{false, true} {
		c, vm := withDisk(t)
		layered(t, c, "guest", "qcow2", "/etc/shadow")
		add := device(model.Device{Kind: model.KindDisk, Pool: "images", Volume: "guest", Format: "raw"}, "pool", "volume")
		id, _, err := c.AddDevice(t.Context(), vm.UUID, add, both)
		if err != nil {
			t.Fatal(err)
		}
		how := spec("copy")
		how.Linked = linked
		if _, err := c.Clone(t.Context(), vm.UUID, how); !errs.Is(err, errs.NotSupported) || !strings.Contains(err.Error(), "looks like qcow2") {
			t.Errorf("linked %v: %v", linked, err)
		}
		if got := volumes(t, c); len(got) != 2 {
			t.Errorf("the volumes are %v", got)
		}
		move, _ := aMove(t, c)
		if _, err := c.MoveDisk(t.Context(), vm.UUID, id, move); !errs.Is(err, errs.NotSupported) {
			t.Errorf("it is moved: %v", err)
		}
	}
}

func TestWhereALayersFileIs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"base":               "/pool/base",
		"sub/a:b":            "/pool/sub/a:b",
		"/etc/shadow":        "/etc/shadow",
		"file:base":          "file:base",
		"json:{}":            "json:{}",
		"nbd://host/x":       "nbd://host/x",
		"../base":            "/pool/../base",
		"base\x00.qcow2":     "base\x00.qcow2",
		"/pool/base\x00.raw": "/pool/base\x00.raw",
	} {
		if got := beside("/pool/overlay", name); got != want {
			t.Errorf("%q is at %q, not %q", name, got, want)
		}
	}
}
