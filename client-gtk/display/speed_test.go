//go:build display

package display_test

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/diamondburned/gotk4/pkg/gdk/v4"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"
	"golang.org/x/sys/unix"

	"org.kvmmanager/client-gtk/display"
)

const (
	wide = 1920
	high = 1080
)

// painter is a VNC server whose whole screen changes as often as the client
// asks, and that answers each key with a change, too.
type painter struct {
	conn   net.Conn
	frames atomic.Int64
	still  atomic.Bool // nothing changes but by keys
	asked  chan struct{}
	keys   chan struct{}
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

// paint answers each request with a whole screen; once still, only after a key.
func (p *painter) paint() {
	head := []byte{0, 0, 0, 1, 0, 0, 0, 0}
	head = binary.BigEndian.AppendUint16(head, wide)
	head = binary.BigEndian.AppendUint16(head, high)
	head = append(head, 0, 0, 0, 0) // raw
	pixels := make([]byte, wide*high*4)
	for n := byte(0); ; n++ {
		if _, goesOn := <-p.asked; !goesOn {
			return
		}
		if p.still.Load() {
			<-p.keys
		}
		for i := range pixels {
			pixels[i] = n
		}
		if _, err := p.conn.Write(head); err != nil {
			return
		}
		_, _ = p.conn.Write(pixels)
		p.frames.Add(1)
	}
}

// BenchmarkConsole is how often in a second a guest's screen of 1080p that
// changes wholly is received and painted, and how long it takes from a key to
// the painted answer, when that changes the whole screen as well. ./dev bench
// reads it.
func BenchmarkConsole(b *testing.B) {
	p, theirs := newPainter(b)
	go p.serve()
	var (
		window    *gtk.Window
		screen    *display.Screen
		painted   atomic.Int64 // frames of the guest that were on the window's
		seen      int64
		connected = make(chan struct{})
	)
	onMain(func() {
		window = gtk.NewWindow()
		window.SetDefaultSize(wide, high)
		screen = display.NewScreen(display.Events{Connected: func() { close(connected) }, Closed: func(error) {}})
		window.SetChild(screen.Widget())
		window.Present()
		if err := screen.Open(theirs, "vnc"); err != nil {
			b.Error(err)
		}
		window.AddTickCallback(func(gtk.Widgetter, gdk.FrameClocker) bool {
			if now := p.frames.Load(); now != seen {
				seen = now
				painted.Add(1)
			}
			return true
		})
	})
	defer onMain(func() {
		screen.Close()
		window.Destroy()
	})
	<-connected
	for painted.Load() < 5 {
		time.Sleep(time.Millisecond)
	}
	const watch = 5 * time.Second
	before, began := painted.Load(), time.Now()
	time.Sleep(watch)
	b.ReportMetric(float64(painted.Load()-before)/time.Since(began).Seconds(), "frames/s")

	p.still.Store(true)
	time.Sleep(time.Second) // what is under way
	const keys = 30
	var waited time.Duration
	for range keys {
		now, began := painted.Load(), time.Now()
		onMain(func() { screen.SendKeys("KEY_A") })
		for painted.Load() == now && time.Since(began) < time.Second {
			time.Sleep(100 * time.Microsecond)
		}
		waited += time.Since(began)
		for len(p.keys) > 0 { // the release of the key
			<-p.keys
		}
		time.Sleep(150 * time.Millisecond)
	}
	b.ReportMetric(float64(waited.Milliseconds())/keys, "ms/echo")
	b.ReportMetric(0, "ns/op")
}
