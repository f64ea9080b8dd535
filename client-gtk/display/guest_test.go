//go:build display

package display_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/display"
)

func TestAKeyTypedOnTheSerialConsoleReachesTheGuest(t *testing.T) {
	w := newWorld(t, tiny)
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
	t.Run("vnc", func(t *testing.T) { newWorld(t, tiny).showsTheGuest("vnc") })
	t.Run("spice", func(t *testing.T) { newWorld(t, withSpice(t)).showsTheGuest("spice") })
}

func (w *world) showsTheGuest(kind string) {
	screen, ended, _ := w.openScreen(kind)
	w.likeTheService(screen)
	onMain(screen.Close)
	w.must(<-ended)
}

func TestAGuestThatCannotFollowIsStillShownWhole(t *testing.T) {
	t.Run("vnc", func(t *testing.T) { newWorld(t, tiny).staysWhole("vnc") })
	t.Run("spice", func(t *testing.T) { newWorld(t, withSpice(t)).staysWhole("spice") })
}

// staysWhole asks a guest in text mode for other sizes.
func (w *world) staysWhole(kind string) {
	screen, ended, _ := w.openScreen(kind)
	w.likeTheService(screen)
	for _, scaling := range []display.Scaling{display.ResizeGuest, display.Fit, display.ResizeGuest, display.Original} {
		onMain(func() { screen.SetScaling(scaling) })
		time.Sleep(time.Second) // for the guest to refuse: nothing announces that
		w.likeTheService(screen)
	}
	onMain(screen.Close)
	w.must(<-ended)
}

// likeTheService waits until the screen shows what the service's picture does. The
// guest prints and its cursor blinks: two pictures of the same moment take some
// tries.
func (w *world) likeTheService(screen *display.Screen) {
	for different := -1; different != 0; {
		if w.ctx.Err() != nil {
			w.Fatalf("%d pixels differ from the service's picture", different)
		}
		if shot := w.screenshot(); !plain(shot) {
			different = differ(shot, w.picture(screen))
		}
	}
}

// typed are the keys of what is typed below.
var typed = map[rune]string{
	' ': "KEY_SPACE", '/': "KEY_SLASH", '-': "KEY_MINUS", '\n': "KEY_ENTER",
	'>': "KEY_LEFTSHIFT KEY_DOT", 'S': "KEY_LEFTSHIFT KEY_S", '0': "KEY_0", '4': "KEY_4", '2': "KEY_2",
}

func TestAKeyTypedOnTheScreenReachesTheGuest(t *testing.T) {
	t.Run("vnc", func(t *testing.T) { newWorld(t, tiny).takesKeys("vnc") })
	t.Run("spice", func(t *testing.T) { newWorld(t, withSpice(t)).takesKeys("spice") })
}

// takesKeys types on the screen a command whose answer comes out of the serial
// port.
func (w *world) takesKeys(kind string) {
	serial := w.openConsole()
	defer serial.Close()
	_, err := serial.WriteString("\n")
	w.must(err)
	said := make(chan string, 100)
	go func() {
		for buffer := make([]byte, 1000); ; {
			n, err := serial.Read(buffer)
			if err != nil {
				return
			}
			said <- string(buffer[:n])
		}
	}()
	heard := w.listen(said, "", "#") // a shell, so the other one is there too
	screen, ended, _ := w.openScreen(kind)
	for _, r := range "echo key-42 >/dev/ttyS0\n" {
		keys, known := typed[r]
		if !known {
			keys = "KEY_" + strings.ToUpper(string(r))
		}
		onMain(func() { screen.SendKeys(strings.Fields(keys)...) })
		// An emulated keyboard has a small queue.
		time.Sleep(50 * time.Millisecond)
	}
	w.listen(said, heard, "key-42")
	onMain(screen.Close)
	w.must(<-ended)
}

// listen waits until something is among what was said.
func (w *world) listen(said <-chan string, heard, what string) string {
	w.Helper()
	for !strings.Contains(heard, what) {
		select {
		case s := <-said:
			heard += s
		case <-w.ctx.Done():
			w.Fatalf("the guest did not say %q but %q", what, heard)
		}
	}
	return heard
}

// openScreen shows the guest's screen, and waits until it is connected; again
// does that anew after it ended.
func (w *world) openScreen(kind string) (screen *display.Screen, ended chan error, again func()) {
	w.Helper()
	connected := make(chan struct{}, 1)
	ended = make(chan error, 1)
	onMain(func() {
		screen = display.NewScreen(display.Events{
			Connected: func() { connected <- struct{}{} },
			Closed:    func(err error) { ended <- err },
			MoreChannels: func(give func(*os.File, error)) {
				go func() {
					f, _, err := w.client.OpenDisplay(w.ctx, w.vm, 0)
					onMain(func() { give(f, err) })
				}()
			},
		})
	})
	w.show(func() gtk.Widgetter { return screen.Widget() })
	again = func() {
		w.Helper()
		f := w.openDisplay()
		onMain(func() { w.must(screen.Open(f, kind)) })
		select {
		case <-connected:
		case err := <-ended:
			w.Fatal(err)
		case <-w.ctx.Done():
			w.Fatal("the display says nothing")
		}
	}
	again()
	return screen, ended, again
}

// TestClosingLeavesNothing opens and closes a screen many times, with one widget
// as the client does.
func TestClosingLeavesNothing(t *testing.T) {
	t.Run("vnc", func(t *testing.T) { newWorld(t, tiny).leavesNothing("vnc") })
	t.Run("spice", func(t *testing.T) { newWorld(t, withSpice(t)).leavesNothing("spice") })
}

func (w *world) leavesNothing(kind string) {
	const warm, rounds = 20, 100
	var before, after int
	files := 0
	screen, ended, again := w.openScreen(kind)
	for i := range warm + rounds {
		if i > 0 {
			again()
		}
		w.await("a picture", func() bool { return screen.HasPicture() })
		onMain(screen.Close)
		w.must(<-ended)
		onMain(screen.Clear)
		if i == warm-1 {
			before, files = resident(w.T), descriptors(w.T)
		}
	}
	after = resident(w.T)
	if grown := after - before; grown > 8<<20 {
		w.Errorf("%d rounds took %d KiB", rounds, grown>>10)
	}
	if now := descriptors(w.T); now > files+3 {
		w.Errorf("%d descriptors, and %d after %d more rounds", files, now, rounds)
	}
	w.Logf("%d KiB after %d rounds, %d KiB after %d more", before>>10, warm, after>>10, rounds)
}

// resident is the memory that the program has of its own, after it gave back
// what it can.
func resident(t *testing.T) int {
	t.Helper()
	for range 3 {
		runtime.GC()
		time.Sleep(100 * time.Millisecond) // what is freed at idle
	}
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, rss, shared int
	if _, err := fmt.Sscan(string(statm), &size, &rss, &shared); err != nil {
		t.Fatal(err)
	}
	return (rss - shared) * os.Getpagesize()
}

func descriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
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
