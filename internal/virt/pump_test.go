package virt

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"libvirt.org/go/libvirt"
)

// wire is a stream of libvirt's as the guest's side sees it: what the guest
// writes can be received, and what is sent is kept. Like libvirt it calls back
// again and again while a wanted event holds.
type wire struct {
	mu       sync.Mutex
	changed  *sync.Cond
	callback libvirt.StreamEventCallback
	events   libvirt.StreamEventType
	toCaller bytes.Buffer
	toGuest  bytes.Buffer
	room     int   // what the guest's side takes until it is full
	end      error // what Recv returns after the last byte
	removed  bool
	freed    bool
}

func newWire() *wire {
	w := &wire{room: 1 << 30}
	w.changed = sync.NewCond(&w.mu)
	return w
}

// loop is libvirt's event loop for this stream.
func (w *wire) loop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.removed {
		var now libvirt.StreamEventType
		if w.toCaller.Len() > 0 || w.end != nil {
			now |= libvirt.STREAM_EVENT_READABLE
		}
		if w.room > 0 {
			now |= libvirt.STREAM_EVENT_WRITABLE
		}
		if now &= w.events; now == 0 {
			w.changed.Wait()
			continue
		}
		w.mu.Unlock()
		w.callback(nil, now)
		w.mu.Lock()
	}
}

// set changes the stream from the guest's side.
func (w *wire) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.changed.Broadcast()
}

func (w *wire) Recv(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.toCaller.Len() > 0:
		defer w.changed.Broadcast()
		return w.toCaller.Read(p)
	case w.end != nil:
		return 0, w.end
	}
	return wouldBlock, nil
}

func (w *wire) Send(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.room == 0 {
		return wouldBlock, nil
	}
	n := min(len(p), w.room)
	w.room -= n
	w.toGuest.Write(p[:n])
	w.changed.Broadcast()
	return n, nil
}

func (w *wire) EventAddCallback(events libvirt.StreamEventType, callback libvirt.StreamEventCallback) error {
	w.events, w.callback = events, callback
	go w.loop()
	return nil
}

func (w *wire) EventUpdateCallback(events libvirt.StreamEventType) error {
	w.set(func() { w.events = events })
	return nil
}

func (w *wire) EventRemoveCallback() error {
	w.set(func() { w.removed = true })
	return nil
}

func (w *wire) Abort() error { return nil }

func (w *wire) Free() error {
	w.set(func() { w.freed = true })
	return nil
}

// pumping starts a pump and gives the caller's end of it. At the end of the
// test it must have given everything back.
func pumping(t *testing.T, w *wire, patience time.Duration, gone <-chan struct{}) *os.File {
	t.Helper()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	p := newPump(w, ours)
	p.patience = patience
	if err := p.start(gone); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = theirs.Close()
		select {
		case <-p.freed:
		case <-time.After(patience + 10*time.Second):
			t.Error("the stream was not given back")
		}
	})
	return theirs
}

func TestBytesGoBothWays(t *testing.T) {
	t.Parallel()
	w := newWire()
	caller := pumping(t, w, pumpPatience, nil)
	w.set(func() { w.toCaller.WriteString("login: \x00\xff") })
	buf := make([]byte, 9)
	if _, err := io.ReadFull(caller, buf); err != nil || string(buf) != "login: \x00\xff" {
		t.Errorf("%q, %v", buf, err)
	}
	if _, err := caller.WriteString("root\r"); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.toGuest.String() != "root\r" {
		w.changed.Wait()
	}
}

func TestAFullGuestIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWire()
	w.room = 3
	caller := pumping(t, w, pumpPatience, nil)
	if _, err := caller.WriteString("abcdef"); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	for w.toGuest.Len() < 3 {
		w.changed.Wait()
	}
	w.room = 10
	w.changed.Broadcast()
	for w.toGuest.String() != "abcdef" {
		w.changed.Wait()
	}
	w.mu.Unlock()
}

func TestTheEndOfTheGuestIsTheEndOfTheFile(t *testing.T) {
	t.Parallel()
	for _, end := range []error{io.EOF, errors.New("reset")} {
		w := newWire()
		caller := pumping(t, w, pumpPatience, nil)
		w.set(func() { w.toCaller.WriteString("bye"); w.end = end })
		if rest, err := io.ReadAll(caller); err != nil || string(rest) != "bye" {
			t.Errorf("%q, %v", rest, err)
		}
	}
}

func TestTheEndOfTheConnectionIsTheEndOfTheFile(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	caller := pumping(t, newWire(), pumpPatience, gone)
	close(gone)
	if rest, err := io.ReadAll(caller); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestAReaderThatPausesLosesOutputAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWire()
	caller := pumping(t, w, time.Millisecond, nil)
	const output = 2 << 20 // more than the socket holds
	w.set(func() { w.toCaller.Write(make([]byte, output)) })
	w.mu.Lock()
	for w.toCaller.Len() > 0 { // nobody reads, and it is taken all the same
		w.changed.Wait()
	}
	w.mu.Unlock()
	w.set(func() { w.toCaller.WriteString("again"); w.end = io.EOF })
	rest, err := io.ReadAll(caller)
	if err != nil || len(rest) >= output {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
}
