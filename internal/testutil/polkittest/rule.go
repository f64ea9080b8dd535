package polkittest

import "slices"

// Answer is what comes of a check.
type Answer int

// The answers. All but Yes, No, Hang and Fail ask for a password, so without
// interaction they are a challenge.
const (
	No           Answer = iota
	Yes                 // like an administrator's rule
	Authenticate        // the person types the right password
	Reject              // the person types a wrong one
	Dismiss             // the person closes the dialog
	NoAgent             // nobody there to ask the person
	Ignore              // the person leaves the dialog open
	Hang                // no answer until cancelled, or until the authority stops
	Fail                // polkit itself fails
)

// Rule says which checks get an answer. Empty fields match everything.
type Rule struct {
	Sender  string            // unique name of the one who is checked
	UIDs    []uint32          // its user is one of these
	Action  string            // action id
	Details map[string]string // the check has these details, and maybe more
	Answer  Answer
	// Meanwhile happens before the answer, if it is set.
	Meanwhile func()
}

func (r Rule) matches(c Check) bool {
	if r.Sender != "" && r.Sender != c.Sender || r.Action != "" && r.Action != c.Action {
		return false
	}
	if r.UIDs != nil && !slices.Contains(r.UIDs, c.UID) {
		return false
	}
	for key, value := range r.Details {
		if got, has := c.Details[key]; !has || got != value {
			return false
		}
	}
	return true
}

// Check is one question that the authority was asked.
type Check struct {
	Sender      string // who is checked
	UID         uint32 // its user
	Action      string
	Details     map[string]string
	Interactive bool
}
