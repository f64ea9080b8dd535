package bus

import "sync"

const (
	// maxCallsPerUser is how many calls of one user the handler may have under
	// way, waiting ones such as open password dialogs included, whatever number
	// of connections they come through. root may have half of all.
	maxCallsPerUser = 128
	// maxCalls is how many of all users.
	maxCalls = 1024
	// maxCallSize is the longest body of a call, in bytes, unless the method
	// declares another limit, see maxSizeAnnotation. It has room for the longest
	// description of a VM. Bulk data travels in descriptors.
	maxCallSize = 80 << 10
	// maxValues is how many values a call's arguments may have, those in
	// containers included. Decoded, each takes some hundred bytes.
	maxValues = 4096
	// maxNesting is how deep arguments may be nested.
	maxNesting = 32
)

// limits counts the calls that are in the handler.
type limits struct {
	perUser, total int

	mu       sync.Mutex
	underWay int
	users    map[uint32]int // those with any under way
}

func newLimits(perUser, total int) *limits {
	return &limits{perUser: perUser, total: total, users: make(map[uint32]int)}
}

// enter counts a call; false when there are too many already.
func (l *limits) enter(uid uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.perUser
	if uid == 0 {
		most = max(most, l.total/2)
	}
	if l.underWay >= l.total || l.users[uid] >= most {
		return false
	}
	l.underWay++
	l.users[uid]++
	return true
}

// leave ends what a successful enter began.
func (l *limits) leave(uid uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay--
	if l.users[uid]--; l.users[uid] == 0 {
		delete(l.users, uid)
	}
}

// answering has one answer of a user at a time wait for the socket, of those to
// calls that were in the handler. So a user who asks for many long answers does not
// fill the socket before the answers to others.
type answering struct {
	mu    sync.Mutex
	users map[uint32]*replies // with any
}

// replies is those of one user.
type replies struct {
	turn sync.Mutex
	uses int // guarded by answering.mu: answers that wait or are sent
}

// turn waits until no other answer of the user is sent. done ends the turn.
func (a *answering) turn(uid uint32) (done func()) {
	a.mu.Lock()
	if a.users == nil {
		a.users = make(map[uint32]*replies)
	}
	u := a.users[uid]
	if u == nil {
		u = &replies{}
		a.users[uid] = u
	}
	u.uses++
	a.mu.Unlock()
	u.turn.Lock()
	return func() {
		u.turn.Unlock()
		a.mu.Lock()
		defer a.mu.Unlock()
		if u.uses--; u.uses == 0 {
			delete(a.users, uid)
		}
	}
}
