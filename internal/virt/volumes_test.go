package virt

import (
	"fmt"
	"testing"

	"org.kvmmanager/internal/errs"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/service/inventory"
)

// imagesUUID is the pool of every node.
const imagesUUID = "22222222-0000-4000-8000-000000000000"

func TestVolumesAreReadOneByOneAndTogether(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	if list, err := c.Volumes(t.Context(), imagesUUID); err != nil || len(list) != 0 {
		t.Fatalf("there are %v, %v", list, err)
	}
	want := map[string]bool{}
	for i := range 20 {
		name := fmt.Sprintf("volume <&>\"' %d ünï 🐧", i)
		want[name] = true
		if _, err := c.MakeVolume(t.Context(), imagesUUID, inventory.VolumeInfo{Name: name, Format: "raw", Capacity: 1 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := c.Volumes(t.Context(), imagesUUID)
	if err != nil || len(list) != len(want) {
		t.Fatalf("there are %d, %v", len(list), err)
	}
	for _, v := range list {
		if !want[v.Name] || v.Capacity != 1<<20 || v.Pool != model.PoolPath(imagesUUID) || v.Place == "" {
			t.Errorf("got %+v", v)
		}
		one, err := c.Volume(t.Context(), imagesUUID, v.Name)
		if err != nil || one.Name != v.Name || one.Place != v.Place {
			t.Errorf("for itself it is %+v, %v", one, err)
		}
		there, err := c.VolumeAt(t.Context(), v.Place)
		if err != nil || there.Name != v.Name || there.Pool != v.Pool {
			t.Errorf("at its place is %+v, %v", there, err)
		}
	}
	for what, read := range map[string]func() error{
		"no pool":   func() error { _, err := c.Volumes(t.Context(), "33333333-0000-4000-8000-000000000000"); return err },
		"no volume": func() error { _, err := c.Volume(t.Context(), imagesUUID, "nothing"); return err },
		"no place":  func() error { _, err := c.VolumeAt(t.Context(), "/nowhere"); return err },
	} {
		if err := read(); !errs.Is(err, errs.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPoolsThatDifferAreRead(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	c.lookAtPools(t.Context())
	add := func(name string) {
		if _, err := c.MakeVolume(t.Context(), imagesUUID, inventory.VolumeInfo{Name: name, Format: "raw", Capacity: 1 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	ofPool := func(e inventory.Event) bool { return e.Kind == inventory.PoolEvent && e.ID == imagesUUID }
	add("a")
	c.lookAtPools(t.Context())
	awaitEvent(t, c, "a new volume", ofPool)
	if err := c.DropVolume(t.Context(), imagesUUID, "a"); err != nil {
		t.Fatal(err)
	}
	add("b")
	c.lookAtPools(t.Context())
	awaitEvent(t, c, "another one in its place", ofPool)
	c.lookAtPools(t.Context())
	c.queue.push(inventory.Event{Kind: inventory.VMEvent, ID: "mark"})
	awaitEvent(t, c, "nothing when nothing changed", func(e inventory.Event) bool {
		if e.Kind == inventory.PoolEvent {
			t.Errorf("got %+v", e)
		}
		return e.ID == "mark"
	})
}

// TestWhatWasShownBetweenTwoLooksGoesAgain makes a volume that is read, and gone
// when the pool is looked at next: that looks as if nothing had happened.
func TestWhatWasShownBetweenTwoLooksGoesAgain(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 0))
	c.lookAtPools(t.Context())
	if _, err := c.MakeVolume(t.Context(), imagesUUID, inventory.VolumeInfo{Name: "a", Format: "raw", Capacity: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Volumes(t.Context(), imagesUUID); err != nil {
		t.Fatal(err)
	}
	c.lookAtPools(t.Context())
	c.queue.push(inventory.Event{Kind: inventory.VMEvent, ID: "mark"})
	awaitEvent(t, c, "nothing of what was read", func(e inventory.Event) bool {
		if e.Kind == inventory.PoolEvent {
			t.Errorf("got %+v", e)
		}
		return e.ID == "mark"
	})
	if err := c.DropVolume(t.Context(), imagesUUID, "a"); err != nil {
		t.Fatal(err)
	}
	c.lookAtPools(t.Context())
	awaitEvent(t, c, "the volume is gone", func(e inventory.Event) bool { return e.Kind == inventory.PoolEvent && e.ID == imagesUUID })
}

func TestAReadingDuringALookCounts(t *testing.T) {
	t.Parallel()
	var m poolMarks
	take := func(volumes int) int { return len(m.take(map[string]poolMark{"p": {volumes: volumes}})) }
	m.begin()
	m.read("p", poolMark{volumes: 1})
	if take(0) != 0 {
		t.Error("what was seen before the reading is news")
	}
	m.begin()
	if take(0) != 1 {
		t.Error("what was read stays")
	}
	m.begin()
	if take(0) != 0 {
		t.Error("nothing is news")
	}
}
