package store_test

import (
	"slices"
	"strings"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestWhatCanBeDoneWithAVolumeDependsOnItsUsers(t *testing.T) {
	t.Parallel()
	pool := &model.StoragePool{Active: true}
	off, running := []store.VolumeUser{{Name: "web"}}, []store.VolumeUser{{Name: "db", Running: true}}
	all := []store.VolumeAction{
		store.ResizeVolume, store.CloneVolume, store.DownloadVolume, store.UploadVolume, store.WipeVolume, store.DeleteVolume,
	}
	for _, test := range []struct {
		what  string
		users []store.VolumeUser
		can   []store.VolumeAction
	}{
		{"with one that nobody uses", nil, all},
		{"with that of a VM that is off", off, all[:3]},
		{"with that of a VM that runs", running, nil},
	} {
		for _, action := range all {
			if why := english.WhyNotVolume(action, pool, test.users, here, nil); (why == "") != slices.Contains(test.can, action) {
				t.Errorf("%s, %s: %q", test.what, action, why)
			}
		}
	}
	if why := english.WhyNotVolume(store.DeleteVolume, &model.StoragePool{}, nil, here, nil); why == "" {
		t.Error("something can be done in a pool that is not active")
	}
	if why := english.WhyNotVolume(store.DeleteVolume, pool, off, here, nil); !strings.Contains(why, "“web”") {
		t.Errorf("the reason names nobody: %s", why)
	}
}

func TestAVolumeInWords(t *testing.T) {
	t.Parallel()
	v := &model.StorageVolume{Name: "disk", Format: "qcow2", Capacity: 20 << 30, Allocation: 3 << 30, Place: "/p/disk", Backing: "/p/base"}
	users := []store.VolumeUser{{Name: "web"}, {Name: "db"}}
	if got := strings.Join(english.VolumeSummary(v, users), " · "); got != "qcow2 · 20 GiB · used by web, db" {
		t.Errorf("in one line: %s", got)
	}
	facts := english.VolumeFacts(v, users)
	for _, want := range []store.Fact{{"Size", "20 GiB"}, {"Takes", "3 GiB"}, {"Format", "qcow2"}, {"Place", "/p/disk"}, {"Made from", "/p/base"}, {"Used by", "web, db"}} {
		if !slices.Contains(facts, want) {
			t.Errorf("%v is not in %v", want, facts)
		}
	}
	if facts := english.VolumeFacts(&model.StorageVolume{Name: "lv"}, nil); len(facts) != 2 {
		t.Errorf("of one that says nothing: %v", facts)
	}
}

func TestAFreeNameForAVolumeIsFound(t *testing.T) {
	t.Parallel()
	l := store.NewVolumes()
	l.Take(appears(&model.StorageVolume{Name: "a.iso", Pool: images}, &model.StorageVolume{Name: "a-2.iso", Pool: images}))
	for name, want := range map[string]string{"a.iso": "a-3.iso", "b.iso": "b.iso"} {
		if got := l.FreeName(images, name); got != want {
			t.Errorf("like %s is %s", name, got)
		}
	}
}
