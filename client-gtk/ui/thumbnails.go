package ui

import (
	"time"

	"org.kvmmanager/client-gtk/display"
	"org.kvmmanager/internal/model"
)

// Small pictures of the guests that run and whose rows are in view. One is taken
// at a time, so that many VMs cost no more than few.
const (
	thumbnailWidth  = 96
	thumbnailHeight = 60
	thumbnailAge    = 30 * time.Second
	thumbnailTick   = 500 * time.Millisecond
	thumbnailsKept  = 200
)

// thumbnails is the pictures taken so far.
type thumbnails struct {
	service Service
	taken   map[model.Path]thumbnail
	asking  bool
}

// thumbnail is a picture and when it was taken; without picture the VM has
// none for this person.
type thumbnail struct {
	image *display.Image
	at    time.Time
}

func newThumbnails(service Service) *thumbnails {
	return &thumbnails{service: service, taken: map[model.Path]thumbnail{}}
}

// of is a VM's picture, or nil.
func (t *thumbnails) of(path model.Path) *display.Image { return t.taken[path].image }

// forget is for a VM that does not run any more.
func (t *thumbnails) forget(path model.Path) {
	if image := t.taken[path].image; image != nil {
		image.Free()
	}
	delete(t.taken, path)
}

// renew takes the picture that is needed most, and says when it is there.
func (t *thumbnails) renew(inView []model.Path, done func(model.Path)) {
	var oldest model.Path
	var at time.Time
	for _, path := range inView {
		taken, known := t.taken[path]
		if known && time.Since(taken.at) < thumbnailAge {
			continue
		}
		if oldest == "" || taken.at.Before(at) {
			oldest, at = path, taken.at
		}
	}
	if oldest == "" || t.asking {
		return
	}
	t.asking = true
	t.service.Thumbnail(oldest, thumbnailWidth, thumbnailHeight, func(image *display.Image) {
		t.asking = false
		t.forget(oldest)
		for path := range t.taken {
			if len(t.taken) < thumbnailsKept {
				break
			}
			t.forget(path)
		}
		t.taken[oldest] = thumbnail{image, time.Now()}
		done(oldest)
	})
}
