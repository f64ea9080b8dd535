package durable

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFailedWriteLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target := filepath.Join(folder, "hosts.conf")
	if err := os.MkdirAll(filepath.Join(target, "in-the-way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(target, []byte("text")); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("temporary files stay behind: %v, %v", entries, err)
	}
}
