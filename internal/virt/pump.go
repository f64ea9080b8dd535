package virt

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"libvirt.org/go/libvirt"
)

const (
	// pumpChunk is how much is moved at once.
	pumpChunk = 16 << 10
	// pumpPatience is how long a reader of a console may pause before its
	// output is dropped. A serial line waits for nobody, and libvirt would
	// pile up in memory what is not taken.
	pumpPatience = 5 * time.Second
	// wouldBlock is what a nonblocking stream returns instead of a length.
	wouldBlock = -2
)

// byteStream is what a pump needs of a libvirt.Stream that does not block.
type byteStream interface {
	Recv(p []byte) (int, error)
	Send(p []byte) (int, error)
	EventAddCallback(events libvirt.StreamEventType, callback libvirt.StreamEventCallback) error
	EventUpdateCallback(events libvirt.StreamEventType) error
	EventRemoveCallback() error
	Abort() error
	Free() error
}

// pump moves bytes between a nonblocking stream and a socket until either
// ends. Two goroutines move; libvirt's event loop only wakes them.
type pump struct {
	stream   byteStream
	socket   *os.File
	readable chan struct{} // capacity 1
	writable chan struct{} // capacity 1
	done     chan struct{} // closed by stop
	freed    chan struct{} // closed when the stream is given back
	once     sync.Once
	patience time.Duration
	ending   func() func() // called before the stream is ended, its result after

	mu     sync.Mutex
	events libvirt.StreamEventType // guarded by mu: what libvirt wakes us for
}

func newPump(stream byteStream, socket *os.File) *pump {
	return &pump{
		stream: stream, socket: socket,
		readable: make(chan struct{}, 1), writable: make(chan struct{}, 1), done: make(chan struct{}), freed: make(chan struct{}),
		patience: pumpPatience,
		ending:   func() func() { return func() {} },
		events:   libvirt.STREAM_EVENT_READABLE,
	}
}

// start moves in both directions until the stream, the socket or gone ends.
func (p *pump) start(gone <-chan struct{}) error {
	err := p.stream.EventAddCallback(p.events, func(_ *libvirt.Stream, events libvirt.StreamEventType) {
		defer contain()
		p.wake(events)
	})
	if err != nil {
		_ = p.stream.Abort()
		_ = p.stream.Free()
		_ = p.socket.Close()
		return err
	}
	var movers sync.WaitGroup
	movers.Add(2)
	go func() { defer movers.Done(); defer p.stop(); p.toCaller() }()
	go func() { defer movers.Done(); defer p.stop(); p.toGuest() }()
	go func() {
		select {
		case <-gone:
			p.stop()
		case <-p.done:
		}
		movers.Wait()
		defer close(p.freed)
		defer p.ending()()
		_ = p.stream.EventRemoveCallback()
		_ = p.stream.Abort()
		_ = p.stream.Free()
	}()
	return nil
}

// stop ends both directions. The socket's end wakes whoever waits for it.
func (p *pump) stop() {
	p.once.Do(func() {
		close(p.done)
		_ = p.socket.Close()
	})
}

// wake is called by libvirt's event loop. What it woke somebody for is not
// asked for again until that one wants more, else the loop would spin.
func (p *pump) wake(events libvirt.StreamEventType) {
	if events&(libvirt.STREAM_EVENT_ERROR|libvirt.STREAM_EVENT_HANGUP) != 0 {
		events |= libvirt.STREAM_EVENT_READABLE | libvirt.STREAM_EVENT_WRITABLE
	}
	p.want(0, events)
	if events&libvirt.STREAM_EVENT_READABLE != 0 {
		signal(p.readable)
	}
	if events&libvirt.STREAM_EVENT_WRITABLE != 0 {
		signal(p.writable)
	}
}

// want changes what libvirt wakes us for. The call stays in this process.
func (p *pump) want(more, less libvirt.StreamEventType) {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.events&^less | more
	if events != p.events {
		p.events = events
		_ = p.stream.EventUpdateCallback(events)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait asks to be woken for an event and waits; false when all has ended.
func (p *pump) wait(event libvirt.StreamEventType, woken <-chan struct{}) bool {
	p.want(event, 0)
	select {
	case <-woken:
		return true
	case <-p.done:
		return false
	}
}

// toCaller moves what the guest writes.
func (p *pump) toCaller() {
	buf := make([]byte, pumpChunk)
	patience := p.patience
	for {
		n, err := p.stream.Recv(buf)
		switch {
		case err != nil:
			return
		case n == wouldBlock:
			if !p.wait(libvirt.STREAM_EVENT_READABLE, p.readable) {
				return
			}
			continue
		}
		_ = p.socket.SetWriteDeadline(time.Now().Add(patience))
		_, err = p.socket.Write(buf[:n])
		switch {
		case err == nil:
			patience = p.patience
		case errors.Is(err, os.ErrDeadlineExceeded):
			patience = time.Millisecond // it pauses; drop until it reads again
		default:
			return
		}
	}
}

// toGuest moves what the caller writes.
func (p *pump) toGuest() {
	buf := make([]byte, pumpChunk)
	for {
		n, err := p.socket.Read(buf)
		if n > 0 && p.send(buf[:n]) != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// send writes all of data to the stream.
func (p *pump) send(data []byte) error {
	for len(data) > 0 {
		n, err := p.stream.Send(data)
		switch {
		case err != nil:
			return err
		case n == wouldBlock:
			if !p.wait(libvirt.STREAM_EVENT_WRITABLE, p.writable) {
				return io.ErrClosedPipe
			}
			continue
		}
		data = data[n:]
	}
	return nil
}
