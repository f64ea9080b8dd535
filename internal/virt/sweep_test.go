package virt

import (
	"slices"
	"testing"

	"org.kvmmanager/service/inventory"
)

func TestASweepAnnouncesWhatDiffers(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 3))
	uuid := "00000000-0000-4000-8000-000000000001"
	first := c.sweepFlags(flags{})
	if first.autostart == nil || first.saved == nil {
		t.Fatal("nothing was asked")
	}
	if err := c.SetAutostart(t.Context(), uuid, true); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, c, "our own change", func(e inventory.Event) bool { return e.ID == uuid })
	second := c.sweepFlags(first)
	awaitEvent(t, c, "the sweep", func(e inventory.Event) bool { return e.ID == uuid })
	if got := differ(first.autostart, second.autostart); !slices.Equal(got, []string{uuid}) {
		t.Errorf("differ: %v", got)
	}
	if got := differ(second.autostart, first.autostart); !slices.Equal(got, []string{uuid}) {
		t.Errorf("differ the other way: %v", got)
	}
}

func TestOnlyWhatIsOutOfSightIsSwept(t *testing.T) {
	t.Parallel()
	p, _ := placesOf("qemu:///system")
	for _, f := range p.folders() {
		var got, want sweep
		got.miss(f, p)
		switch {
		case f.path == p.leases:
			want.leases = true
		case f.path == p.save:
			want.flags = true
		default:
			want.flags, want.definitions = true, true
		}
		if got != want {
			t.Errorf("without %s: %+v", f.path, got)
		}
	}
}

func TestFilesAreTakenToTheObjectsOfTheirNames(t *testing.T) {
	t.Parallel()
	c := connect(t, node(t, 1))
	vm := only(t, c)
	c.filesChanged(map[change]bool{
		{aboutVM, vm.Name}: true, {aboutVM, "nobody"}: true, {aboutNetwork, "default"}: true, {aboutPool, "images"}: true, {aboutLeases, "virbr9"}: true,
	})
	want := map[inventory.Event]bool{
		{Kind: inventory.VMEvent, ID: vm.UUID}:                                     true,
		{Kind: inventory.NetworkEvent, ID: "11111111-0000-4000-8000-000000000000"}: true,
		{Kind: inventory.PoolEvent, ID: "22222222-0000-4000-8000-000000000000"}:    true,
	}
	awaitEvent(t, c, "all three", func(e inventory.Event) bool {
		if !want[e] {
			t.Errorf("an event about nothing: %+v", e)
		}
		delete(want, e)
		return len(want) == 0
	})
}
