package store

import (
	"time"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// Point is one sample in time.
type Point struct {
	At time.Time
	model.Sample
}

// History keeps the last samples of each VM and host, for graphs.
type History struct {
	length int
	rings  map[model.Path]*ring
}

// ring is the last points of one object. It grows up to its length, so that
// objects that are seldom sampled cost little.
type ring struct {
	points []Point
	next   int // where the next one goes when it is full
}

// NewHistory keeps so many points of each object.
func NewHistory(length int) *History {
	return &History{length: max(length, 1), rings: map[model.Path]*ring{}}
}

// Add takes in the samples of a tick.
func (h *History) Add(s *client.Samples) {
	for path, sample := range s.Values {
		r := h.rings[path]
		if r == nil {
			r = &ring{}
			h.rings[path] = r
		}
		r.add(Point{s.At, sample}, h.length)
	}
}

func (r *ring) add(p Point, length int) {
	if len(r.points) < length {
		r.points = append(r.points, p)
		return
	}
	r.points[r.next] = p
	r.next = (r.next + 1) % length
}

// Take forgets VMs that are gone or off, and hosts that are gone: a graph does
// not go on from the VM's last life.
func (h *History) Take(b *client.Batch) {
	for _, c := range b.VMs {
		if c.Old != nil && (c.New == nil || !c.New.State.Active()) {
			delete(h.rings, c.Old.Path())
		}
	}
	for _, c := range b.Hosts {
		if c.New == nil {
			delete(h.rings, c.Old.Path())
		}
	}
}

// Latest is an object's last point; false when there is none.
func (h *History) Latest(path model.Path) (Point, bool) {
	r := h.rings[path]
	if r == nil {
		return Point{}, false
	}
	return r.points[(r.next+len(r.points)-1)%len(r.points)], true
}

// Each calls f for every point of an object, oldest first.
func (h *History) Each(path model.Path, f func(Point)) {
	r := h.rings[path]
	if r == nil {
		return
	}
	for i := range r.points {
		f(r.points[(r.next+i)%len(r.points)])
	}
}
