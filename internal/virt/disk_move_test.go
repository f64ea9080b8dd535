package virt

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"libvirt.org/go/libvirt"

	"org.kvmmanager/internal/domainxml"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
	"org.kvmmanager/service/unfinished"
)

// aMove is a move into the pool of the test.
func aMove(t *testing.T, c *Conn) (move inventory.DiskMove, left *unfinished.Records) {
	t.Helper()
	pools, err := c.Pools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(pools, func(p *model.StoragePool) bool { return p.Name == "images" })
	left = unfinished.Open("", slog.New(slog.DiscardHandler))
	return inventory.DiskMove{
		Pool: pools[i].UUID, Files: true, Progress: func(uint64, uint64) {}, Finish: func() bool { return true }, Unfinished: left.OnHost("local"),
	}, left
}

// TestAMoveThatFailsLeavesEverything ends where this driver does, which changes
// no stored disk; the system tests do the rest.
func TestAMoveThatFailsLeavesEverything(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	move, left := aMove(t, c)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	refuses := move
	refuses.Finish = func() bool { return false }
	unknown := move
	unknown.Pool = "33333333-0000-4000-8000-000000000000"
	for name, try := range map[string]struct {
		ctx  context.Context
		id   string
		move inventory.DiskMove
		want errs.Kind
	}{
		"cancelled":            {cancelled, "disk-vda", move, errs.Cancelled},
		"cancelled at the end": {t.Context(), "disk-vda", refuses, errs.Cancelled},
		"no such disk":         {t.Context(), "disk-vdz", move, errs.NotFound},
		"no such pool":         {t.Context(), "disk-vda", unknown, errs.NotFound},
		"no disk at all":       {t.Context(), vm.Interfaces[0].ID, move, errs.NotSupported},
	} {
		if _, err := c.MoveDisk(try.ctx, vm.UUID, try.id, try.move); !errs.Is(err, try.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := volumes(t, c); !slices.Equal(got, []string{"web.qcow2"}) {
		t.Errorf("the volumes are %v", got)
	}
	if now := only(t, c); now.Disks[0].Source != vm.Disks[0].Source {
		t.Errorf("the disk is on %s", now.Disks[0].Source)
	}
	if left.Waiting() {
		t.Error("something is left to clear up")
	}
}

// TestAMoveNotesWhatItMakesAndWhatGoes before it changes the VM, and forgets that
// when it fails.
func TestAMoveNotesWhatItMakesAndWhatGoes(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	move, _ := aMove(t, c)
	folder := t.TempDir()
	notes := func() int {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Error(err)
		}
		return len(entries)
	}
	move.Unfinished = unfinished.Open(folder, slog.New(slog.DiscardHandler)).OnHost("local")
	for want, deletes := range map[int]bool{1: false, 2: true} {
		noted := 0
		move.DeleteOriginal, move.Finish = deletes, func() bool { noted = notes(); return false }
		if _, err := c.MoveDisk(t.Context(), vm.UUID, "disk-vda", move); !errs.Is(err, errs.Cancelled) {
			t.Errorf("got %v", err)
		}
		if noted != want || notes() != 0 {
			t.Errorf("it noted %d, and %d in the end; want %d and none", noted, notes(), want)
		}
	}
	if got := volumes(t, c); !slices.Equal(got, []string{"web.qcow2"}) {
		t.Errorf("the volumes are %v", got)
	}
}

func TestTheDiskOfARunningVMStays(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	move, _ := aMove(t, c)
	if err := c.Start(t.Context(), vm.UUID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.MoveDisk(t.Context(), vm.UUID, "disk-vda", move); !errs.Is(err, errs.InvalidState) {
		t.Errorf("got %v", err)
	}
}

func TestAnImageThatIsNotWhatTheVMTakesItForStays(t *testing.T) {
	t.Parallel()
	c, vm := withDisk(t)
	move, _ := aMove(t, c)
	raw := strings.Replace(vmXML(vm.Name, vm.UUID), "</domain>",
		`<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/tmp/images/web.qcow2'/><target dev='vda'/></disk></devices></domain>`, 1)
	if _, err := c.DefineXML(t.Context(), raw, vm.UUID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.MoveDisk(t.Context(), vm.UUID, "disk-vda", move); !errs.Is(err, errs.NotSupported) || !strings.Contains(err.Error(), "looks like qcow2") {
		t.Errorf("got %v", err)
	}
}

func TestNobodySeesAScratchPool(t *testing.T) {
	t.Parallel()
	c, _ := withDisk(t)
	xml, err := domainxml.NewPool(&model.PoolSpec{Name: scratchPool + "x", Kind: "dir", Target: "/tmp/scratch"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.main.conn.StoragePoolCreateXML(xml, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	pools, err := c.Pools(t.Context())
	if err != nil || slices.ContainsFunc(pools, func(p *model.StoragePool) bool { return isScratch(p.Name) }) {
		t.Errorf("the pools are %v, %v", pools, err)
	}
	if _, err := c.Pool(t.Context(), uuidOf(p)); !errs.Is(err, errs.NotFound) {
		t.Errorf("asked for: %v", err)
	}
	if v, err := p.StorageVolCreateXML("<volume><name>a</name><capacity>1</capacity></volume>", 0); err != nil || !inScratch(v) {
		t.Errorf("a volume in it: %v", err)
	}
	if _, err := c.imageOf(c.main.conn, &model.Device{Source: "/tmp/scratch/a"}); !errs.Is(err, errs.NotFound) {
		t.Errorf("its volume is somebody's disk: %v", err)
	}
	c.clearScratch(t.Context())
	if _, err := c.main.conn.LookupStoragePoolByUUIDString(uuidOf(p)); !hasCode(err, libvirt.ERR_NO_STORAGE_POOL) {
		t.Errorf("it is still there: %v", err)
	}
}
