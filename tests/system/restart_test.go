//go:build system

package system_test

import (
	"context"
	"testing"
	"time"

	"org.kvmmanager/tests/bench/ordeal"
	"org.kvmmanager/tests/bench/rig"
)

func TestTheServiceOutlivesLibvirtd(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	r, err := rig.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	t.Cleanup(func() { clearVMs(t) })
	report, err := ordeal.Restart(ctx, r, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range report.Problems {
		t.Error(problem)
	}
	// One reading more or less may be under way when they are counted.
	if d := report.Descriptors; d[1] > d[0]+2 {
		t.Errorf("descriptors went from %d to %d", d[0], d[1])
	}
}

// clearVMs removes what an ordeal leaves.
func clearVMs(t *testing.T) {
	t.Helper()
	r, err := rig.Open()
	if err == nil {
		defer r.Close()
		err = r.NeedVMs(0)
	}
	if err != nil {
		t.Error(err)
	}
}
