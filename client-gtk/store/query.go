package store

import (
	"cmp"
	"slices"
	"strings"

	"org.kvmmanager/internal/model"
)

// StateFilter is which VMs to show by what they do.
type StateFilter int

// The filters by state.
const (
	AnyState   StateFilter = iota
	OnlyActive             // there is a hypervisor process for them
	OnlyOff                // shut off, with or without a saved state
	OnlyPaused             // paused or suspended
	OnlyFailed             // crashed, or paused by an error
)

func (f StateFilter) matches(vm *model.VM) bool {
	switch f {
	case OnlyActive:
		return vm.State.Active()
	case OnlyOff:
		return vm.State == model.VMShutOff
	case OnlyPaused:
		return vm.State == model.VMPaused || vm.State == model.VMSuspended
	case OnlyFailed:
		return vm.State == model.VMCrashed || vm.State == model.VMPaused && vm.StateReason == "io-error"
	default:
		return true
	}
}

// Filter is which VMs to show.
type Filter struct {
	// Text is what a person typed: words, each of which is part of the name, the
	// title, a tag, an IP address or the operating system.
	Text  string
	State StateFilter
	Tags  []string   // the VM has all of them
	Host  model.Path // empty: all hosts
}

// Narrows is whether there are VMs that it could leave out.
func (f Filter) Narrows() bool {
	return strings.TrimSpace(f.Text) != "" || f.State != AnyState || len(f.Tags) > 0 || f.Host != ""
}

// matcher is a filter made ready.
type matcher struct {
	Filter
	words []string
}

func (f Filter) matcher() matcher { return matcher{f, strings.Fields(strings.ToLower(f.Text))} }

func (m *matcher) matches(r *Row) bool {
	if m.Host != "" && r.VM.Host != m.Host || !m.State.matches(r.VM) {
		return false
	}
	for _, tag := range m.Tags {
		if !slices.Contains(r.VM.Tags, tag) {
			return false
		}
	}
	for _, word := range m.words {
		if !strings.Contains(r.text, word) {
			return false
		}
	}
	return true
}

// SortBy is the order of VMs.
type SortBy int

// The orders. VMs that are equal in them come by name.
const (
	ByName    SortBy = iota
	ByState          // what needs attention first, then what runs, then the rest
	ByMemory         // most first
	ByVCPUs          // most first
	ByStarted        // latest first; what is off comes last
)

// Order is how to sort and group.
type Order struct {
	By      SortBy
	Reverse bool
	// ByHost puts the VMs of each host together: this machine's first, then
	// the others by name.
	ByHost bool
}

// compare is a total order: no two rows are equal in it.
func (o Order) compare(a, b *Row) int {
	if o.ByHost {
		if c := cmp.Compare(a.group, b.group); c != 0 {
			return c
		}
	}
	c := o.By.compare(a.VM, b.VM)
	if c == 0 {
		c = cmp.Compare(a.name, b.name)
	}
	if o.Reverse {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.VM.UUID, b.VM.UUID))
}

func (s SortBy) compare(a, b *model.VM) int {
	switch s {
	case ByState:
		return cmp.Compare(urgency(a), urgency(b))
	case ByMemory:
		return cmp.Compare(b.Memory, a.Memory)
	case ByVCPUs:
		return cmp.Compare(b.VCPUs, a.VCPUs)
	case ByStarted:
		return b.StartedAt.Compare(a.StartedAt)
	default:
		return 0
	}
}

// urgency sorts states.
func urgency(vm *model.VM) int {
	switch {
	case OnlyFailed.matches(vm):
		return 0
	case vm.State == model.VMRunning:
		return 2
	case OnlyPaused.matches(vm):
		return 3
	case vm.State.Active():
		return 1 // on its way somewhere
	default:
		return 4
	}
}
