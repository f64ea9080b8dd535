//go:build display

package display_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/glib/v2"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"
	"golang.org/x/sys/unix"

	"org.kvmmanager/client-gtk/display"
)

const (
	wide = 1920
	high = 1080
)

// painter is a VNC server whose whole screen changes as often as the client
// asks. Once it is still, only a key makes a change: of a letter, or of the
// whole screen.
type painter struct {
	conn  net.Conn
	asked chan struct{}
	keys  chan struct{}
	asks  atomic.Int64 // pictures that the client asked for
	still atomic.Bool
	small atomic.Bool // the change is a letter
}

func newPainter(b *testing.B) (p *painter, theirs *os.File) {
	b.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	ours := os.NewFile(uintptr(fds[0]), "ours")
	conn, err := net.FileConn(ours)
	if err != nil {
		b.Fatal(err)
	}
	_ = ours.Close()
	b.Cleanup(func() { _ = conn.Close() })
	p = &painter{conn: conn, asked: make(chan struct{}, 100), keys: make(chan struct{}, 100)}
	return p, os.NewFile(uintptr(fds[1]), "theirs")
}

func (p *painter) read(n int) []byte {
	buffer := make([]byte, n)
	if _, err := io.ReadFull(p.conn, buffer); err != nil {
		return make([]byte, n)
	}
	return buffer
}

// greet is the beginning of a connection: RFC 6143, 7.1 to 7.3.
func (p *painter) greet() {
	_, _ = p.conn.Write([]byte("RFB 003.008\n"))
	p.read(12)
	_, _ = p.conn.Write([]byte{1, 1}) // no authentication
	p.read(1)
	_, _ = p.conn.Write([]byte{0, 0, 0, 0})
	p.read(1)
	hello := binary.BigEndian.AppendUint16(nil, wide)
	hello = binary.BigEndian.AppendUint16(hello, high)
	hello = append(hello, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0, 0, 0, 0, 4)
	_, _ = p.conn.Write(append(hello, "test"...))
}

// serve reads what the client says: RFC 6143, 7.5.
func (p *painter) serve() {
	p.greet()
	go p.paint()
	for {
		kind := make([]byte, 1)
		if _, err := io.ReadFull(p.conn, kind); err != nil {
			close(p.asked)
			return
		}
		switch kind[0] {
		case 0: // SetPixelFormat
			p.read(19)
		case 2: // SetEncodings
			p.read(4 * int(binary.BigEndian.Uint16(p.read(3)[1:])))
		case 3: // FramebufferUpdateRequest
			p.read(9)
			p.asks.Add(1)
			p.asked <- struct{}{}
		case 4: // KeyEvent
			p.read(7)
			p.keys <- struct{}{}
		case 5: // PointerEvent
			p.read(5)
		default:
			close(p.asked)
			return
		}
	}
}

// picture is a message with one rectangle, uncompressed: RFC 6143, 7.6.1.
func picture(width, height int, value byte) []byte {
	message := []byte{0, 0, 0, 1, 0, 0, 0, 0}
	message = binary.BigEndian.AppendUint16(message, uint16(width))
	message = binary.BigEndian.AppendUint16(message, uint16(height))
	message = append(message, 0, 0, 0, 0)
	return append(message, bytes.Repeat([]byte{value}, width*height*4)...)
}

// paint answers the requests, with pictures that are made before: what is
// measured is not how they are made.
func (p *painter) paint() {
	var screens, letters [2][]byte
	for i := range screens {
		screens[i] = picture(wide, high, byte(100*i))
		letters[i] = picture(10, 20, byte(50*i))
	}
	for n := 0; ; n++ {
		if _, goesOn := <-p.asked; !goesOn {
			return
		}
		if p.still.Load() {
			<-p.keys
		}
		message := screens[n%2]
		if p.small.Load() {
			message = letters[n%2]
		}
		if _, err := p.conn.Write(message); err != nil {
			return
		}
	}
}

// counter counts the frames of a window in which something that was counted
// elsewhere had changed.
type counter struct{ seen, frames atomic.Int64 }

// watch also keeps the clock of the frames going: what is counted late is
// counted in the next sixtieth of a second.
func (c *counter) watch(window *gtk.Window, changes *atomic.Int64) {
	gdk.BaseFrameClock(window.FrameClock()).ConnectAfterPaint(func() {
		if now := changes.Load(); now != c.seen.Swap(now) {
			c.frames.Add(1)
		}
	})
	window.AddTickCallback(func(gtk.Widgetter, gdk.FrameClocker) bool { return true })
}

// rate is how many frames a second there are.
func (c *counter) rate() float64 {
	for c.frames.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	before, began := c.frames.Load(), time.Now()
	time.Sleep(5 * time.Second)
	return float64(c.frames.Load()-before) / time.Since(began).Seconds()
}

// fullScreen is a window as large as the pictures, without anything around.
func fullScreen() *gtk.Window {
	window := gtk.NewWindow()
	window.SetDecorated(false)
	window.SetDefaultSize(wide, high)
	return window
}

// BenchmarkConsole is how often in a second a guest's screen of 1080p that
// changes wholly is received and painted in full screen, and how long it takes
// from a key to the painted answer, when that is a letter and when it is the
// whole screen. A picture is asked for after the last one was received and
// drawn, or is drawn in the very next frame: so it counts when a frame ends and
// the next one had been asked for. ./dev bench reads it.
func BenchmarkConsole(b *testing.B) {
	p, theirs := newPainter(b)
	go p.serve()
	var (
		window    *gtk.Window
		screen    *display.Screen
		shown     counter
		connected = make(chan struct{})
	)
	onMain(func() {
		window = fullScreen()
		screen = display.NewScreen(display.Events{Connected: func() { close(connected) }, Closed: func(error) {}})
		window.SetChild(screen.Widget())
		window.Present()
		shown.watch(window, &p.asks)
		if err := screen.Open(theirs, "vnc"); err != nil {
			b.Error(err)
		}
	})
	defer onMain(func() {
		screen.Close()
		window.Destroy()
	})
	<-connected
	b.ReportMetric(shown.rate(), "frames/s")
	p.still.Store(true)
	b.ReportMetric(echo(b, p, screen, &shown), "ms/screen")
	p.small.Store(true)
	b.ReportMetric(echo(b, p, screen, &shown), "ms/letter")
	b.ReportMetric(0, "ns/op")
}

// echo is how many milliseconds it takes from a key to its painted answer.
func echo(b *testing.B, p *painter, screen *display.Screen, shown *counter) float64 {
	b.Helper()
	const keys = 30
	var waited time.Duration
	for range keys {
		time.Sleep(300 * time.Millisecond) // what is under way
		for len(p.keys) > 0 {              // the release of the last key
			<-p.keys
		}
		before, began := shown.frames.Load(), time.Now()
		onMain(func() { screen.SendKeys("KEY_A") })
		for shown.frames.Load() == before {
			if time.Since(began) > limit {
				b.Fatal("a key has no answer")
			}
			time.Sleep(100 * time.Microsecond)
		}
		waited += time.Since(began)
	}
	return float64(waited.Microseconds()) / keys / 1000
}

// BenchmarkPainting is how often GTK paints two ready pictures of 1080p in
// turns, without a guest: nothing that receives them first can be quicker.
func BenchmarkPainting(b *testing.B) {
	var (
		window  *gtk.Window
		changes atomic.Int64
		shown   counter
		ended   atomic.Bool
	)
	onMain(func() {
		var pictures [2]*gdk.MemoryTexture
		for i := range pictures {
			pixels := bytes.Repeat([]byte{byte(100 * i), 0, 0, 255}, wide*high)
			pictures[i] = gdk.NewMemoryTexture(wide, high, gdk.MemoryB8G8R8A8Premultiplied, glib.NewBytesWithGo(pixels), wide*4)
		}
		window = fullScreen()
		shows := gtk.NewPicture()
		window.SetChild(shows)
		window.Present()
		shown.watch(window, &changes)
		window.AddTickCallback(func(gtk.Widgetter, gdk.FrameClocker) bool {
			shows.SetPaintable(pictures[changes.Add(1)%2])
			return !ended.Load()
		})
	})
	b.ReportMetric(shown.rate(), "frames/s")
	ended.Store(true) // or the main loop has no time for anything else
	onMain(func() { window.Destroy() })
	b.ReportMetric(0, "ns/op")
}
