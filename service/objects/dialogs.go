package objects

import (
	"context"
	"sync"
)

// maxDialogs is how many password dialogs of one user may be open at the same
// time. Who asks for more waits: a dialog may stay open for ever.
const maxDialogs = 4

// dialogs gives each user a turn after the other.
type dialogs struct {
	mu sync.Mutex
	of map[uint32]*turns // by uid: those who wait or have a dialog
}

// turns is the dialogs of one user.
type turns struct {
	open chan struct{}
	uses int // guarded by dialogs.mu: who waits or has one
}

// turn waits for the turn of a call, or for the end of ctx.
func (d *dialogs) turn(ctx context.Context, uid uint32) (done func(), err error) {
	t := d.enter(uid)
	select {
	case t.open <- struct{}{}:
		return func() { <-t.open; d.leave(uid, t) }, nil
	case <-ctx.Done():
		d.leave(uid, t)
		return nil, ctx.Err()
	}
}

func (d *dialogs) enter(uid uint32) *turns {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil {
		d.of = make(map[uint32]*turns)
	}
	t := d.of[uid]
	if t == nil {
		t = &turns{open: make(chan struct{}, maxDialogs)}
		d.of[uid] = t
	}
	t.uses++
	return t
}

func (d *dialogs) leave(uid uint32, t *turns) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.uses--; t.uses == 0 {
		delete(d.of, uid)
	}
}
