//go:build system

package system_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/dbus"
	"org.kvmmanager/internal/model"
	"org.kvmmanager/tests/bench/rig"
)

const (
	manyVolumes = 10_000
	// littleMemory is what the service may take with all of them, in bytes.
	littleMemory = 50 << 20
)

// TestTenThousandVolumesStaySmooth has them in one pool, as files that somebody
// else has put there: they show, take little memory, and what happens to one is no
// news of the others.
func TestTenThousandVolumesStaySmooth(t *testing.T) {
	r := record(t)
	r.awaits(patience, local, "Host.State", "connected")
	folder := t.TempDir()
	put := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range manyVolumes {
		put(fmt.Sprintf("volume-%05d.img", i))
	}
	begun := time.Now()
	pool := aPool(r.client, "many", with("target", folder))
	t.Logf("they show after %v", time.Since(begun))

	begun = time.Now()
	objects := r.must(api.RootPath, "org.freedesktop.DBus.ObjectManager.GetManagedObjects")[0].(map[dbus.ObjectPath]map[string]map[string]dbus.Variant)
	t.Logf("a list of %d objects takes %v", len(objects), time.Since(begun))
	shown := 0
	for path := range objects {
		if isVolumeOf(pool, path) {
			shown++
		}
	}
	if shown != manyVolumes {
		t.Errorf("%d volumes are shown of %d", shown, manyVolumes)
	}

	r.tells(pool, "a new volume", func() { aVolume(r.client, pool, "made", with("capacity", uint64(1<<20))) }, "InterfacesAdded of made")
	r.tells(pool, "a file for another", func() {
		put("new & <b>")
		if err := os.Remove(filepath.Join(folder, "volume-05000.img")); err != nil {
			t.Fatal(err)
		}
		r.must(pool, "StoragePool.Refresh", wait())
	}, "InterfacesRemoved of volume-05000.img", "InterfacesAdded of new & <b>")

	service := rig.Process(r.pid())
	pss := uint64(0)
	err := within(patience, func() bool {
		var err error
		if pss, _, err = service.Memory(); err != nil {
			t.Fatal(err)
		}
		return pss < littleMemory
	})
	t.Logf("the service takes %d MiB", pss>>20)
	if err != nil {
		t.Errorf("the service takes %d MiB: %v", pss>>20, err)
	}
	r.must(pool, "StoragePool.Stop", none()) // their end is no news of the next test's
}

// isVolumeOf says whether an object is a volume of a pool.
func isVolumeOf(pool, path dbus.ObjectPath) bool {
	return strings.HasPrefix(string(path), string(pool)+"/volumes/")
}

// tells wants what is announced of a pool's volumes, while something is done, to
// be this and nothing else.
func (r *recorder) tells(pool dbus.ObjectPath, what string, do func(), want ...string) {
	r.t.Helper()
	r.mark()
	begun := time.Now()
	do()
	r.t.Logf("%s takes %v", what, time.Since(begun))
	if err := r.conn.Emit(api.RootPath, ownInterface+".Done"); err != nil {
		r.t.Fatal(err)
	}
	r.until(patience, "signal of our own", func(s *dbus.Signal) bool { return s.Name == ownInterface+".Done" })
	var got []string
	for _, s := range r.seen {
		path := s.Path
		if name, _ := strings.CutPrefix(s.Name, "org.freedesktop.DBus.ObjectManager."); name != s.Name {
			path = s.Body[0].(dbus.ObjectPath)
		}
		if _, name, isVolume := model.SplitVolumePath(model.Path(path)); isVolume && isVolumeOf(pool, path) {
			got = append(got, s.Name[strings.LastIndexByte(s.Name, '.')+1:]+" of "+name)
		}
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("%s is announced as %d: %.20q", what, len(got), got)
	}
}
