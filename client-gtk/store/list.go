package store

import (
	"slices"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// Edit says that at a position so many rows were removed and then so many
// added, as GListModel's items-changed does.
type Edit struct{ Position, Removed, Added int }

// List is the VMs that pass a filter, in order. Finding the place of a VM that
// changes takes a binary search; making room there moves pointers.
type List struct {
	filter matcher
	order  Order
	hosts  map[model.Path]*model.Host
	all    map[model.Path]*Row
	shown  []*Row // sorted
}

// NewList makes an empty list.
func NewList(filter Filter, order Order) *List {
	return &List{
		filter: filter.matcher(), order: order,
		hosts: map[model.Path]*model.Host{}, all: map[model.Path]*Row{},
	}
}

// Len is how many VMs are shown.
func (l *List) Len() int { return len(l.shown) }

// Total is how many VMs there are.
func (l *List) Total() int { return len(l.all) }

// VMs is all VMs, shown or not, in no order.
func (l *List) VMs() []*model.VM {
	vms := make([]*model.VM, 0, len(l.all))
	for _, row := range l.all {
		vms = append(vms, row.VM)
	}
	return vms
}

// Row is the VM shown at a position.
func (l *List) Row(position int) *Row { return l.shown[position] }

// Find is the row of a VM, shown or not, and its position, which is -1 when it
// is not shown.
func (l *List) Find(path model.Path) (*Row, int) {
	row := l.all[path]
	if row == nil {
		return nil, -1
	}
	if at, shown := l.search(row); shown {
		return row, at
	}
	return row, -1
}

// Take takes in what changed, and says how that changes what is shown: edits
// to be made one after the other.
func (l *List) Take(b *client.Batch) []Edit {
	renamed := l.takeHosts(b.Hosts)
	// A change of everything is done at once.
	const few = 64
	if renamed || len(b.VMs) > few && len(b.VMs) > len(l.all)/2 {
		for _, c := range b.VMs {
			l.note(c)
		}
		return l.rebuild(renamed)
	}
	var edits []Edit
	for _, c := range b.VMs {
		edits = l.change(c, edits)
	}
	return edits
}

// takeHosts says whether a host of VMs has another name for people now.
func (l *List) takeHosts(changes []client.Change[model.Host]) (renamed bool) {
	for _, c := range changes {
		if c.New == nil {
			delete(l.hosts, c.Old.Path())
			continue
		}
		path := c.New.Path()
		renamed = renamed || hostName(l.hosts[path]) != hostName(c.New)
		l.hosts[path] = c.New
	}
	return renamed && len(l.all) > 0
}

// note keeps a VM's row up to date, whether it is shown or not.
func (l *List) note(c client.Change[model.VM]) (old, row *Row) {
	if c.New == nil {
		path := c.Old.Path()
		old = l.all[path]
		delete(l.all, path)
		return old, nil
	}
	path := c.New.Path()
	old, row = l.all[path], newRow(c.New, l.hosts[c.New.Host])
	l.all[path] = row
	return old, row
}

func (l *List) change(c client.Change[model.VM], edits []Edit) []Edit {
	old, row := l.note(c)
	from, was := -1, false
	if old != nil {
		if from, was = l.search(old); was {
			l.shown = slices.Delete(l.shown, from, from+1)
		}
	}
	to, is := -1, row != nil && l.filter.matches(row)
	if is {
		to, _ = l.search(row)
		l.shown = slices.Insert(l.shown, to, row)
	}
	switch {
	case was && is && from == to:
		return append(edits, Edit{from, 1, 1})
	case was && is:
		return append(edits, Edit{from, 1, 0}, Edit{to, 0, 1})
	case was:
		return append(edits, Edit{from, 1, 0})
	case is:
		return append(edits, Edit{to, 0, 1})
	default:
		return edits
	}
}

// search is where a row is shown, or would be.
func (l *List) search(row *Row) (int, bool) {
	return slices.BinarySearchFunc(l.shown, row, l.order.compare)
}

// SetFilter shows other VMs.
func (l *List) SetFilter(f Filter) []Edit {
	l.filter = f.matcher()
	return l.rebuild(false)
}

// SetOrder sorts and groups in another way.
func (l *List) SetOrder(o Order) []Edit {
	l.order = o
	return l.rebuild(false)
}

// rebuild filters and sorts everything anew. What is the same at both ends is
// not part of the edit, so that a view keeps its place.
func (l *List) rebuild(newRows bool) []Edit {
	before := l.shown
	l.shown = make([]*Row, 0, len(before))
	for path, row := range l.all {
		if newRows {
			row = newRow(row.VM, l.hosts[row.VM.Host])
			l.all[path] = row
		}
		if l.filter.matches(row) {
			l.shown = append(l.shown, row)
		}
	}
	slices.SortFunc(l.shown, l.order.compare)
	return difference(before, l.shown)
}

func difference(before, after []*Row) []Edit {
	start, n, m := 0, len(before), len(after)
	for start < n && start < m && before[start] == after[start] {
		start++
	}
	for n > start && m > start && before[n-1] == after[m-1] {
		n, m = n-1, m-1
	}
	if n == start && m == start {
		return nil
	}
	return []Edit{{start, n - start, m - start}}
}

// Group is the VMs of one host in a list that is grouped.
type Group struct {
	Host       model.Path
	Name       string // the host's, for people
	Start, Len int    // positions
}

// Groups is the groups that are shown, in order; nil when the list is not
// grouped.
func (l *List) Groups() []Group {
	if !l.order.ByHost {
		return nil
	}
	var groups []Group
	for start := 0; start < len(l.shown); {
		first := l.shown[start]
		rest := l.shown[start:]
		n, _ := slices.BinarySearchFunc(rest, first.group, func(r *Row, group string) int {
			if r.group == group {
				return -1
			}
			return 1
		})
		groups = append(groups, Group{first.VM.Host, first.Host, start, n})
		start += n
	}
	return groups
}

// Tags is every tag that a VM has, in order, for a menu.
func (l *List) Tags() []string {
	seen := map[string]bool{}
	var tags []string
	for _, row := range l.all {
		for _, tag := range row.VM.Tags {
			if !seen[tag] {
				seen[tag] = true
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	return tags
}
