package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/internal/testutil/fakehv"
	"org.kvmmanager/service/inventory"
)

var tank = fakehv.UUID(200)

func putTank(hv *fakehv.Hypervisor, active bool) {
	hv.PutPool(&model.StoragePool{UUID: tank, Name: "tank", Kind: "dir", Active: active, Persistent: true})
}

func onDisk(n int, disks ...*model.Device) *model.VM {
	vm := fakehv.VM(n, fmt.Sprint("vm", n))
	vm.Disks = disks
	return vm
}

// usedBy is the users of a volume as published.
func (r *recorder) usedBy(name string) []model.Path {
	if v := r.volumes[model.VolumePath(tank, name)]; v != nil {
		return v.UsedBy
	}
	return nil
}

func TestVolumesFollowTheirPool(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	for _, name := range []string{"a.qcow2", "../b", "c\nd", "\xff"} {
		hv.PutVolume(tank, inventory.VolumeInfo{Name: name, Format: "raw", Capacity: 1 << 20}, nil)
	}
	h := addLocal(t, inv, rec)
	rec.until("four volumes", func() bool { return len(rec.volumes) == 4 })
	host, pool, v := inv.Volume(model.VolumePath(tank, "../b"))
	if host != h || pool == nil || v == nil || v.Name != "../b" {
		t.Errorf("found %v in %v", v, pool)
	}
	if h.VolumeAt("/fake/"+tank+"/a.qcow2") == nil || len(h.Volumes(tank)) != 4 {
		t.Error("they cannot be found")
	}
	hv.DropVolume(tank, "a.qcow2")
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "new", Capacity: 5}, nil)
	hv.RefreshPool(tank)
	rec.until("another one instead", func() bool {
		return len(rec.volumes) == 4 && rec.volumes[model.VolumePath(tank, "new")] != nil
	})
	putTank(hv, false)
	rec.until("none any more", func() bool { return len(rec.volumes) == 0 })
	if h.VolumeAt("/fake/"+tank+"/new") != nil {
		t.Error("one is still found")
	}
}

func TestOneVolumeIsReadForItself(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	h := addLocal(t, inv, rec)
	if err := h.RefreshVolumes(t.Context(), tank); err != nil {
		t.Fatal(err)
	}
	reads := func() int {
		return len(slices.DeleteFunc(hv.Calls(), func(c string) bool { return c != "volumes "+tank }))
	}
	before := reads()
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "a"}, nil)
	if err := h.RefreshVolume(t.Context(), tank, "a"); err != nil || rec.volumes[model.VolumePath(tank, "a")] == nil {
		t.Errorf("the new one is not announced: %v", err)
	}
	hv.DropVolume(tank, "a")
	if err := h.RefreshVolumeAt(t.Context(), "/fake/"+tank+"/a"); err != nil || len(rec.volumes) != 0 {
		t.Errorf("its end is not announced: %v", err)
	}
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "b"}, nil)
	if err := h.RefreshVolumeAt(t.Context(), "/fake/"+tank+"/b"); err != nil || len(rec.volumes) != 1 {
		t.Errorf("the one at a place is not announced: %v", err)
	}
	if reads() != before {
		t.Error("all volumes were read for one")
	}
}

// TestAVolumeThatIsReadMeanwhileStaysAsItIs makes and deletes volumes while an
// old list of them is on its way.
func TestAVolumeThatIsReadMeanwhileStaysAsItIs(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "deleted"}, nil)
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "kept"}, nil)
	h := addLocal(t, inv, rec)
	rec.until("two volumes", func() bool { return len(rec.volumes) == 2 })
	hv.Hook("volumes", func(ctx context.Context, _ string) error {
		hv.Hook("volumes", nil)
		hv.DropVolume(tank, "deleted")
		if err := h.RefreshVolume(ctx, tank, "deleted"); err != nil {
			return err
		}
		hv.PutVolume(tank, inventory.VolumeInfo{Name: "made"}, nil)
		if err := h.RefreshVolume(ctx, tank, "made"); err != nil {
			return err
		}
		hv.DropVolume(tank, "made") // what the list has, and lacks
		hv.PutVolume(tank, inventory.VolumeInfo{Name: "deleted"}, nil)
		return nil
	})
	if err := h.RefreshVolumes(t.Context(), tank); err != nil {
		t.Fatal(err)
	}
	if rec.volumes[model.VolumePath(tank, "made")] == nil || rec.volumes[model.VolumePath(tank, "deleted")] != nil || len(rec.volumes) != 2 {
		t.Errorf("shown are %v", rec.volumes)
	}
}

func TestAVolumeSaysWhichVMsNeedIt(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	place := func(name string) string { return "/fake/" + tank + "/" + name }
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "base"}, nil)
	hv.PutOverlay(tank, inventory.VolumeInfo{Name: "middle"}, place("base"))
	hv.PutOverlay(tank, inventory.VolumeInfo{Name: "top"}, place("middle"))
	hv.PutOverlay(tank, inventory.VolumeInfo{Name: "circle"}, place("circle"))
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "free"}, nil)
	one := onDisk(1, &model.Device{ID: "vda", Source: place("top")}, &model.Device{ID: "vdb", Source: place("top")})
	two := onDisk(2, &model.Device{ID: "vda", Type: "volume", Pool: "tank", Volume: "middle"}, &model.Device{ID: "vdb", Source: place("circle")})
	hv.Put(one)
	hv.Put(two)
	addLocal(t, inv, rec)
	first, second := []model.Path{one.Path()}, []model.Path{two.Path()}
	both := append(slices.Clone(first), second...)
	rec.until("their users", func() bool {
		return slices.Equal(rec.usedBy("base"), both) && slices.Equal(rec.usedBy("middle"), both) &&
			slices.Equal(rec.usedBy("top"), first) && slices.Equal(rec.usedBy("circle"), second) && len(rec.usedBy("free")) == 0
	})
	hv.Put(onDisk(1, &model.Device{ID: "vda", Source: place("free")}))
	rec.until("another disk", func() bool {
		return slices.Equal(rec.usedBy("base"), second) && len(rec.usedBy("top")) == 0 && slices.Equal(rec.usedBy("free"), first)
	})
	hv.Drop(two.UUID)
	rec.until("a VM less", func() bool { return len(rec.usedBy("base")) == 0 && len(rec.usedBy("circle")) == 0 })
	hv.DropVolume(tank, "free")
	hv.RefreshPool(tank)
	rec.until("a volume less", func() bool { return len(rec.volumes) == 4 })
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "free"}, nil)
	hv.RefreshPool(tank)
	rec.until("it is back with its user", func() bool { return slices.Equal(rec.usedBy("free"), first) })
}

func TestThousandsOfVolumesHoldUpNothing(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	const many = 10_000
	for i := range many {
		hv.PutVolume(tank, inventory.VolumeInfo{Name: fmt.Sprint("volume-", i, ".qcow2")}, nil)
	}
	reading, goOn := make(chan struct{}), make(chan struct{})
	hv.Hook("volumes", func(ctx context.Context, _ string) error {
		close(reading)
		select {
		case <-goOn:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	addLocal(t, inv, rec)
	<-reading
	hv.Put(fakehv.VM(1, "meanwhile"))
	rec.until("a VM that comes while they are read", func() bool { return len(rec.vms) == 1 })
	close(goOn)
	rec.until("all of them", func() bool { return len(rec.volumes) == many })
	if rec.largest > 256 {
		t.Errorf("one update had %d volumes", rec.largest)
	}
}

// TestOneReadingIsEnough for an event and for who caused it.
func TestOneReadingIsEnough(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "a"}, nil)
	h := addLocal(t, inv, rec)
	rec.until("a volume", func() bool { return len(rec.volumes) == 1 })
	if err := h.RefreshVolumes(t.Context(), tank); err != nil {
		t.Fatal(err)
	}
	readings := func() int {
		n := 0
		for _, call := range hv.Calls() {
			if call == "volumes "+tank {
				n++
			}
		}
		return n
	}
	once := func(name string) bool {
		before := readings()
		hv.PutVolume(tank, inventory.VolumeInfo{Name: name}, nil)
		hv.RefreshPool(tank) // the event
		if err := h.RefreshPool(t.Context(), tank); err != nil {
			t.Fatal(err)
		}
		if err := h.RefreshVolumes(t.Context(), tank); err != nil {
			t.Fatal(err)
		}
		return readings() == before+1
	}
	if !once("b") && !once("b2") && !once("b3") { // a busy machine can be too slow
		t.Error("it was read twice")
	}
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "c"}, nil)
	hv.RefreshPool(tank) // of somebody else
	rec.until("one of somebody else", func() bool { return rec.volumes[model.VolumePath(tank, "c")] != nil })
}

func TestNotMoreVolumesAreShownThanAMessageHolds(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	const many = 50_000
	for i := range many {
		hv.PutVolume(tank, inventory.VolumeInfo{Name: fmt.Sprint(i)}, nil)
	}
	h := addLocal(t, inv, rec)
	if err := h.RefreshVolumes(t.Context(), tank); err != nil {
		t.Fatal(err)
	}
	shown := len(rec.volumes)
	if shown < 20_000 || shown == many {
		t.Errorf("%d are shown", shown)
	}
	for i := range many / 2 {
		hv.DropVolume(tank, fmt.Sprint(i))
		hv.DropVolume(tank, fmt.Sprint(i+many/2-100))
	}
	if err := h.RefreshVolumes(t.Context(), tank); err != nil {
		t.Fatal(err)
	}
	if len(rec.volumes) != 100 {
		t.Errorf("%d of 100 are shown once there is room", len(rec.volumes))
	}
}

func TestAPoolThatCannotBeReadIsReadAgain(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "a"}, nil)
	hv.Hook("volumes", func(context.Context, string) error {
		hv.Hook("volumes", nil)
		return errs.New(errs.LibvirtFailed, "The disk has a bad day.")
	})
	addLocal(t, inv, rec)
	rec.until("the volume", func() bool { return len(rec.volumes) == 1 })
}

func TestAVolumeIsFoundByEverySpellingOfItsPath(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	folder := "/fake/" + tank
	hv.Link("/link", "/fake")
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "base"}, nil)
	hv.PutOverlay(tank, inventory.VolumeInfo{Name: "top"}, "/link/"+tank+"//base")
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "other"}, nil)
	one := onDisk(1, &model.Device{ID: "vda", Source: "/link/" + tank + "/top"})
	two := onDisk(2, &model.Device{ID: "vda", Source: folder + "/.//other"})
	hv.Put(one)
	hv.Put(two)
	h := addLocal(t, inv, rec)
	first, second := []model.Path{one.Path()}, []model.Path{two.Path()}
	rec.until("their users", func() bool {
		return slices.Equal(rec.usedBy("base"), first) && slices.Equal(rec.usedBy("top"), first) && slices.Equal(rec.usedBy("other"), second)
	})
	if made := h.MadeOf(folder + "/base"); len(made) != 1 || made[0].Name != "top" {
		t.Errorf("of the base are made %v", made)
	}
	if v := h.VolumeAt("/link/" + tank + "/other"); v == nil || v.Name != "other" || !h.IsOn(two.Disks[0], v) || h.IsOn(one.Disks[0], v) {
		t.Errorf("by the link there is %v", v)
	}
}

// TestDisksNameTheirVolumes follows the objects of a disk that names its volume by
// path and of one that names it by pool and volume, while volumes come and go.
func TestDisksNameTheirVolumes(t *testing.T) {
	t.Parallel()
	hv, rec, inv := setUp(t)
	putTank(hv, true)
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "a"}, nil)
	vm := onDisk(
		1,
		&model.Device{ID: "disk-vda", Kind: model.KindDisk, Source: "/fake/" + tank + "/a"},
		&model.Device{ID: "disk-vdb", Kind: model.KindDisk, Type: "volume", Pool: "tank", Volume: "b"},
		&model.Device{ID: "disk-vdc", Kind: model.KindDisk, Source: "/elsewhere/c"},
	)
	hv.Put(vm)
	addLocal(t, inv, rec)
	want := func(what string, names ...string) {
		t.Helper()
		rec.until(what, func() bool {
			shown := rec.vms[vm.Path()]
			for i, name := range names {
				var pool, volume model.Path
				if name != "" {
					pool, volume = model.PoolPath(tank), model.VolumePath(tank, name)
				}
				if shown == nil || shown.Disks[i].PoolObject != pool || shown.Disks[i].VolumeObject != volume {
					return false
				}
			}
			return true
		})
	}
	want("the first disk is on a volume", "a", "", "")
	hv.PutVolume(tank, inventory.VolumeInfo{Name: "b"}, nil)
	hv.RefreshPool(tank)
	want("the second is, too", "a", "b", "")
	again := *vm
	again.Title = "read again"
	hv.Put(&again)
	rec.until("it has been read again", func() bool { return rec.vms[vm.Path()].Title == "read again" })
	want("they still are", "a", "b", "")
	putTank(hv, false)
	want("no disk is on a volume that is shown", "", "", "")
}
