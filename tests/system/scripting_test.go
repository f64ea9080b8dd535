//go:build system

package system_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheDocumentedScriptsRun takes the examples of docs/SCRIPTING.md as one
// script of alice's.
func TestTheDocumentedScriptsRun(t *testing.T) {
	useTiny(t)
	page, err := os.ReadFile("../../docs/SCRIPTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?ms)^```sh run\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		script.WriteString(block[1] + "\n")
	}
	if strings.Count(script.String(), "busctl") < 10 {
		t.Fatalf("the page has hardly any examples:\n%s", script.String())
	}
	folder := t.TempDir()
	who := userOf(t, "alice")
	for _, path := range []string{folder, folder + "/.."} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(folder, who.UID, who.GID); err != nil {
		t.Fatal(err)
	}
	cmd := asUser("alice", "timeout", "300", "sh", "-ex", "-c", script.String())
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	if got := as(t, "root").get(tiny, "VM.State"); got != "shut-off" {
		t.Errorf("the page leaves tiny %v", got)
	}
}
