package virt

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watching starts a watcher of folders below a new place.
func watching(t *testing.T, p places) <-chan map[change]bool {
	t.Helper()
	got := make(chan map[change]bool, 100)
	w, blind, err := newWatcher(p.folders(), discard())
	if err != nil {
		t.Fatal(err)
	}
	if len(blind) != 0 {
		t.Fatalf("not watched: %v", blind)
	}
	w.changed = func(changes map[change]bool) { got <- changes }
	w.overrun = func() {}
	done := make(chan struct{})
	go func() { defer close(done); w.run() }()
	t.Cleanup(func() { w.close(); <-done })
	return got
}

func newPlaces(t *testing.T) places {
	t.Helper()
	root := t.TempDir()
	return places{
		config: filepath.Join(root, "etc"), save: filepath.Join(root, "lib", "save"), leases: filepath.Join(root, "lib", "dnsmasq"),
		snapshots: filepath.Join(root, "lib", "snapshot"),
	}
}

func awaitChange(t *testing.T, got <-chan map[change]bool, want change) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case changes := <-got:
			if changes[want] {
				return
			}
		case <-deadline:
			t.Fatalf("nothing told of %v", want)
		}
	}
}

func write(t *testing.T, elements ...string) {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	// As libvirt does it: a new file that takes the old one's place.
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestFilesTellOfTheirObjects(t *testing.T) {
	t.Parallel()
	p := newPlaces(t)
	for _, f := range p.folders() {
		if err := os.MkdirAll(f.path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	got := watching(t, p)
	write(t, p.config, "qemu", "web.xml")
	awaitChange(t, got, change{aboutVM, "web"})
	if err := os.Symlink("../web.xml", filepath.Join(p.config, "qemu/autostart/web.xml")); err != nil {
		t.Fatal(err)
	}
	awaitChange(t, got, change{aboutVM, "web"})
	if err := os.Remove(filepath.Join(p.config, "qemu/autostart/web.xml")); err != nil {
		t.Fatal(err)
	}
	awaitChange(t, got, change{aboutVM, "web"})
	write(t, p.config, "qemu", "networks", "default.xml")
	awaitChange(t, got, change{aboutNetwork, "default"})
	write(t, p.config, "storage", "autostart", "images.xml")
	awaitChange(t, got, change{aboutPool, "images"})
	write(t, p.save, "a b.save")
	awaitChange(t, got, change{aboutVM, "a b"})
	write(t, p.leases, "virbr0.status")
	awaitChange(t, got, change{aboutLeases, "virbr0"})
}

func TestFoldersThatAreMadeLaterAreWatched(t *testing.T) {
	t.Parallel()
	p := newPlaces(t)
	got := watching(t, p)
	write(t, p.config, "qemu", "autostart", "early.xml")
	awaitChange(t, got, change{aboutVM, "early"})
	write(t, p.config, "storage", "images.xml")
	awaitChange(t, got, change{aboutPool, "images"})
	if err := os.RemoveAll(filepath.Join(p.config, "storage")); err != nil {
		t.Fatal(err)
	}
	awaitChange(t, got, change{aboutPool, "images"})
	write(t, p.config, "storage", "again.xml")
	awaitChange(t, got, change{aboutPool, "again"})
}

func TestAFolderThatIsForbiddenIsNamed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("nothing is forbidden to root")
	}
	p := newPlaces(t)
	if err := os.MkdirAll(filepath.Dir(p.save), 0); err != nil {
		t.Fatal(err)
	}
	w, blind, err := newWatcher(p.folders(), discard())
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	if len(blind) == 0 || blind[0].path != p.save {
		t.Errorf("blind: %v", blind)
	}
}

func TestOnlyALocalDaemonHasPlaces(t *testing.T) {
	for uri, want := range map[string]bool{
		"qemu:///system": true, "qemu+unix:///system": true, "qemu+ssh://host/system": false, "qemu://host/system": false,
		"test:///default": false, "qemu:///embed?root=/x": false, "%": false, "": false,
	} {
		if _, ok := placesOf(uri); ok != want {
			t.Errorf("%s: %v", uri, ok)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	t.Setenv("XDG_CONFIG_HOME", "/home/me/.config")
	p, ok := placesOf("qemu:///session")
	if !ok || p.config != "/home/me/.config/libvirt" || p.run != "/run/user/7/libvirt/qemu/run" {
		t.Errorf("%+v", p)
	}
}
