// Package unfinished remembers, beyond the end of the process, what jobs are in
// the midst of making or removing: storage volumes, and VMs that could not be
// taken back. Each has a file of its own in the service's state folder, which is
// there before the volume is, and which goes when the volume has its VM or is
// gone. What is left of a process that was killed, the next one clears up.
//
// A record names a pool and a volume and nothing else, so that it can never lead
// out of a pool; and whoever clears up asks first whether anything uses the
// volume. One that a VM had before, and that its owner may want back, goes only
// if some VM has what it was copied to.
package unfinished

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"org.kvmmanager/internal/durable"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// Item is what a record is about: a volume, or a VM.
type Item struct {
	Host   string `json:"host"`             // id
	Pool   string `json:"pool,omitempty"`   // UUID
	Volume string `json:"volume,omitempty"` // name in the pool
	VM     string `json:"vm,omitempty"`     // UUID
	// Copy is the path of what the volume was copied to: it goes only if a VM has
	// that. Empty when it was not.
	Copy string `json:"copy,omitempty"`
	// Made is set when a job has made the volume, and nobody has had it yet.
	Made bool `json:"made,omitempty"`
	// Since is when a VM could not be taken back, in seconds since 1970. Its owner
	// may have come to like it after a while.
	Since int64 `json:"since,omitempty"`
}

// about is the item without the conditions: what one job at a time is about.
func (i Item) about() Item {
	i.Copy, i.Made, i.Since = "", false, 0
	return i
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// valid says whether a record can have been written by this package.
func (i Item) valid() bool {
	switch {
	case i.Host == "":
		return false
	case i.VM != "":
		return i.Pool == "" && i.Volume == "" && i.Copy == "" && uuid.MatchString(i.VM)
	default:
		return uuid.MatchString(i.Pool) && i.Volume != "" && i.Volume != "." && i.Volume != ".." && !strings.ContainsAny(i.Volume, "/\x00")
	}
}

// Records is the state folder.
type Records struct {
	folder string // empty: nothing outlives the process
	log    *slog.Logger
	wake   chan struct{}

	mu    sync.Mutex
	known map[Item]string // the files, by what they are about; guarded by mu
	left  map[Item]Item   // those that no job is about; guarded by mu
}

const suffix = ".json"

// Open reads what earlier processes have left in a folder, which is made when it
// is needed. Without a folder, only what this process leaves is known.
func Open(folder string, log *slog.Logger) *Records {
	r := &Records{folder: folder, log: log, wake: make(chan struct{}, 1), known: map[Item]string{}, left: map[Item]Item{}}
	if folder == "" {
		return r
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*"+suffix)) // the pattern is a good one
	slices.SortFunc(files, byTime)
	for _, file := range files {
		item, err := read(file)
		if err != nil {
			log.Warn("cannot read a record of unfinished work", "file", file, "error", err)
			continue
		}
		r.remove(r.known[item.about()]) // a job took over from another
		r.known[item.about()], r.left[item.about()] = file, item
	}
	return r
}

// byTime orders files by when they were written.
func byTime(a, b string) int {
	first, err := os.Stat(a)
	second, other := os.Stat(b)
	if err != nil || other != nil {
		return 0
	}
	return first.ModTime().Compare(second.ModTime())
}

func read(file string) (item Item, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &item)
	}
	if err == nil && !item.valid() {
		err = fmt.Errorf("it is about nothing: %.100q", text)
	}
	return item, err
}

// Begin notes that a job is about to make or remove something. When it returns,
// that is on the disk.
func (r *Records) Begin(item Item) (*Note, error) {
	if !item.valid() {
		return nil, errs.New(errs.Internal, "The service cannot remember what it is about to make.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.known[item.about()]
	before, left := r.left[item.about()]
	switch {
	case known && !left:
		return nil, errs.New(errs.Busy, "Another operation is about the same volume. Try again in a moment.")
	case known && before == item:
		delete(r.left, item.about()) // it is the new job's from here on
		return &Note{r, item}, nil
	}
	file, err := r.write(item)
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "The service cannot write to its state folder. Its journal has the details.")
	}
	if known {
		r.remove(old)
		delete(r.left, item.about())
	}
	r.known[item.about()] = file
	return &Note{r, item}, nil
}

// write makes a file that is there as a whole or not at all.
func (r *Records) write(item Item) (name string, err error) {
	if r.folder == "" {
		return "", nil
	}
	text, err := json.Marshal(item)
	if err != nil {
		return "", err
	}
	name = filepath.Join(r.folder, rand.Text()+suffix)
	return name, durable.WriteFile(name, text)
}

// Left takes what no job is about any more, VMs before the volumes that they may
// use. The caller finishes or leaves each note.
func (r *Records) Left() []*Note {
	r.mu.Lock()
	defer r.mu.Unlock()
	var notes []*Note
	for item := range maps.Values(r.left) {
		notes = append(notes, &Note{r, item})
	}
	slices.SortFunc(notes, func(a, b *Note) int { return strings.Compare(b.item.VM, a.item.VM) })
	clear(r.left)
	return notes
}

// Waiting says whether something is left.
func (r *Records) Waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.left) > 0
}

// Wake tells the one who clears up that a job has left something, or that what is
// left should be tried again.
func (r *Records) Wake() <-chan struct{} { return r.wake }

// Note is one record.
type Note struct {
	records *Records
	item    Item
}

// Item is what the record is about.
func (n *Note) Item() Item { return n.item }

// Done forgets it: what it is about is whole, or gone.
func (n *Note) Done() {
	r := n.records
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(r.known[n.item.about()])
	delete(r.known, n.item.about())
	delete(r.left, n.item.about())
}

// remove forgets a file. The caller holds mu.
func (r *Records) remove(file string) {
	if file == "" {
		return
	}
	if err := durable.Remove(file); err != nil {
		// Nobody may act on it again: an empty one says nothing.
		r.log.Warn("cannot remove a record of unfinished work", "file", file, "error", err, "emptied", os.Truncate(file, 0) == nil)
	}
}

// Keep leaves it to a later attempt at clearing up.
func (n *Note) Keep() {
	n.records.mu.Lock()
	defer n.records.mu.Unlock()
	n.records.left[n.item.about()] = n.item
}

// Leave is Keep for a job that could not take back what it made.
func (n *Note) Leave() {
	n.Keep()
	n.records.Retry()
}

// Retry has what is left tried again soon: something may have come back that it
// waited for.
func (r *Records) Retry() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// OnHost is the records of one host, as jobs use them.
type OnHost struct {
	records *Records
	host    string
}

// OnHost narrows the records to a host.
func (r *Records) OnHost(id string) *OnHost { return &OnHost{r, id} }

// Volume implements inventory.Unfinished.
func (h *OnHost) Volume(pool, name string) (inventory.Note, error) {
	return h.begin(Item{Host: h.host, Pool: pool, Volume: name, Made: true})
}

// Removal implements inventory.Unfinished.
func (h *OnHost) Removal(pool, name string) (inventory.Note, error) {
	return h.begin(Item{Host: h.host, Pool: pool, Volume: name})
}

// Original implements inventory.Unfinished.
func (h *OnHost) Original(pool, name, copied string) (inventory.Note, error) {
	return h.begin(Item{Host: h.host, Pool: pool, Volume: name, Copy: copied})
}

// VM implements inventory.Unfinished.
func (h *OnHost) VM(uuid string) (inventory.Note, error) {
	return h.begin(Item{Host: h.host, VM: uuid, Since: time.Now().Unix()})
}

func (h *OnHost) begin(item Item) (inventory.Note, error) {
	n, err := h.records.Begin(item)
	if err != nil {
		return nil, err
	}
	return n, nil
}
