package virt

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAProgramIsInstalledIfItCanBeRun(t *testing.T) {
	t.Parallel()
	empty, full := t.TempDir(), t.TempDir()
	for name, mode := range map[string]os.FileMode{"passt": 0o755, "readme": 0o644} {
		if err := os.WriteFile(filepath.Join(full, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(full, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]bool{"passt": true, "readme": false, "folder": false, "missing": false} {
		if got := installed(program, []string{empty, full}); got != want {
			t.Errorf("%s: %v", program, got)
		}
	}
}
