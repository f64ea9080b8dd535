package prefs

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestWhatIsSavedIsLoaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "preferences.json")
	p := Default()
	p.GrabShortcuts, p.Sort, p.ReleaseKeys = false, "memory", []string{"KEY_RIGHTCTRL"}
	p.Session = Session{VM: "/org/kvmmanager/vms/a", Tab: "screen", Width: 10, Maximized: true}
	if err := p.Save(file); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("got %+v and %v", got, err)
	}
	entries, _ := os.ReadDir(filepath.Dir(file))
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestAFileOfAnotherVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(file, []byte(`{"sort": "state", "unknown": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file)
	if err != nil || p.Sort != "state" || !p.Notify {
		t.Errorf("got %+v and %v", p, err)
	}
}

func TestABrokenFileGivesTheDefaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(file, []byte(`{"sort": "state", "notify": 3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file)
	if err == nil || !reflect.DeepEqual(p, Default()) {
		t.Errorf("got %+v and %v", p, err)
	}
	if p, err = Load(file + "-missing"); err != nil || !reflect.DeepEqual(p, Default()) {
		t.Errorf("a missing file gives %+v and %v", p, err)
	}
}
