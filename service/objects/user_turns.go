package objects

import (
	"context"
	"sync"
)

const (
	// maxDialogs is how many password dialogs of one user may be open at the same
	// time. Who asks for more waits: a dialog may stay open for ever.
	maxDialogs = 4
	// maxPlans is how many plans for new VMs are made or looked at for one user at
	// the same time. Everybody may ask for them, and for each of its images the
	// hypervisor is asked about all VMs.
	maxPlans = 1
)

// userTurns gives each user a turn after the other, most at the same time.
type userTurns struct {
	most int

	mu sync.Mutex
	of map[uint32]*turns // by uid: those who wait or have a turn
}

// turns is the turns of one user.
type turns struct {
	taken chan struct{}
	uses  int // guarded by userTurns.mu: who waits or has one
}

// turn waits for the turn of a call, or for the end of ctx.
func (u *userTurns) turn(ctx context.Context, uid uint32) (done func(), err error) {
	t := u.enter(uid)
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; u.leave(uid, t) }, nil
	case <-ctx.Done():
		u.leave(uid, t)
		return nil, ctx.Err()
	}
}

func (u *userTurns) enter(uid uint32) *turns {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = make(map[uint32]*turns)
	}
	t := u.of[uid]
	if t == nil {
		t = &turns{taken: make(chan struct{}, u.most)}
		u.of[uid] = t
	}
	t.uses++
	return t
}

func (u *userTurns) leave(uid uint32, t *turns) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t.uses--; t.uses == 0 {
		delete(u.of, uid)
	}
}
