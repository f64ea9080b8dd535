package store

import (
	"cmp"
	"slices"
	"strings"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// VolumeSort is the order of volumes.
type VolumeSort int

// The orders. Volumes that are equal in them come by name.
const (
	VolumesByName VolumeSort = iota
	VolumesBySize            // largest first
	VolumesByUse             // those that VMs use first
)

// VolumeRow is a volume in the list, with what filters and orders look at worked
// out once. A volume that changes gets another row.
type VolumeRow struct {
	*model.StorageVolume
	At   model.Path // its object path
	name string     // sorts the name
	text string     // what a search looks through
}

// Volumes is the volumes of one pool that pass a search, in order. It follows
// those of all pools, so that another pool is shown at once.
type Volumes struct {
	all   map[model.Path]map[model.Path]*VolumeRow // by pool
	pool  model.Path
	words []string
	by    VolumeSort
	shown []*VolumeRow // sorted
}

// NewVolumes makes an empty list.
func NewVolumes() *Volumes { return &Volumes{all: map[model.Path]map[model.Path]*VolumeRow{}} }

// Shown is the volumes that are shown. It must not be changed.
func (l *Volumes) Shown() []*VolumeRow { return l.shown }

// Total is how many volumes the pool has, shown or not.
func (l *Volumes) Total() int { return len(l.all[l.pool]) }

// Find is a volume of the pool; nil if there is none at this path.
func (l *Volumes) Find(path model.Path) *VolumeRow { return l.all[l.pool][path] }

// Has is whether a pool has a volume with this name.
func (l *Volumes) Has(pool model.Path, name string) bool {
	return l.all[pool][(&model.StorageVolume{Pool: pool, Name: name}).Path()] != nil
}

// In is the volumes of any pool by name.
func (l *Volumes) In(pool model.Path) []*model.StorageVolume {
	rows := make([]*VolumeRow, 0, len(l.all[pool]))
	for _, row := range l.all[pool] {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, VolumesByName.compare)
	list := make([]*model.StorageVolume, len(rows))
	for i, row := range rows {
		list[i] = row.StorageVolume
	}
	return list
}

// Show shows the volumes of a pool, and says whether that is another one.
func (l *Volumes) Show(pool model.Path) bool {
	if pool == l.pool {
		return false
	}
	l.pool = pool
	l.rebuild()
	return true
}

// Search shows the volumes with all words of a text in their name, their format
// or their place.
func (l *Volumes) Search(text string) {
	l.words = strings.Fields(strings.ToLower(text))
	l.rebuild()
}

// SortBy shows them in another order.
func (l *Volumes) SortBy(by VolumeSort) {
	l.by = by
	l.rebuild()
}

// Take takes in what changed, and says whether that concerns the pool.
func (l *Volumes) Take(changes []client.Change[model.StorageVolume]) bool {
	const few = 64 // for more it is quicker to do all at once
	concerned := 0
	for _, c := range changes {
		if cmp.Or(c.New, c.Old).Pool == l.pool {
			concerned++
		}
	}
	for _, c := range changes {
		old, row := l.note(c, len(changes))
		if concerned <= few && cmp.Or(c.New, c.Old).Pool == l.pool {
			l.replace(old, row)
		}
	}
	if concerned > few {
		l.rebuild()
	}
	return concerned > 0
}

// note keeps a volume's row up to date, whether it is shown or not. A pool that
// is new may have as many as most.
func (l *Volumes) note(c client.Change[model.StorageVolume], most int) (old, row *VolumeRow) {
	volume := cmp.Or(c.New, c.Old)
	of := l.all[volume.Pool]
	if of == nil {
		of = make(map[model.Path]*VolumeRow, most)
		l.all[volume.Pool] = of
	}
	path := volume.Path()
	old = of[path]
	if c.New == nil {
		delete(of, path)
		return old, nil
	}
	row = &VolumeRow{
		StorageVolume: c.New, At: path, name: naturalKey(c.New.Name),
		text: strings.ToLower(strings.Join([]string{c.New.Name, c.New.Format, c.New.Place}, "\n")),
	}
	of[path] = row
	return old, row
}

func (l *Volumes) replace(old, row *VolumeRow) {
	if old != nil {
		if at, was := slices.BinarySearchFunc(l.shown, old, l.by.compare); was {
			l.shown = slices.Delete(l.shown, at, at+1)
		}
	}
	if row != nil && l.matches(row) {
		at, _ := slices.BinarySearchFunc(l.shown, row, l.by.compare)
		l.shown = slices.Insert(l.shown, at, row)
	}
}

func (l *Volumes) rebuild() {
	l.shown = make([]*VolumeRow, 0, len(l.all[l.pool]))
	for _, row := range l.all[l.pool] {
		if l.matches(row) {
			l.shown = append(l.shown, row)
		}
	}
	slices.SortFunc(l.shown, l.by.compare)
}

func (l *Volumes) matches(row *VolumeRow) bool {
	return !slices.ContainsFunc(l.words, func(word string) bool { return !strings.Contains(row.text, word) })
}

// compare is a total order: names are unique in a pool.
func (s VolumeSort) compare(a, b *VolumeRow) int {
	c := 0
	switch s {
	case VolumesBySize:
		c = cmp.Compare(b.Capacity, a.Capacity)
	case VolumesByUse:
		c = -cmp.Compare(min(len(a.UsedBy), 1), min(len(b.UsedBy), 1))
	}
	if c == 0 {
		c = cmp.Compare(a.name, b.name)
	}
	if c == 0 {
		c = cmp.Compare(a.Name, b.Name)
	}
	return c
}
