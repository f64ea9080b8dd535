package store_test

import (
	"fmt"
	"testing"
	"time"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestSnapshotsComeAsATree(t *testing.T) {
	t.Parallel()
	const vm = model.Path("/vm")
	taken := func(name string, at int64, parent string) *model.Snapshot {
		s := &model.Snapshot{Name: name, VM: vm, CreatedAt: time.Unix(at, 0)}
		if parent != "" {
			s.Parent = (&model.Snapshot{Name: parent, VM: vm}).Path()
		}
		return s
	}
	var got []string
	for _, row := range store.SnapshotTree([]*model.Snapshot{
		taken("c", 3, "a"), taken("b", 2, "a"), taken("d", 4, "b"), taken("a", 1, ""), taken("lost", 5, "gone"), taken("e", 3, "a"),
	}) {
		got = append(got, fmt.Sprintf("%s%d", row.Name, row.Depth))
	}
	if want := "[a0 b1 d2 c1 e1 lost0]"; fmt.Sprint(got) != want {
		t.Errorf("the tree is %v, not %s", got, want)
	}
}

func TestWhatASnapshotHasIsSaid(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	for want, s := range map[string]*model.Snapshot{
		"[2026-03-04 05:06 Disks only]":                      {CreatedAt: at, VMState: model.VMShutOff, Kind: model.SnapshotInternal},
		"[2026-03-04 05:06 With memory In files of its own]": {CreatedAt: at, VMState: model.VMPaused, Kind: model.SnapshotExternal},
	} {
		if got := fmt.Sprint(store.Words{}.SnapshotFacts(s)); got != want {
			t.Errorf("said is %s, not %s", got, want)
		}
	}
}
