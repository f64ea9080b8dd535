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

// lockNow is lock for who does not wait: false while somebody holds it.
func (l *locks) lockNow(key string) (unlock func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[key] != nil {
		return nil, false
	}
	done := make(chan struct{})
	l.held[key] = done
	return func() { l.release(key, done) }, true
}

// taken says whether somebody holds it.
func (l *locks) taken(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[key] != nil
}

// lock waits for its turn or for the end of ctx.
func (l *locks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		if unlock, ok := l.lockNow(key); ok {
			return unlock, nil
		}
		l.mu.Lock()
		busy := l.held[key]
		l.mu.Unlock()
		if busy == nil {
			continue
		}
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
