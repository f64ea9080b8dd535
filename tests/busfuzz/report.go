package busfuzz

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Violation is something that must not happen.
type Violation struct {
	User  string
	Call  string // the first that did it; empty when no single call did
	What  string
	Times int
}

func (v *Violation) String() string {
	return fmt.Sprintf("%s (%d times, as %s)\n\t%s", v.What, v.Times, v.User, v.Call)
}

// Report is what came of a run. Its fields are to be read when the run is
// over.
type Report struct {
	Seed       uint64
	Elapsed    time.Duration
	Violations []*Violation
	Outcomes   map[string]map[string]int // by user
	Moves      map[string]int
	// Succeeded is how often each method did, by interface and name.
	Succeeded map[string]int

	mu     sync.Mutex // guards all of it during the run
	byWhat map[string]*Violation
	enough func() // ends the run
}

// maxViolations is how many different ones are worth having at once.
const maxViolations = 30

func newReport(seed uint64, enough func()) *Report {
	return &Report{
		Seed: seed, Outcomes: map[string]map[string]int{}, Moves: map[string]int{}, Succeeded: map[string]int{},
		byWhat: map[string]*Violation{}, enough: enough,
	}
}

func (r *Report) count(user, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Outcomes[user] == nil {
		r.Outcomes[user] = map[string]int{}
	}
	r.Outcomes[user][outcome]++
}

// missing is the outcomes that there have to be and are not yet.
func (r *Report) missing(o *Options) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var missing []string
	for _, user := range o.Users {
		for _, outcome := range o.Each {
			if r.Outcomes[user.Name][outcome] == 0 {
				missing = append(missing, outcome+" of "+user.Name)
			}
		}
	}
	for _, outcome := range o.Any {
		if !slices.ContainsFunc(o.Users, func(u User) bool { return r.Outcomes[u.Name][outcome] > 0 }) {
			missing = append(missing, outcome)
		}
	}
	return missing
}

func (r *Report) success(c *Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Succeeded[c.Interface+"."+c.Member]++
}

func (r *Report) move(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Moves[name]++
}

// violation notes one. Those that differ only in details are one.
func (r *Report) violation(user, call string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := cut(err.Error(), 1500)
	key, _, _ := strings.Cut(what, ": ")
	if known := r.byWhat[key]; known != nil {
		known.Times++
		return
	}
	v := &Violation{User: user, Call: call, What: what, Times: 1}
	r.byWhat[key] = v
	r.Violations = append(r.Violations, v)
	if len(r.Violations) >= maxViolations {
		r.enough()
	}
}

// Calls is how many calls were made.
func (r *Report) Calls() int {
	n := 0
	for _, outcomes := range r.Outcomes {
		for _, times := range outcomes {
			n += times
		}
	}
	return n
}

// Print writes the statistics as a table, and then the violations.
func (r *Report) Print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "seed %d: %d calls in %.1f s, %.0f a second\n",
		r.Seed, r.Calls(), r.Elapsed.Seconds(), float64(r.Calls())/r.Elapsed.Seconds())
	for _, user := range sortedKeys(r.Outcomes) {
		printCounts(w, user, r.Outcomes[user])
	}
	printCounts(w, "moves", r.Moves)
	printCounts(w, "succeeded", r.Succeeded)
	for _, v := range r.Violations {
		_, _ = fmt.Fprintf(w, "VIOLATION: %s\n", v)
	}
}

func printCounts(w io.Writer, title string, counts map[string]int) {
	_, _ = fmt.Fprintf(w, "%s:\n", title)
	for _, name := range sortedKeys(counts) {
		_, _ = fmt.Fprintf(w, "  %8d  %s\n", counts[name], name)
	}
}
