package virt

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// burst is how long file changes are collected before they become hints: a
// tool writes a file in several steps, and libvirt announces most of what it
// does itself a moment later.
const burst = 50 * time.Millisecond

// subject says what the files of a folder are about.
type subject uint8

const (
	aboutVM subject = iota + 1
	aboutNetwork
	aboutPool
	aboutLeases
	aboutSnapshots // of the VM of that name
)

// folder is one folder of libvirt's that tells of changes nobody announces.
type folder struct {
	path   string
	about  subject
	suffix string // of the files that matter; the rest of the name is the object's
	// owner is set for a folder that is all about one object, whose name it is.
	owner string
	// nested says that what matters are folders, each about the object of its
	// name: they are watched as they come.
	nested bool
}

// change is one object that a file tells of.
type change struct {
	about subject
	name  string
}

// folders lists what to look at.
func (p places) folders() []folder {
	var active []folder // where one user's daemon has them there are no networks
	if p.active != "" {
		active = []folder{{path: p.active, about: aboutNetwork, suffix: ".xml"}}
	}
	in := func(elements ...string) string { return filepath.Join(append([]string{p.config}, elements...)...) }
	return append(active, []folder{
		{path: in("qemu"), about: aboutVM, suffix: ".xml"},
		{path: in("qemu", "autostart"), about: aboutVM, suffix: ".xml"},
		{path: in("qemu", "networks"), about: aboutNetwork, suffix: ".xml"},
		{path: in("qemu", "networks", "autostart"), about: aboutNetwork, suffix: ".xml"},
		{path: in("storage"), about: aboutPool, suffix: ".xml"},
		{path: in("storage", "autostart"), about: aboutPool, suffix: ".xml"},
		{path: p.save, about: aboutVM, suffix: ".save"},
		{path: p.leases, about: aboutLeases, suffix: ".status"},
		{path: p.snapshots, about: aboutSnapshots, nested: true},
	}...)
}

// watcher turns changes of files into changes of objects. A folder that does
// not exist yet is watched for by its nearest ancestor that does.
type watcher struct {
	notify  *fsnotify.Watcher
	wanted  map[string]folder // by path; only run changes it once it runs
	watched map[string]bool   // folders that are watched for themselves
	changed func(map[change]bool)
	overrun func() // more happened than the kernel could tell
	log     *slog.Logger
}

// newWatcher starts watching; blind lists the folders that cannot be watched.
// Then run must be called, and close once.
func newWatcher(folders []folder, log *slog.Logger) (w *watcher, blind []folder, err error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, folders, err
	}
	w = &watcher{notify: notify, wanted: make(map[string]folder), watched: make(map[string]bool), log: log}
	for _, f := range folders {
		w.wanted[f.path] = f
	}
	for _, f := range folders {
		if _, err := w.arm(f.path); err != nil {
			blind = append(blind, f)
			delete(w.wanted, f.path)
			continue
		}
		w.adoptAll(f)
	}
	return w, blind, nil
}

// arm watches a folder or, while it does not exist, its nearest ancestor. It
// says whether the folder itself is watched now and was not before.
func (w *watcher) arm(path string) (fresh bool, err error) {
	if w.watched[path] {
		return false, nil
	}
	for at := path; ; at = filepath.Dir(at) {
		if err = w.readable(at); err == nil {
			err = w.notify.Add(at)
		}
		switch {
		case err == nil && at == path:
			w.watched[path] = true
			return true, nil
		case err == nil:
			// It may have been made just before its ancestor was watched.
			if _, err := os.Stat(path); err == nil {
				at = filepath.Join(path, "x")
				continue
			}
			return false, nil
		case !os.IsNotExist(err) || at == filepath.Dir(at):
			return false, err
		}
	}
}

// readable tells a missing folder from a forbidden one: the kernel would let a
// folder below a forbidden one look missing.
func (w *watcher) readable(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return d.Close()
}

// run passes on changes until close. The functions are called from it.
func (w *watcher) run() {
	var (
		waiting = make(map[change]bool)
		timer   <-chan time.Time
	)
	for {
		select {
		case e, ok := <-w.notify.Events:
			if !ok {
				return
			}
			w.take(e, waiting)
			if len(waiting) > 0 && timer == nil {
				timer = time.After(burst)
			}
		case err, ok := <-w.notify.Errors:
			if !ok {
				return
			}
			w.log.Warn("changes of libvirt's files were missed", "error", err)
			w.overrun()
		case <-timer:
			w.changed(waiting)
			waiting, timer = make(map[change]bool), nil
		}
	}
}

// close ends run.
func (w *watcher) close() { _ = w.notify.Close() }

// take notes what one event is about.
func (w *watcher) take(e fsnotify.Event, waiting map[change]bool) {
	if w.watched[e.Name] && e.Has(fsnotify.Remove|fsnotify.Rename) {
		w.watched[e.Name] = false // the folder itself went away
		if w.wanted[e.Name].owner != "" {
			delete(w.wanted, e.Name) // its parent tells if it comes again
		}
	}
	if f, ok := w.wanted[filepath.Dir(e.Name)]; ok {
		f.note(filepath.Base(e.Name), waiting)
		if e.Has(fsnotify.Create) {
			w.adopt(f, filepath.Base(e.Name))
		}
	}
	for path, f := range w.wanted {
		if path != e.Name && !strings.HasPrefix(path, e.Name+string(filepath.Separator)) {
			continue
		}
		if fresh, err := w.arm(path); err == nil && fresh {
			f.noteAll(waiting)
			w.adoptAll(f)
		}
	}
}

// adopt watches a folder inside of a nested one, from before its event is
// passed on: whoever reads then sees what it held until now.
func (w *watcher) adopt(f folder, name string) {
	if !f.nested {
		return
	}
	child := folder{path: filepath.Join(f.path, name), about: f.about, owner: name}
	if info, err := os.Lstat(child.path); err != nil || !info.IsDir() || w.watched[child.path] {
		return
	}
	if err := w.notify.Add(child.path); err != nil {
		w.log.Warn("changes by other tools show late: a folder of libvirt's cannot be watched", "folder", child.path, "error", err)
		return
	}
	w.wanted[child.path], w.watched[child.path] = child, true
}

// adoptAll watches what a nested folder holds.
func (w *watcher) adoptAll(f folder) {
	if !f.nested {
		return
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return
	}
	for _, e := range entries {
		w.adopt(f, e.Name())
	}
}

// note takes down the object that a file is about.
func (f folder) note(file string, waiting map[change]bool) {
	if f.owner != "" {
		waiting[change{f.about, f.owner}] = true
		return
	}
	if name, ok := strings.CutSuffix(file, f.suffix); ok && name != "" {
		waiting[change{f.about, name}] = true
	}
}

// noteAll takes down what a folder held before it was watched.
func (f folder) noteAll(waiting map[change]bool) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return
	}
	for _, e := range entries {
		if f.nested || e.Type()&fs.ModeDir == 0 {
			f.note(e.Name(), waiting)
		}
	}
}
