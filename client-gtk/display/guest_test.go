//go:build display

package display_test

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display"
)

func TestAKeyTypedOnTheSerialConsoleReachesTheGuest(t *testing.T) {
	w := newWorld(t)
	var term *display.Terminal
	ended := make(chan error, 1)
	onMain(func() { term = display.NewTerminal(func(err error) { ended <- err }) })
	w.show(func() gtk.Widgetter { return term.Widget() })
	f := w.openConsole()
	onMain(func() { w.must(term.Open(f)) })

	onMain(func() { term.Type("echo $((6*7))-and-more\n") })
	w.await("the guest's answer", func() bool { return strings.Contains(term.Text(), "42-and-more") })

	onMain(term.Close)
	if err := <-ended; err != nil {
		t.Errorf("closing says %v", err)
	}
}

func TestThePictureIsWhatTheGuestShows(t *testing.T) {
	w := newWorld(t)
	var screen *display.Screen
	connected := make(chan struct{}, 1)
	ended := make(chan error, 1)
	onMain(func() {
		screen = display.NewScreen(display.Events{
			Connected: func() { connected <- struct{}{} },
			Closed:    func(err error) { ended <- err },
		})
	})
	w.show(func() gtk.Widgetter { return screen.Widget() })
	f := w.openDisplay()
	onMain(func() { w.must(screen.Open(f, "vnc")) })
	select {
	case <-connected:
	case err := <-ended:
		t.Fatal(err)
	case <-w.ctx.Done():
		t.Fatal("the display says nothing")
	}
	// The guest prints and its cursor blinks: two pictures of the same moment
	// take some tries.
	for different := -1; different != 0; {
		if w.ctx.Err() != nil {
			t.Fatalf("%d pixels differ from the service's picture", different)
		}
		if shot := w.screenshot(); !plain(shot) {
			different = differ(shot, w.picture(screen))
		}
	}
	onMain(screen.Close)
	if err := <-ended; err != nil {
		t.Errorf("closing says %v", err)
	}
}

// picture is what the widget shows; nil when that is nothing yet.
func (w *world) picture(screen *display.Screen) (img image.Image) {
	w.Helper()
	onMain(func() {
		if texture := screen.Picture(); texture != nil {
			var err error
			img, err = png.Decode(bytes.NewReader(texture.SaveToPNGBytes().Data()))
			w.must(err)
		}
	})
	return img
}

// screenshot is what the service says that the guest shows.
func (w *world) screenshot() image.Image {
	w.Helper()
	f, _, err := w.client.TakeScreenshot(w.ctx, w.vm)
	w.must(err)
	defer f.Close()
	img, err := png.Decode(f)
	w.must(err)
	return img
}

// plain tells whether a picture shows nothing: two of these are always alike.
func plain(img image.Image) bool {
	first := img.At(img.Bounds().Min.X, img.Bounds().Min.Y)
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			if img.At(x, y) != first {
				return false
			}
		}
	}
	return true
}

// differ counts the pixels that are not the same; -1 for other sizes.
func differ(a, b image.Image) (pixels int) {
	if b == nil || a.Bounds() != b.Bounds() {
		return -1
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			if ar != br || ag != bg || ab != bb {
				pixels++
			}
		}
	}
	return pixels
}
