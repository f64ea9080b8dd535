package virt

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"org.kvmmanager/internal/errs"
)

// TestAHostThatNeverAnswersIsGivenUp has attempts that end when the test says so.
func TestAHostThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	uri := node(t, 1)
	var attempts atomic.Int32
	answer, opened := make(chan struct{}), make(chan *Conn, dialsAtOnce+1)
	h := New(discard())
	h.open = func(uri string, log *slog.Logger) (*Conn, error) {
		attempts.Add(1)
		<-answer
		c, err := open(uri, log)
		opened <- c
		return c, err
	}
	for range 2 * dialsAtOnce {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := h.Open(ctx, uri); !errs.Is(err, errs.Disconnected) {
			t.Errorf("it does not answer: %v", err)
		}
		cancel()
	}
	if n := attempts.Load(); n > dialsAtOnce {
		t.Errorf("%d attempts are under way", n)
	}
	close(answer)
	for range dialsAtOnce {
		select {
		case <-(<-opened).main.closed:
		case <-time.After(patience):
			t.Fatal("what came too late stays open")
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := h.Open(t.Context(), uri)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
