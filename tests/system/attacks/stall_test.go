//go:build system

package attacks

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"org.kvmmanager/tests/bench/stats"
)

// TestNobodyStallsTheService attacks as bob for a minute, in all ways that a user
// without rights has, while alice works, and beside a minute without an attack.
//
// Times are not asserted by tests otherwise. Here they are what is promised, and
// the attack makes things worse by orders of magnitude when a share is missing
// (seconds, hundreds of megabytes, a restart), not by the noise of a machine. On a
// machine where alice is slow without an attack the bar is twice that: dbus-daemon
// and polkitd, which the attack keeps busy as well, then lack time themselves. The
// row that compares with systemd shows how long the bus alone takes. The service is
// a new process, as in ./dev bench: the memory is what the attack left, not what the
// tests before it did.
func TestNobodyStallsTheService(t *testing.T) {
	bench := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-o", bench, "org.kvmmanager/tests/bench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command("systemctl", "restart", "kvmmanagerd.service").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	command := exec.Command(bench, "-json", "stall")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		What     string
		Unit     string
		Ours     stats.Summary
		Peer     *stats.Summary
		Bar      string
		Pass     *bool
		Note     string
		Problems []string
	}
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	judged := 0
	for _, row := range rows {
		t.Logf("%s: %.1f %s, p99 %.1f, at most %.1f; %s", row.What, row.Ours.Median, row.Unit, row.Ours.P99, row.Ours.Max, row.Note)
		for _, problem := range row.Problems {
			t.Errorf("%s: %s", row.What, problem)
		}
		if row.Pass == nil {
			continue
		}
		judged++
		busy := row.Peer != nil && row.Ours.P99 < 2*row.Peer.P99
		if !*row.Pass && !busy {
			t.Errorf("%s: %.1f %s, p99 %.1f; want %s", row.What, row.Ours.Median, row.Unit, row.Ours.P99, row.Bar)
		}
	}
	if judged != 3 {
		t.Errorf("%d figures are judged, want alice's times, the memory during the attack and that after it", judged)
	}
}
