package polkit

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// remembered is how long a user counts among those who ask after his last
// question.
const remembered = time.Second

// queue bounds how many questions are asked at the same time, over all users and
// of each. Users take turns, so a user who asks much waits for his own questions.
// While others ask as well, the user with most questions waiting asks one at a
// time: polkit answers them in the order in which they come.
type queue struct {
	total, perUser int

	mu    sync.Mutex
	taken int
	users map[uint32]*line // who ask, or have asked lately
	turns []*line          // with questions waiting
}

// line is the questions of one user.
type line struct {
	uid     uint32
	taken   int
	waiting []chan struct{} // closed when it is the question's turn
	last    time.Time       // when the last question came
}

func newQueue(total, perUser int) *queue {
	return &queue{total: total, perUser: perUser, users: make(map[uint32]*line)}
}

// take waits for a turn of the user or the end of ctx. done ends the turn.
func (q *queue) take(ctx context.Context, uid uint32) (done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	turn := make(chan struct{})
	q.mu.Lock()
	l := q.note(uid, time.Now())
	if len(l.waiting) == 0 {
		q.turns = append(q.turns, l)
	}
	l.waiting = append(l.waiting, turn)
	q.dispatch()
	q.mu.Unlock()
	select {
	case <-turn:
		return func() { q.done(l) }, nil
	case <-ctx.Done():
		if !q.leave(l, turn) {
			q.done(l) // it was our turn at the same moment
		}
		return nil, ctx.Err()
	}
}

// dispatch gives turns as long as there are any. The caller holds mu.
func (q *queue) dispatch() {
	for range len(q.turns) {
		if q.taken >= q.total {
			return
		}
		l := q.turns[0]
		q.turns = q.turns[1:]
		for limit := q.limit(l); l.taken < limit && len(l.waiting) > 0 && q.taken < q.total; {
			close(l.waiting[0])
			l.waiting = l.waiting[1:]
			l.taken++
			q.taken++
		}
		if len(l.waiting) > 0 {
			q.turns = append(q.turns, l)
		}
	}
}

func (q *queue) done(l *line) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.taken--
	q.taken--
	q.dispatch()
}

// limit is how many questions of a user may be asked now. The caller holds mu.
func (q *queue) limit(l *line) int {
	for _, other := range q.users {
		if other != l && len(other.waiting) >= len(l.waiting) {
			return q.perUser
		}
	}
	if len(q.users) > 1 {
		return 1
	}
	return q.perUser
}

// note finds the line of a user who has a question, and forgets users who have
// had none for some time. The caller holds mu.
func (q *queue) note(uid uint32, now time.Time) *line {
	maps.DeleteFunc(q.users, func(_ uint32, l *line) bool {
		return l.taken == 0 && len(l.waiting) == 0 && now.Sub(l.last) > remembered
	})
	l := q.users[uid]
	if l == nil {
		l = &line{uid: uid}
		q.users[uid] = l
	}
	l.last = now
	return l
}

// leave takes a question that waits out of the queue, and reports whether it
// was there.
func (q *queue) leave(l *line, turn chan struct{}) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(l.waiting, turn)
	if at < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, at, at+1)
	if len(l.waiting) == 0 {
		q.turns = slices.DeleteFunc(q.turns, func(other *line) bool { return other == l })
	}
	return true
}
