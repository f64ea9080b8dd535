package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

const images, backups = model.Path("/org/kvmmanager/pools/images"), model.Path("/org/kvmmanager/pools/backups")

func appears(volumes ...*model.StorageVolume) []client.Change[model.StorageVolume] {
	changes := make([]client.Change[model.StorageVolume], len(volumes))
	for i, v := range volumes {
		changes[i].New = v
	}
	return changes
}

func shownNames(l *store.Volumes) string {
	var names []string
	for _, row := range l.Shown() {
		names = append(names, row.Name)
	}
	return strings.Join(names, " ")
}

func TestVolumesOfOnePoolAreSearchedAndSorted(t *testing.T) {
	t.Parallel()
	l := store.NewVolumes()
	l.Show(images)
	l.Take(appears(
		&model.StorageVolume{Name: "web10.qcow2", Pool: images, Format: "qcow2", Capacity: 5},
		&model.StorageVolume{Name: "Web2.raw", Pool: images, Format: "raw", Capacity: 9},
		&model.StorageVolume{Name: "debian.iso", Pool: images, Format: "iso", Capacity: 5, UsedBy: []model.Path{"/vm"}},
		&model.StorageVolume{Name: "old.raw", Pool: backups},
	))
	for _, test := range []struct {
		what string
		do   func()
		want string
	}{
		{"by name", func() {}, "debian.iso Web2.raw web10.qcow2"},
		{"by size", func() { l.SortBy(store.VolumesBySize) }, "Web2.raw debian.iso web10.qcow2"},
		{"by use", func() { l.SortBy(store.VolumesByUse) }, "debian.iso Web2.raw web10.qcow2"},
		{"with two words", func() { l.Search("WEB qcow") }, "web10.qcow2"},
		{"with no match", func() { l.Search("none") }, ""},
		{"in another pool", func() { l.Search(""); l.Show(backups) }, "old.raw"},
	} {
		test.do()
		if got := shownNames(l); got != test.want {
			t.Errorf("%s: %s", test.what, got)
		}
	}
	if l.Total() != 1 || l.Find((&model.StorageVolume{Name: "old.raw", Pool: backups}).Path()) == nil {
		t.Error("the pool does not know its volume")
	}
	if !l.Has(images, "debian.iso") || l.Has(images, "old.raw") {
		t.Error("names are not known by pool")
	}
	if in := l.In(images); len(in) != 3 || in[0].Name != "debian.iso" {
		t.Errorf("the other pool has %v", in)
	}
}

func TestChangesOfVolumesShowWhatAFreshListWould(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	l, now := store.NewVolumes(), map[string]*model.StorageVolume{}
	l.Show(images)
	l.SortBy(store.VolumesBySize)
	for range 300 {
		var changes []client.Change[model.StorageVolume]
		touched := map[string]bool{}
		for range 1 + random.IntN(120) {
			name := fmt.Sprint("v", random.IntN(400))
			if touched[name] {
				continue
			}
			touched[name] = true
			c := client.Change[model.StorageVolume]{Old: now[name]}
			if c.Old == nil || random.IntN(3) > 0 {
				c.New = &model.StorageVolume{Name: name, Pool: images, Capacity: random.Uint64N(9)}
				now[name] = c.New
			} else {
				delete(now, name)
			}
			changes = append(changes, c)
		}
		if !l.Take(changes) {
			t.Fatal("the pool was not concerned")
		}
	}
	fresh := store.NewVolumes()
	fresh.Show(images)
	fresh.SortBy(store.VolumesBySize)
	for _, v := range now {
		fresh.Take(appears(v))
	}
	if got, want := shownNames(l), shownNames(fresh); got != want {
		t.Errorf("shown is\n%s\nnot\n%s", got, want)
	}
	if l.Take(appears(&model.StorageVolume{Name: "x", Pool: backups})) {
		t.Error("another pool's volume concerns this one")
	}
}

func TestTenThousandVolumesStaySmooth(t *testing.T) {
	t.Parallel()
	const many = 10_000
	volumes := make([]*model.StorageVolume, many)
	for i := range volumes {
		volumes[i] = &model.StorageVolume{Name: fmt.Sprintf("disk-%d.qcow2", i), Pool: images}
	}
	l := store.NewVolumes()
	l.Show(images)
	l.Take(appears(volumes...))
	if l.Total() != many || l.Shown()[many-1].Name != "disk-9999.qcow2" {
		t.Fatalf("there are %d, the last is %s", l.Total(), l.Shown()[many-1].Name)
	}
	// One that changes is put in its place without sorting all.
	before := l.Shown()[:1:1]
	l.Take(appears(&model.StorageVolume{Name: "disk-5000.qcow2", Pool: images, Capacity: 1}))
	if &before[0] != &l.Shown()[0] {
		t.Error("the whole list was made anew")
	}
	if !slices.ContainsFunc(l.Shown(), func(r *store.VolumeRow) bool { return r.Capacity == 1 }) {
		t.Error("the change is not shown")
	}
}
