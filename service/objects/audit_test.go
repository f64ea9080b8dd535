package objects

import (
	"testing"
	"time"
)

func TestAUsersRefusalsDoNotFloodTheJournal(t *testing.T) {
	t.Parallel()
	var f refusals
	now := time.Now()
	admitted := 0
	for range 1000 {
		if f.admit(1000, now) {
			admitted++
		}
	}
	if admitted != refusalsAdmit {
		t.Errorf("%d of 1000 refusals are written", admitted)
	}
	if !f.admit(1001, now) {
		t.Error("another user's refusal is not written")
	}
	if !f.admit(1000, now.Add(2*refusalWindow)) {
		t.Error("a refusal is not written in a later window")
	}
}

func TestLookingAgainIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	var l looks
	now := time.Now()
	alice := look{1000, "/vm"}
	if !l.admit(alice, now) || l.admit(alice, now.Add(lookWindow/2)) || !l.admit(alice, now.Add(lookWindow)) {
		t.Error("one look an hour is not what is written")
	}
	if !l.admit(look{1001, "/vm"}, now) || !l.admit(look{1000, "/other"}, now) {
		t.Error("another user's look, or one at another VM, is not written")
	}
	for n := range uint32(3 * looksKept) {
		l.admit(look{n, "/vm"}, now)
	}
	if len(l.since) > looksKept {
		t.Errorf("%d looks are remembered", len(l.since))
	}
}
