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
