//go:build system

package system_test

import (
	"context"
	"testing"
	"time"

	"org.kvmmanager/tests/bench/ordeal"
	"org.kvmmanager/tests/bench/rig"
)

func TestAServiceThatIsKilledHarmsNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	r, err := rig.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	t.Cleanup(func() { clearVMs(t) })
	report, err := ordeal.Kill(ctx, r, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range report.Problems {
		t.Error(problem)
	}
}
