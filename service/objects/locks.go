package objects

import (
	"context"
	"sync"
)

// locks keeps changes of one VM's configuration one after the other, so that
// an expected version is still the version when the change is made.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the holder is done
}

func newLocks() *locks { return &locks{held: map[string]chan struct{}{}} }

// lock waits for its turn or for the end of ctx.
func (l *locks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		busy := l.held[key]
		if busy == nil {
			done := make(chan struct{})
			l.held[key] = done
			l.mu.Unlock()
			return func() { l.release(key, done) }, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *locks) release(key string, done chan struct{}) {
	l.mu.Lock()
	delete(l.held, key)
	l.mu.Unlock()
	close(done)
}
