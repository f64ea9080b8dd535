package store

import (
	"cmp"
	"slices"

	"org.kvmmanager/internal/model"
)

// SnapshotRow is a snapshot in a list that shows a tree.
type SnapshotRow struct {
	*model.Snapshot
	Depth int // 0 for one without a parent
}

// SnapshotTree puts a VM's snapshots in the order of a tree: each before its
// children, and those of one parent by age.
func SnapshotTree(all []*model.Snapshot) []SnapshotRow {
	known, below := map[model.Path]bool{}, map[model.Path][]*model.Snapshot{}
	for _, s := range all {
		known[s.Path()] = true
	}
	for _, s := range all {
		parent := s.Parent
		if !known[parent] {
			parent = ""
		}
		below[parent] = append(below[parent], s)
	}
	rows := make([]SnapshotRow, 0, len(all))
	var add func(parent model.Path, depth int)
	add = func(parent model.Path, depth int) {
		slices.SortFunc(below[parent], func(a, b *model.Snapshot) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Name, b.Name))
		})
		for _, s := range below[parent] {
			rows = append(rows, SnapshotRow{s, depth})
			add(s.Path(), depth+1)
		}
	}
	add("", 0)
	return rows
}

// SnapshotFacts is what to know of a snapshot besides its name.
func (w Words) SnapshotFacts(s *model.Snapshot) []string {
	// TRANSLATORS: when a snapshot was taken, as Go writes dates: year, month,
	// day, hour and minute of 2006-01-02 15:04 in your order.
	facts := []string{s.CreatedAt.Local().Format(w.text("2006-01-02 15:04"))}
	if s.VMState == model.VMShutOff {
		facts = append(facts, w.text("Disks only"))
	} else {
		facts = append(facts, w.text("With memory"))
	}
	if s.Kind == model.SnapshotExternal {
		facts = append(facts, w.text("In files of its own"))
	}
	return facts
}
