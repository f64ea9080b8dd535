package virt

import (
	"context"
	"errors"
	"io"
	"sync"

	"libvirt.org/go/libvirt"
)

// screenshotChunk is how much of an image is read at once: what one packet of
// libvirt's holds.
const screenshotChunk = 256 << 10

// Screenshot writes an image; see inventory.Conn. After it has returned, w is
// not written to any more.
func (c *Conn) Screenshot(ctx context.Context, uuid string, screen uint32, w io.Writer) (string, error) {
	out := &gate{w: w}
	defer out.shut()
	return operate(ctx, c, work[string]{uuid: uuid}, func(conn *libvirt.Connect) (string, error) {
		dom, err := conn.LookupDomainByUUIDString(uuid)
		if err != nil {
			return "", err
		}
		defer dom.Free()
		stream, err := conn.NewStream(0)
		if err != nil {
			return "", err
		}
		defer stream.Free()
		mime, err := dom.Screenshot(stream, screen, 0)
		if err != nil {
			return "", err
		}
		return mime, drain(stream, out)
	})
}

// drain copies a stream to its end, or aborts it.
func drain(stream *libvirt.Stream, w io.Writer) error {
	buf := make([]byte, screenshotChunk)
	for {
		n, err := stream.Recv(buf)
		if errors.Is(err, io.EOF) {
			return stream.Finish()
		}
		if err == nil {
			_, err = w.Write(buf[:n])
		}
		if err != nil {
			_ = stream.Abort()
			return err
		}
	}
}

// gate is a writer that can be shut while somebody writes.
type gate struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu; nil once shut
}

var errShut = errors.New("nobody waits for the image any more")

// Write passes on what comes before shut.
func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.w == nil {
		return 0, errShut
	}
	return g.w.Write(p)
}

// shut waits for a write under way and refuses further ones.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.w = nil
}
