package virt

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheWayToAnImage(t *testing.T) {
	t.Parallel()
	stat := func(dir string) (passage, bool) {
		known := map[string]passage{
			"/srv": {everybody: true}, "/srv/pool": {everybody: true}, "/srv/locked": {rootOnly: true}, "/srv/somebodys": {},
			"/srv/locked/inner": {everybody: true},
		}
		p, seen := known[dir]
		return p, seen
	}
	for file, want := range map[string]way{
		"/srv/pool/a.img": wayOpen, "/srv/locked/a.img": wayClosed, "/srv/locked/inner/a.img": wayClosed,
		"/srv/somebodys/a.img": wayDoubtful, "/srv/unseen/a.img": wayOpen, "/home/alice/a.img": wayDoubtful,
		"/root/a.img": wayDoubtful, "/srv/pool/../locked/a.img": wayClosed, "/a.img": wayOpen,
	} {
		if got := wayTo(file, stat); got != want {
			t.Errorf("%s: %v, want %v", file, got, want)
		}
	}
	if got := wayTo("/srv/locked/a.img", nil); got != wayOpen {
		t.Errorf("on another machine: %v", got)
	}
}

func TestAFolderIsLookedAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open, closed := filepath.Join(dir, "open"), filepath.Join(dir, "closed")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o711); err != nil {
		t.Fatal(err)
	}
	if p, seen := lookAtFolder(open); !seen || !p.everybody {
		t.Errorf("open: %+v, %v", p, seen)
	}
	if p, seen := lookAtFolder(closed); !seen || p.everybody || p.rootOnly != (os.Getuid() == 0) {
		t.Errorf("closed: %+v, %v", p, seen)
	}
	if _, seen := lookAtFolder(filepath.Join(dir, "none")); seen {
		t.Error("a folder that is not there was seen")
	}
}
