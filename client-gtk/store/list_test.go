package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

const remote = model.Path("/org/kvmmanager/hosts/remote")

func vm(n int, name string, edits ...func(*model.VM)) *model.VM {
	v := &model.VM{UUID: fmt.Sprintf("uuid-%04d", n), Name: name, Host: model.HostPath("local"), State: model.VMShutOff}
	for _, edit := range edits {
		edit(v)
	}
	return v
}

func added(vms ...*model.VM) *client.Batch {
	b := &client.Batch{}
	for _, v := range vms {
		b.VMs = append(b.VMs, client.Change[model.VM]{New: v})
	}
	return b
}

func shown(l *store.List) string {
	var names []string
	for i := range l.Len() {
		names = append(names, l.Row(i).VM.Name)
	}
	return strings.Join(names, " ")
}

// some is VMs that differ in whatever can be filtered and sorted.
func some() *client.Batch {
	b := added(
		vm(1, "web10", func(v *model.VM) { v.State, v.Tags, v.Memory = model.VMRunning, []string{"prod", "web"}, 4 }),
		vm(2, "Web9", func(v *model.VM) { v.Title, v.Memory, v.VCPUs = "The Old One", 8, 2 }),
		vm(3, "db", func(v *model.VM) {
			v.State, v.Tags, v.IPAddresses, v.VCPUs = model.VMPaused, []string{"prod"}, []string{"10.0.0.7"}, 4
		}),
		vm(4, "broken", func(v *model.VM) { v.State, v.StateReason, v.Host = model.VMPaused, "io-error", remote }),
		vm(5, "win", func(v *model.VM) {
			v.OSName, v.Host, v.State, v.StartedAt = "Microsoft Windows 11", remote, model.VMStarting, time.UnixMicro(5)
		}),
	)
	b.Hosts = []client.Change[model.Host]{
		{New: &model.Host{ID: "local", Hostname: "zebra"}}, {New: &model.Host{ID: "remote", Hostname: "aardvark"}},
	}
	return b
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		filter store.Filter
		want   string
	}{
		"everything":              {store.Filter{}, "broken db Web9 web10 win"},
		"a part of the name":      {store.Filter{Text: "WEB"}, "Web9 web10"},
		"the title":               {store.Filter{Text: "old one"}, "Web9"},
		"words in any order":      {store.Filter{Text: " one  web "}, "Web9"},
		"a tag as text":           {store.Filter{Text: "prod"}, "db web10"},
		"an address":              {store.Filter{Text: "10.0.0."}, "db"},
		"the system":              {store.Filter{Text: "windows"}, "win"},
		"no word is across lines": {store.Filter{Text: "onedb"}, ""},
		"what is active":          {store.Filter{State: store.OnlyActive}, "broken db web10 win"},
		"what is off":             {store.Filter{State: store.OnlyOff}, "Web9"},
		"what is paused":          {store.Filter{State: store.OnlyPaused}, "broken db"},
		"what has failed":         {store.Filter{State: store.OnlyFailed}, "broken"},
		"a tag":                   {store.Filter{Tags: []string{"prod"}}, "db web10"},
		"all of the tags":         {store.Filter{Tags: []string{"web", "prod"}}, "web10"},
		"a host":                  {store.Filter{Host: remote}, "broken win"},
		"everything at once":      {store.Filter{Host: remote, State: store.OnlyActive, Text: "w"}, "win"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := store.NewList(test.filter, store.Order{})
			l.Take(some())
			if got := shown(l); got != test.want || l.Total() != 5 {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestVMsAreSortedByWhatPeopleSee(t *testing.T) {
	t.Parallel()
	l := store.NewList(store.Filter{}, store.Order{})
	l.Take(added(vm(1, "a"), vm(2, "b"), vm(3, "z", func(v *model.VM) { v.Title = "An Old One" })))
	if got := shown(l); got != "a z b" {
		t.Errorf("got %q", got)
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		order store.Order
		want  string
	}{
		"by name, numbers by value": {store.Order{}, "broken db Web9 web10 win"},
		"backwards":                 {store.Order{Reverse: true}, "win web10 Web9 db broken"},
		"by state":                  {store.Order{By: store.ByState}, "broken win web10 db Web9"},
		"by memory":                 {store.Order{By: store.ByMemory}, "Web9 web10 broken db win"},
		"by processors":             {store.Order{By: store.ByVCPUs}, "db Web9 broken web10 win"},
		"by start":                  {store.Order{By: store.ByStarted}, "win broken db Web9 web10"},
		"by host":                   {store.Order{ByHost: true}, "db Web9 web10 broken win"},
		"by host, backwards":        {store.Order{ByHost: true, Reverse: true}, "web10 Web9 db win broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := store.NewList(store.Filter{}, test.order)
			l.Take(some())
			if got := shown(l); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestGroupsAreTheHosts(t *testing.T) {
	t.Parallel()
	l := store.NewList(store.Filter{}, store.Order{})
	l.Take(some())
	if l.Groups() != nil {
		t.Error("a list that is not grouped has groups")
	}
	l.SetOrder(store.Order{ByHost: true})
	want := []store.Group{{model.HostPath("local"), "zebra", 0, 3}, {remote, "aardvark", 3, 2}}
	if got := l.Groups(); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	l.Take(&client.Batch{Hosts: []client.Change[model.Host]{{New: &model.Host{ID: "remote", Hostname: "other"}}}})
	if got := l.Groups(); got[1].Name != "other" || l.Row(4).Host != "other" {
		t.Errorf("after a host was renamed: %+v", got)
	}
	if got := l.Tags(); !slices.Equal(got, []string{"prod", "web"}) {
		t.Errorf("the tags are %v", got)
	}
}

// view is a list as a widget keeps it: it knows edits only.
type view []*store.Row

func (v view) apply(t *testing.T, l *store.List, edits []store.Edit) view {
	t.Helper()
	for i, e := range edits {
		if e.Position+e.Removed > len(v) {
			t.Fatalf("edit %+v of %d rows", e, len(v))
		}
		fresh := make([]*store.Row, e.Added)
		// Rows that a later edit of the same batch moves are not known yet.
		if i == len(edits)-1 && e.Position+e.Added <= l.Len() {
			for n := range fresh {
				fresh[n] = l.Row(e.Position + n)
			}
		}
		v = slices.Replace(v, e.Position, e.Position+e.Removed, fresh...)
	}
	return v
}

func TestEditsLeadFromOnePictureToTheNext(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	l := store.NewList(store.Filter{State: store.OnlyActive}, store.Order{By: store.ByState, ByHost: true})
	var v view
	known := map[int]*model.VM{}
	for range 3000 {
		var edits []store.Edit
		switch n := random.IntN(60); {
		case n == 0:
			edits = l.SetFilter(store.Filter{State: store.StateFilter(random.IntN(5))})
		case n == 1:
			edits = l.SetOrder(store.Order{By: store.SortBy(random.IntN(5)), Reverse: random.IntN(2) == 0, ByHost: random.IntN(2) == 0})
		case n == 2:
			host := client.Change[model.Host]{New: &model.Host{ID: "remote", Hostname: fmt.Sprint("h", random.IntN(3))}}
			edits = l.Take(&client.Batch{Hosts: []client.Change[model.Host]{host}})
		case known[n] != nil && random.IntN(4) == 0:
			edits = l.Take(&client.Batch{VMs: []client.Change[model.VM]{{Old: known[n]}}})
			delete(known, n)
		default:
			value := vm(n, fmt.Sprint("vm", random.IntN(30)), func(v *model.VM) {
				v.State = []model.VMState{model.VMRunning, model.VMShutOff, model.VMPaused, model.VMCrashed}[random.IntN(4)]
				v.Memory, v.VCPUs = uint64(random.IntN(4)), uint32(random.IntN(4))
				v.Host = []model.Path{model.HostPath("local"), remote}[random.IntN(2)]
			})
			edits = l.Take(&client.Batch{VMs: []client.Change[model.VM]{{Old: known[n], New: value}}})
			known[n] = value
		}
		v = v.apply(t, l, edits)
		check(t, v, l, known)
		if t.Failed() {
			return
		}
	}
}

// check compares the edited view with the list, and the list with one that was
// made of the same VMs at once.
func check(t *testing.T, v view, l *store.List, known map[int]*model.VM) {
	t.Helper()
	if len(v) != l.Len() || l.Total() != len(known) {
		t.Fatalf("the view has %d rows, the list %d of %d, want %d", len(v), l.Len(), l.Total(), len(known))
	}
	for i := range v {
		row := l.Row(i)
		if v[i] != row {
			t.Fatalf("row %d of the view is another than that of the list", i)
		}
		if found, at := l.Find(row.Path()); found != row || at != i {
			t.Fatalf("row %d is found at %d", i, at)
		}
	}
}

func TestManyChangesAreOneEdit(t *testing.T) {
	t.Parallel()
	l := store.NewList(store.Filter{}, store.Order{})
	var vms []*model.VM
	for n := range 1000 {
		vms = append(vms, vm(n, fmt.Sprint("vm", n)))
	}
	if edits := l.Take(added(vms...)); len(edits) != 1 || edits[0] != (store.Edit{Position: 0, Removed: 0, Added: 1000}) {
		t.Errorf("the edits are %v", edits)
	}
	if l.Row(10).VM.Name != "vm10" || l.Row(999).VM.Name != "vm999" {
		t.Error("they are not sorted")
	}
	if edits := l.SetFilter(store.Filter{Text: "vm"}); edits != nil {
		t.Errorf("a filter that changes nothing: %v", edits)
	}
	if edits := l.SetFilter(store.Filter{Text: "vm999"}); len(edits) != 1 || edits[0] != (store.Edit{Position: 0, Removed: 999, Added: 0}) {
		t.Errorf("a filter: %v", edits)
	}
	if row, at := l.Find(vms[5].Path()); row == nil || at != -1 || store.Title(row.VM) != "vm5" {
		t.Errorf("a VM that is not shown: %v, %d", row, at)
	}
	if row, at := l.Find("/nobody"); row != nil || at != -1 {
		t.Errorf("nobody: %v, %d", row, at)
	}
}

func BenchmarkList(b *testing.B) {
	var vms []*model.VM
	for n := range 1000 {
		vms = append(vms, vm(n, fmt.Sprint("vm", n), func(v *model.VM) {
			v.Tags, v.IPAddresses, v.Memory = []string{"prod"}, []string{fmt.Sprint("10.0.0.", n)}, uint64(n%7)
		}))
	}
	full := func() *store.List {
		l := store.NewList(store.Filter{Text: "10.0"}, store.Order{By: store.ByMemory, ByHost: true})
		l.Take(added(vms...))
		return l
	}
	b.Run("load 1000", func(b *testing.B) {
		for b.Loop() {
			full()
		}
	})
	b.Run("one change", func(b *testing.B) {
		l, n := full(), 0
		b.ReportAllocs()
		for b.Loop() {
			n++
			old := l.Row(n * 7919 % 1000).VM
			next := *old
			next.Memory = uint64(n)
			l.Take(&client.Batch{VMs: []client.Change[model.VM]{{Old: old, New: &next}}})
		}
	})
	b.Run("another filter", func(b *testing.B) {
		l, n := full(), 0
		for b.Loop() {
			n++
			l.SetFilter(store.Filter{Text: fmt.Sprint("vm", n%10)})
		}
	})
}
