package journal

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"os/exec"
	"testing"

	sd "github.com/coreos/go-systemd/v22/journal"
)

// What the real journal keeps of an entry.
func TestTheJournalHasTheEntry(t *testing.T) {
	t.Parallel()
	if !sd.Enabled() {
		t.Skip("no journal here")
	}
	mark := rand.Text()
	send := sendOr(func(e entry) error {
		t.Errorf("the journal did not take %+v", e)
		return nil
	})
	slog.New(&handler{level: slog.LevelInfo, send: send}).Warn("a VM crashed", MessageID(VMCrashed),
		"vm_name", "web\nPRIORITY=0", "mark", mark)

	// journalctl --sync returns when everything sent before is on file.
	if out, err := exec.Command("journalctl", "--sync").CombinedOutput(); err != nil {
		t.Skipf("the journal cannot be read: %v: %s", err, out)
	}
	out, err := exec.Command("journalctl", "--output=json", "KVMMANAGER_MARK="+mark).Output()
	if err != nil {
		t.Fatalf("journalctl: %v", err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	want := map[string]string{
		"MESSAGE": "a VM crashed mark=" + mark, "MESSAGE_ID": string(VMCrashed),
		"PRIORITY": "4", "VM_NAME": "web\nPRIORITY=0",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}
