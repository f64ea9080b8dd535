//go:build system

package system_test

import (
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"org.kvmmanager/internal/model"
)

// The random operations have two pools, on one small disk: the default one, and
// one beside it, whose volumes have this before their names.
const (
	elsewhere     = "elsewhere/"
	elsewhereUUID = "6b6d6d74-0000-4000-8000-0000000000e1"

	wildDisk = "/srv/wild"
	wildLink = "/srv/wild-link" // leads to wildDisk
	images   = "/var/lib/libvirt/images"
)

// spelled is one of the paths to a volume, at random.
func (w *wild) spelled(volume string) string {
	folders := []string{images, "/var/lib//libvirt/./images", images + "/../images", wildDisk + "/images", wildLink + "/images"}
	if strings.HasPrefix(volume, elsewhere) {
		folders = []string{wildDisk + "/elsewhere", wildLink + "//elsewhere", wildDisk + "/./elsewhere", wildDisk + "/images/../elsewhere"}
	}
	return folders[w.rand.IntN(len(folders))] + "/" + filepath.Base(volume)
}

// sourceFile is the path of a disk in a definition.
var sourceFile = regexp.MustCompile(`<source file='([^']*)'`)

// respell gives every disk of a VM that is off another spelling of its path, as a
// definition of another tool's may have it.
func (w *wild) respell(all world) {
	w.t.Helper()
	for _, name := range names {
		vm, there := all[name]
		if !there || vm.running {
			continue
		}
		text := virsh(w.t, "dumpxml", "--inactive", "--security-info", name)
		next := sourceFile.ReplaceAllStringFunc(text, func(source string) string {
			path := html.UnescapeString(sourceFile.FindStringSubmatch(source)[1])
			return "<source file='" + html.EscapeString(w.spelled(volumeAt(path))) + "'"
		})
		if next != text {
			virsh(w.t, "define", tempFile(w.t, "spelled.xml", next))
		}
	}
}

// placeOf is the path of a volume.
func placeOf(volume string) string {
	if strings.HasPrefix(volume, elsewhere) {
		return filepath.Join(wildDisk, volume)
	}
	return filepath.Join(images, volume)
}

// volumeAt is what the volume with a path is called here.
func volumeAt(path string) string {
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(folder, filepath.Base(path))
	}
	if inside, there := strings.CutPrefix(path, wildDisk+"/images/"); there {
		return inside
	}
	if inside, there := strings.CutPrefix(path, wildDisk+"/"); there {
		return inside
	}
	return filepath.Base(path)
}

// across is what a volume is called when it is in the other pool.
func across(volume string) string {
	if name, there := strings.CutPrefix(volume, elsewhere); there {
		return name
	}
	return elsewhere + volume
}

func poolOf(t *testing.T, volume string) dbus.ObjectPath {
	t.Helper()
	if strings.HasPrefix(volume, elsewhere) {
		return dbus.ObjectPath(model.PoolPath(elsewhereUUID))
	}
	return defaultPool(t)
}

func objectOf(t *testing.T, volume string) dbus.ObjectPath {
	t.Helper()
	return volumeIn(poolOf(t, volume), filepath.Base(volume))
}

// volumes is what both pools have.
func (w *wild) volumes() []string {
	w.t.Helper()
	all := volumesOf(w.t, "")
	for _, name := range filesIn(w.t, filepath.Join(wildDisk, elsewhere)) {
		all = append(all, elsewhere+name)
	}
	return all
}

// ownDisk puts both pools on a disk of their own.
func (w *wild) ownDisk() {
	t := w.t
	t.Helper()
	tinys := fileOf(t, tinyDisk)
	inside := filepath.Join(wildDisk, "images")
	run(t, "install", "-d", "-m", "711", wildDisk)
	run(t, "ln", "-sfn", wildDisk, wildLink)
	t.Cleanup(func() { _ = os.Remove(wildLink) })
	t.Cleanup(func() { _ = os.Remove(wildDisk) })
	if err := unix.Mount("wild", wildDisk, "tmpfs", 0, "mode=711,size="+roomy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(wildDisk, 0); err != nil {
			t.Error(err)
		}
	})
	run(t, "install", "-d", "-m", "711", inside, filepath.Join(wildDisk, elsewhere))
	virsh(t, "pool-destroy", "default")
	if err := unix.Mount(inside, images, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = tryVirsh("pool-destroy", "default")
		if err := unix.Unmount(images, 0); err != nil {
			t.Error(err)
		}
		virsh(t, "pool-start", "default")
		w.settle()
	})
	if err := os.WriteFile(tinyDisk, tinys, 0o600); err != nil {
		t.Fatal(err)
	}
	virsh(t, "pool-start", "default")
	w.makeElsewhere()
	t.Cleanup(w.dissolveElsewhere)
}

// makeElsewhere makes the second pool of its folder. libvirt allows no other one
// there, so that the service must have ended the one that it needed.
func (w *wild) makeElsewhere() {
	w.t.Helper()
	definition := tempFile(w.t, "pool.xml", "<pool type='dir'><name>wild-elsewhere</name><uuid>"+elsewhereUUID+"</uuid><target><path>"+
		filepath.Join(wildDisk, elsewhere)+"</path></target></pool>")
	eventually(w.t, "the second pool is made", func() bool {
		_, err := tryVirsh("pool-create", definition)
		return err == nil
	})
	eventually(w.t, "the second pool is shown", func() bool { return w.showsElsewhere() })
}

// dissolveElsewhere leaves the folder of the second pool as one like any other.
func (w *wild) dissolveElsewhere() {
	w.t.Helper()
	_, _ = tryVirsh("pool-destroy", "wild-elsewhere")
	eventually(w.t, "the second pool is no longer shown", func() bool { return !w.showsElsewhere() })
}

func (w *wild) showsElsewhere() bool {
	return w.c.call(poolOf(w.t, elsewhere), properties+"Get", "org.kvmmanager.StoragePool", "Active").Err == nil
}
